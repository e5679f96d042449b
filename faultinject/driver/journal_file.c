#include "driver/journal_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/file_table.h"

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

/* The directory as it is at the beginning stands in the journal like everything later, and is durable at its end. */
static struct fi_record *add(struct fi_journal *journal, uint32_t op, const char *path)
{
    uint64_t slot = atomic_fetch_add(&journal->next, 1);
    if (slot >= FI_RECORDS_MAX)
        return NULL;
    struct fi_record *record = &journal->records[slot];
    record->op = (uint16_t)op;
    record->file = record->gone = FI_NO_FILE;
    record->undo = FI_NO_UNDO;
    record->name = fi_files_name(journal, path);
    atomic_store(&record->end, slot + 1);
    atomic_store(&record->state, FI_RECORD_DONE);
    return record;
}

static int enter_link(struct fi_journal *journal, int dir, const char *name, const char *path)
{
    char target[FI_PATH_MAX];
    ssize_t length = readlinkat(dir, name, target, sizeof target - 1);
    struct fi_record *record = length < 0 ? NULL : add(journal, FI_OP_LINK, path);
    if (!record)
        return -1;
    target[length] = '\0';
    record->name2 = fi_files_name(journal, target);
    return 0;
}

static int enter_file(struct fi_journal *journal, const struct stat *st, const char *path)
{
    uint32_t file = fi_files_enter(journal, st->st_ino, (uint64_t)st->st_size, path);
    struct fi_record *record = file == FI_NO_FILE ? NULL : add(journal, FI_OP_OPEN, path);
    if (!record)
        return -1;
    record->file = file;
    record->length = (uint64_t)st->st_size;
    return 0;
}

/* Enters what is below an open directory, which it takes over. `path` is its name, with room for more. */
static int enter_all(struct fi_journal *journal, int fd, char path[FI_PATH_MAX])
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
        const char *name = entry->d_name;
        if (!strcmp(name, ".") || !strcmp(name, "..") || fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        snprintf(path + length, FI_PATH_MAX - length, "%s%s", length ? "/" : "", name);
        if (S_ISREG(st.st_mode))
            result = enter_file(journal, &st, path);
        else if (S_ISLNK(st.st_mode))
            result = enter_link(journal, dirfd(dir), name, path);
        else if (S_ISDIR(st.st_mode))
            result = add(journal, FI_OP_MKDIR, path)
                         ? enter_all(journal, openat(dirfd(dir), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path)
                         : -1;
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
    struct fi_record *durable = enter_all(journal, fd, path) ? NULL : add(journal, FI_OP_FSYNC, "");
    if (!durable) {
        snprintf(why, why_size, "%s cannot be read, or holds more files than a journal has room for", data_dir);
        return -1;
    }
    durable->file = FI_ALL_FILES;
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
