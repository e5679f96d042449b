#include "journal_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

static void remove_all(const char *side_dir)
{
    DIR *dir = opendir(side_dir);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}

static void *map(int fd, char *why, size_t why_size)
{
    void *memory = mmap(NULL, sizeof(struct fi_journal), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED)
        return memory;
    snprintf(why, why_size, "cannot map the journal: %s", strerror(errno));
    return NULL;
}

/* Enters the regular files below `dir`. `path` is its name below the data directory, with room for more. */
static int enter_files(struct fi_journal *journal, int fd, char path[FI_PATH_MAX])
{
    DIR *dir = fdopendir(fd);
    size_t length = strlen(path);
    int result = 0;
    if (!dir) {
        close(fd);
        return -1;
    }
    for (struct dirent *entry; !result && (entry = readdir(dir));) {
        struct stat st;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        snprintf(path + length, FI_PATH_MAX - length, "%s%s", length ? "/" : "", entry->d_name);
        if (S_ISREG(st.st_mode))
            result = fi_files_enter(journal, st.st_ino, (uint64_t)st.st_size, path) == FI_NO_FILE ? -1 : 0;
        int below = S_ISDIR(st.st_mode) ? openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (below >= 0)
            result = enter_files(journal, below, path);
    }
    path[length] = '\0';
    closedir(dir);
    return result;
}

static int begin(struct fi_journal *journal, const char *data_dir, char *why, size_t why_size)
{
    char path[FI_PATH_MAX] = "";
    struct stat st;
    int fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st)) {
        snprintf(why, why_size, "%s: %s", data_dir, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    journal->device = st.st_dev;
    atomic_store(&journal->named, 1);
    if (enter_files(journal, fd, path)) {
        snprintf(why, why_size, "%s holds more files than a journal has room for", data_dir);
        return -1;
    }
    journal->version = FI_JOURNAL_VERSION;
    journal->size = sizeof *journal;
    journal->magic = FI_JOURNAL_MAGIC;
    return 0;
}

struct fi_journal *fi_journal_create(const char *side_dir, const char *data_dir, char *why, size_t why_size)
{
    remove_all(side_dir);
    int dir = open(side_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int undo = openat(dir, FI_UNDO_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int fd = openat(dir, FI_JOURNAL_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct fi_journal *journal = NULL;
    int error = fd < 0 || undo < 0 ? errno : posix_fallocate(fd, 0, (off_t)sizeof *journal);
    if (error)
        snprintf(why, why_size, "journal in %s: %s", side_dir, strerror(error));
    else
        journal = map(fd, why, why_size);
    if (dir >= 0)
        close(dir);
    if (undo >= 0)
        close(undo);
    if (fd >= 0)
        close(fd);
    if (!journal || !begin(journal, data_dir, why, why_size))
        return journal;
    fi_journal_close(journal);
    return NULL;
}

bool fi_journal_valid(const struct fi_journal *journal, uint64_t size)
{
    return size >= sizeof *journal && journal->magic == FI_JOURNAL_MAGIC && journal->version == FI_JOURNAL_VERSION &&
           journal->size == sizeof *journal;
}

/* What a record points at must exist, or a reader would follow it into nowhere. */
static bool sound(const struct fi_journal *journal)
{
    uint64_t count = fi_journal_count(journal);
    if (journal->names[FI_NAMES_MAX - 1])
        return false;
    for (uint64_t i = 0; i < count; i++) {
        const struct fi_record *record = &journal->records[i];
        bool file = record->file < FI_FILES_MAX || record->file == FI_NO_FILE || record->file == FI_ALL_FILES;
        bool gone = record->gone < FI_FILES_MAX || record->gone == FI_NO_FILE;
        if (!file || !gone || record->op >= FI_OP_COUNT || record->name >= FI_NAMES_MAX ||
            record->name2 >= FI_NAMES_MAX)
            return false;
    }
    return true;
}

struct fi_journal *fi_journal_open(const char *side_dir, char *why, size_t why_size)
{
    char path[FI_PATH_MAX + 16];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", side_dir, FI_JOURNAL_NAME);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st)) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct fi_journal *journal = NULL;
    if ((uint64_t)st.st_size < sizeof *journal)
        snprintf(why, why_size, "%s: not a journal (too small)", path);
    else
        journal = map(fd, why, why_size);
    close(fd);
    if (journal && (!fi_journal_valid(journal, (uint64_t)st.st_size) || !sound(journal))) {
        snprintf(why, why_size, "%s: not a journal of version %d, or damaged", path, FI_JOURNAL_VERSION);
        fi_journal_close(journal);
        return NULL;
    }
    return journal;
}

void fi_journal_close(struct fi_journal *journal)
{
    if (journal)
        munmap(journal, sizeof *journal);
}

uint64_t fi_journal_count(const struct fi_journal *journal)
{
    uint64_t claimed = atomic_load(&journal->next);
    return claimed < FI_RECORDS_MAX ? claimed : FI_RECORDS_MAX;
}

const char *fi_journal_text(const struct fi_journal *journal, uint32_t offset)
{
    return offset < FI_NAMES_MAX ? journal->names + offset : "";
}

bool fi_journal_incomplete(const struct fi_journal *journal, char *why, size_t why_size)
{
    int broken = (int)atomic_load(&journal->broken);
    if (atomic_load(&journal->next) > FI_RECORDS_MAX)
        snprintf(why, why_size, "the journal is full (%d records)", FI_RECORDS_MAX);
    else if (broken)
        snprintf(why, why_size, "the journal missed something: %s", strerror(broken));
    else
        return false;
    return true;
}
