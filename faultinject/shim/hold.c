#include "shim/hold.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "shim/record.h"
#include "shim/state.h"

void fi_sleep_ns(uint64_t ns)
{
    struct timespec left = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    while (FI_OWN(SYS_nanosleep, (long)&left, (long)&left) == -EINTR)
        ;
}

static uint64_t inode_of(int fd)
{
    struct stat st = {0};
    return FI_OWN(SYS_fstat, fd, (long)&st) ? 0 : st.st_ino;
}

int fi_busy_begin(int fd)
{
    struct fi_control *control = fi_shim.control;
    int32_t pid = (int32_t)FI_OWN(SYS_getpid, 0);
    for (int i = 0; i < FI_BUSY_MAX; i++) {
        int32_t nobody = 0;
        if (!atomic_compare_exchange_strong(&control->busy[i].pid, &nobody, pid))
            continue;
        atomic_store(&control->busy[i].inode, inode_of(fd));
        atomic_fetch_add(&control->busy_count, 1);
        return i;
    }
    return -1;
}

void fi_busy_end(int slot)
{
    if (slot < 0)
        return;
    atomic_store(&fi_shim.control->busy[slot].inode, 0);
    atomic_fetch_sub(&fi_shim.control->busy_count, 1);
    atomic_store(&fi_shim.control->busy[slot].pid, 0);
}

/* A holder that was killed meanwhile holds nothing. */
static bool is_busy(uint64_t inode)
{
    for (int i = 0; i < FI_BUSY_MAX; i++) {
        struct fi_busy *busy = &fi_shim.control->busy[i];
        int32_t pid = atomic_load(&busy->pid);
        if (!pid || atomic_load(&busy->inode) != inode)
            continue;
        if (FI_OWN(SYS_kill, pid, 0) != -ESRCH)
            return true;
        fi_busy_end(i);
    }
    return false;
}

static void wait_while_busy(int fd)
{
    if (!atomic_load_explicit(&fi_shim.control->busy_count, memory_order_relaxed))
        return;
    for (uint64_t inode = inode_of(fd); is_busy(inode);)
        fi_sleep_ns(FI_NS_PER_MS / 5);
}

uint32_t fi_writer_begin(int fd)
{
    wait_while_busy(fd);
    uint32_t file = fi_shim.journal ? fi_record_file(fd) : FI_NO_FILE;
    if (file == FI_NO_FILE)
        return file;
    _Atomic uint32_t *writers = &fi_shim.journal->files[file].writers;
    for (;;) { /* counted first and asked then: whoever makes the file busy sees one or is seen */
        atomic_fetch_add(writers, 1);
        if (!atomic_load(&fi_shim.control->busy_count) || !is_busy(inode_of(fd)))
            return file;
        atomic_fetch_sub(writers, 1);
        wait_while_busy(fd);
    }
}

void fi_writer_end(uint32_t file)
{
    if (file != FI_NO_FILE)
        atomic_fetch_sub(&fi_shim.journal->files[file].writers, 1);
}

/* A writer that was killed on its way is never seen to arrive. */
void fi_writers_wait(int fd)
{
    enum { TRIES = 1000 };
    uint32_t file = fi_shim.journal ? fi_record_file(fd) : FI_NO_FILE;
    for (int i = 0; file != FI_NO_FILE && atomic_load(&fi_shim.journal->files[file].writers) && i < TRIES; i++)
        fi_sleep_ns(FI_NS_PER_MS / 5);
}
