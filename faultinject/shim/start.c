/* Start-up of the library: finds its control block and journal. Without them the program runs as if nothing were there.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/real.h"
#include "shim/state.h"
#include "shim/trap.h"
#include "shim/trap_start.h"

static void complain(const char *path, const char *what)
{
    const char *parts[] = {"libfaultinject: ", path, ": ", what, "; running without faults\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0)
            return;
}

static bool layout_fits(const struct fi_control *control)
{
    return control->head.magic == FI_CONTROL_MAGIC && control->head.version == FI_CONTROL_VERSION &&
           control->size == sizeof *control && control->role_count <= FI_ROLES_MAX &&
           control->filter_len <= FI_FILTER_MAX && control->data_dir[0] == '/' && control->head.secret &&
           memchr(control->data_dir, '\0', FI_PATH_MAX) && memchr(control->side_dir, '\0', FI_PATH_MAX);
}

/*
 * Maps a shared file of at least `size` bytes; NULL when that cannot be. An exec'd program may have inherited the
 * filter and has no handler yet: opening for writing needs the secret, and mapping is done in two steps (trap.c).
 */
static void *map_shared(uint32_t secret, const char *path, size_t size)
{
    struct stat st = {0};
    void *memory = MAP_FAILED;
    int fd = (int)FI_RAW(secret, SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && (size_t)st.st_size >= size)
        memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    FI_RAW(secret, SYS_close, fd);
    if (memory == MAP_FAILED || mprotect(memory, size, PROT_READ | PROT_WRITE))
        return NULL;
    return memory;
}

/* The beginning of a block, up to its secret. */
static bool read_head(const char *path, struct fi_control_head *head)
{
    int fd = (int)FI_RAW(0, SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool whole = FI_RAW(0, SYS_read, fd, (long)head, sizeof *head) == sizeof *head;
    FI_RAW(0, SYS_close, fd);
    return whole;
}

static struct fi_control *attach(const char *path)
{
    struct fi_control_head head = {0};
    if (access(path, R_OK | W_OK)) {
        complain(path, "cannot be opened");
        return NULL;
    }
    bool ours = read_head(path, &head) && head.magic == FI_CONTROL_MAGIC && head.version == FI_CONTROL_VERSION;
    struct fi_control *control = ours ? map_shared(head.secret, path, sizeof *control) : NULL;
    if (control && layout_fits(control))
        return control;
    complain(path, "is not a control block of this version");
    if (control)
        munmap(control, sizeof *control);
    return NULL;
}

/* A journal that was announced and is not there: without it no power cut can be worked out, and nothing is lost. */
static struct fi_journal *attach_journal(const struct fi_control *control)
{
    char path[FI_PATH_MAX + 16];
    size_t length = strlen(control->side_dir);
    if (!length)
        return NULL;
    memcpy(path, control->side_dir, length);
    memcpy(path + length, "/" FI_JOURNAL_NAME, sizeof "/" FI_JOURNAL_NAME);
    struct fi_journal *journal = map_shared(control->head.secret, path, sizeof *journal);
    if (journal && journal->magic == FI_JOURNAL_MAGIC && journal->version == FI_JOURNAL_VERSION &&
        journal->size == sizeof *journal)
        return journal;
    complain(path, "is not a journal of this version");
    if (journal)
        munmap(journal, sizeof *journal);
    return NULL;
}

__attribute__((constructor)) static void load(void)
{
    fi_real(); /* not left to a moment when the server counts on us */
    const char *path = getenv(FI_CONTROL_ENV);
    struct fi_control *control = path ? attach(path) : NULL;
    if (!control)
        return;
    fi_shim.journal = attach_journal(control);
    fi_shim.control = control;
    fi_shim_become(FI_ROLE_SERVER);
    fi_trap_handle();
    atomic_fetch_add(&control->attached, 1);
    atomic_store(&control->attached_pid, (int32_t)getpid());
    fi_trap_start_for(AT_FDCWD, "."); /* started inside: nothing will lead here later */
}
