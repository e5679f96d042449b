/* Carrying out a decision: what a rule's action does to one operation. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "shim/record.h"

#define NANOSECONDS_PER_MS 1000000

/* How slow the disk is: what a server loses may be that. Of several at once, the one that began first counts. */
static long timed_sync(const struct fi_call *call)
{
    struct fi_control *control = fi_shim.control;
    uint64_t none = 0;
    uint64_t began = fi_now_ns();
    bool first = atomic_compare_exchange_strong(&control->sync_began_ns, &none, began);
    long result = fi_raw(control->head.secret, call->row->number, call->args);
    uint64_t took = fi_now_ns() - began;
    uint64_t slowest = atomic_load(&control->slowest_sync_ns);
    while (took > slowest && !atomic_compare_exchange_weak(&control->slowest_sync_ns, &slowest, took))
        ;
    if (first)
        atomic_store(&control->sync_began_ns, 0);
    return result;
}

static long pass(const struct fi_call *call)
{
    if (FI_OPS_SYNC >> call->op & 1)
        return timed_sync(call);
    return fi_raw(fi_shim.control->head.secret, call->row->number, call->args);
}

long fi_perform_pass(const struct fi_call *call)
{
    if (!fi_shim.journal)
        return pass(call);
    struct fi_note note;
    fi_record_begin(&note, call);
    long result = pass(call);
    fi_record_end(&note, result);
    return result;
}

static void sleep_ns(uint64_t ns)
{
    struct timespec left = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    while (FI_OWN(SYS_nanosleep, (long)&left, (long)&left) == -EINTR)
        ;
}

static void kill_now(int pid, int signal)
{
    FI_OWN(SYS_kill, pid, signal);
    for (;;) /* the signal is on its way: nothing after this point may happen */
        FI_OWN(SYS_pause, 0);
}

/* The first to cut names the moment. Where the file system cannot be shut down, the group waits for the driver. */
static void cut_power(void)
{
    struct fi_control *control = fi_shim.control;
    uint64_t none = 0;
    uint32_t how = FI_SHUTDOWN_NOFLUSH;
    bool down = true;
    if (atomic_compare_exchange_strong(&control->cut_ns, &none, fi_now_ns()))
        atomic_store(&control->cut_at, fi_shim.journal ? atomic_load(&fi_shim.journal->next) : 0);
    if (atomic_load(&control->cut_method) == FI_CUT_REAL) {
        long fd = FI_OWN(SYS_openat, AT_FDCWD, (long)control->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        down = fd >= 0 && FI_OWN(SYS_ioctl, fd, FI_SHUTDOWN, (long)&how) == 0;
    }
    kill_now(0, down ? SIGKILL : SIGSTOP);
}

static void hang(const struct fi_decision *decision)
{
    while (atomic_load(&fi_shim.control->rules[decision->rule].armed))
        sleep_ns(NANOSECONDS_PER_MS);
}

void fi_perform_common(const struct fi_decision *decision)
{
    switch (decision->action) {
    case FI_DO_KILL: kill_now((int)FI_OWN(SYS_getpid, 0), SIGKILL); break;
    case FI_DO_KILL_GROUP:
    case FI_DO_TORN: kill_now(0, SIGKILL); break;
    case FI_DO_POWER_CUT: cut_power(); break;
    case FI_DO_DELAY: sleep_ns(decision->arg * NANOSECONDS_PER_MS); break;
    case FI_DO_HANG: hang(decision); break;
    default: break;
    }
}

/* ---- an fsync that is held up ---- */

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

void fi_busy_wait(int fd)
{
    if (!atomic_load_explicit(&fi_shim.control->busy_count, memory_order_relaxed))
        return;
    for (uint64_t inode = inode_of(fd); is_busy(inode);)
        sleep_ns(NANOSECONDS_PER_MS / 5);
}

uint32_t fi_writer_begin(int fd)
{
    fi_busy_wait(fd);
    uint32_t file = fi_shim.journal ? fi_record_file(fd) : FI_NO_FILE;
    if (file == FI_NO_FILE)
        return file;
    _Atomic uint32_t *writers = &fi_shim.journal->files[file].writers;
    for (;;) { /* counted first and asked then: whoever makes the file busy sees one or is seen */
        atomic_fetch_add(writers, 1);
        if (!atomic_load(&fi_shim.control->busy_count) || !is_busy(inode_of(fd)))
            return file;
        atomic_fetch_sub(writers, 1);
        fi_busy_wait(fd);
    }
}

void fi_writer_end(uint32_t file)
{
    if (file != FI_NO_FILE)
        atomic_fetch_sub(&fi_shim.journal->files[file].writers, 1);
}

/* A writer that was killed on its way is never seen to arrive. */
static void wait_for_writers(int fd)
{
    enum { TRIES = 1000 };
    uint32_t file = fi_shim.journal ? fi_record_file(fd) : FI_NO_FILE;
    for (int i = 0; file != FI_NO_FILE && atomic_load(&fi_shim.journal->files[file].writers) && i < TRIES; i++)
        sleep_ns(NANOSECONDS_PER_MS / 5);
}

/* ---- what a call is about ---- */

int64_t fi_call_bytes(const struct fi_call *call)
{
    if (call->row->length < 0)
        return -1;
    long length = call->args[call->row->length];
    if (call->row->target != FI_TARGET_FD_IOV)
        return length;
    const struct iovec *iov = (const struct iovec *)call->args[1];
    int64_t total = 0;
    for (long i = 0; i < length; i++)
        total += (int64_t)iov[i].iov_len;
    return total;
}

int64_t fi_call_offset(const struct fi_call *call)
{
    if (call->op != FI_OP_WRITE)
        return -1;
    int fd = (int)call->args[call->row->argument];
    struct stat st = {0};
    switch (call->row->number) {
    case SYS_pwrite64:
    case SYS_pwritev: return call->args[3];
    case SYS_pwritev2:
        if (call->args[3] != -1)
            return call->args[3];
        break;
    case SYS_copy_file_range:
    case SYS_splice:
        if (call->args[3])
            return *(const int64_t *)call->args[3];
        break;
    default: break;
    }
    if (fi_fd_state(fd) == FI_FD_APPENDS)
        return FI_OWN(SYS_fstat, fd, (long)&st) ? -1 : st.st_size;
    return FI_OWN(SYS_lseek, fd, 0, SEEK_CUR);
}

/* ---- the actions ---- */

/* Writes only the first `bytes` bytes. A gathered write goes out piece by piece up to there. */
long fi_perform_part(struct fi_call *call, uint64_t bytes)
{
    if (call->row->target != FI_TARGET_FD_IOV) {
        call->args[call->row->length] = (long)bytes;
        return fi_perform_pass(call);
    }
    enum { PIECES = 64 };
    struct iovec part[PIECES];
    const struct iovec *iov = (const struct iovec *)call->args[1];
    long count = 0;
    for (; count < PIECES && count < call->args[2] && bytes; count++) {
        part[count] = iov[count];
        if (part[count].iov_len > bytes)
            part[count].iov_len = bytes;
        bytes -= part[count].iov_len;
    }
    call->args[1] = (long)part;
    call->args[2] = count;
    return fi_perform_pass(call);
}

bool fi_perform_flip(const struct fi_decision *decision, uint8_t *data, uint64_t size, int64_t offset)
{
    uint64_t skip = 0;
    if (decision->at != UINT64_MAX && offset >= 0 && decision->at > (uint64_t)offset)
        skip = decision->at - (uint64_t)offset;
    uint64_t byte = skip + decision->arg / 8;
    if (byte >= size)
        return false;
    data[byte] ^= (uint8_t)(1U << decision->arg % 8);
    return true;
}

/* The bytes are stored as asked, and then one bit of them turns, by way of a descriptor of our own. */
static long write_flipped(struct fi_call *call, const struct fi_decision *decision,
                          const struct fi_operation *operation)
{
    int64_t offset = fi_call_offset(call);
    long result = fi_disk_call(call);
    if (result <= 0 || offset < 0)
        return result;
    char link[40];
    fi_fd_link(link, (int)call->args[call->row->argument]);
    long fd = FI_OWN(SYS_openat, AT_FDCWD, (long)link, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return result;
    uint64_t at = decision->at != UINT64_MAX && decision->at > (uint64_t)offset ? decision->at : (uint64_t)offset;
    at += decision->arg / 8;
    uint8_t byte = 0;
    if (at < (uint64_t)(offset + result) && FI_OWN(SYS_pread64, fd, (long)&byte, 1, (long)at) == 1) {
        fi_engine_record(fi_shim.control, decision, operation);
        byte ^= (uint8_t)(1U << decision->arg % 8);
        FI_OWN(SYS_pwrite64, fd, (long)&byte, 1, (long)at);
    }
    FI_OWN(SYS_close, fd);
    return result;
}

/* A lost write: position and size go on as they would, the bytes stay what they were, zero where there were none. */
static long lie_about_write(const struct fi_call *call, int64_t bytes)
{
    int fd = (int)call->args[call->row->argument];
    int64_t offset = fi_call_offset(call);
    struct stat st = {0};
    if (bytes <= 0 || offset < 0 || FI_OWN(SYS_fstat, fd, (long)&st))
        return bytes;
    if (offset + bytes > st.st_size) {
        struct fi_call extend = {.row = fi_syscall_find(SYS_ftruncate), .op = FI_OP_TRUNCATE, .path = call->path};
        extend.args[0] = fd;
        extend.args[1] = offset + bytes;
        fi_perform_pass(&extend);
    }
    bool positioned = call->row->number == SYS_pwrite64 || call->row->number == SYS_pwritev;
    if (!positioned)
        FI_OWN(SYS_lseek, fd, offset + bytes, SEEK_SET);
    return bytes;
}

/* Others that write to the file wait, as they do for a real fsync that takes its time. */
static void hold_up(const struct fi_call *call, const struct fi_decision *decision)
{
    bool sync = (FI_OPS_SYNC >> call->op & 1) && call->row->target == FI_TARGET_FD;
    int slot = sync ? fi_busy_begin((int)call->args[0]) : -1;
    fi_perform_common(decision);
    fi_busy_end(slot);
}

/* Writers wait meanwhile. A sync of everything is not about one file. */
static long fail_and_revert(const struct fi_call *call, const struct fi_decision *decision)
{
    if (call->row->target != FI_TARGET_FD)
        return -(long)decision->arg;
    int slot = fi_busy_begin((int)call->args[0]);
    wait_for_writers((int)call->args[0]);
    fi_record_failed_sync(call, -(long)decision->arg);
    fi_revert(call);
    fi_busy_end(slot);
    return -(long)decision->arg;
}

/* As RLIMIT_FSIZE has it, where SIGXFSZ is ignored. */
static long up_to_limit(struct fi_call *call, const struct fi_decision *decision, int64_t offset)
{
    if ((uint64_t)offset >= decision->arg)
        return -EFBIG;
    return fi_perform_part(call, decision->arg - (uint64_t)offset);
}

long fi_perform(struct fi_call *call, const struct fi_decision *decision, const struct fi_operation *operation)
{
    int64_t bytes = operation->bytes;
    if (decision->action == FI_DO_FILE_LIMIT) {
        fi_engine_record(fi_shim.control, decision, operation);
        return up_to_limit(call, decision, operation->offset);
    }
    bool part = decision->action == FI_DO_SHORT || decision->action == FI_DO_TORN;
    if (part && (bytes < 0 || decision->arg >= (uint64_t)bytes))
        return fi_disk_call(call); /* too small to be cut: nothing has been injected, so nothing is logged */
    if (decision->action == FI_DO_FLIP)
        return write_flipped(call, decision, operation); /* an injection once a bit has turned */
    fi_engine_record(fi_shim.control, decision, operation);
    switch (decision->action) {
    case FI_DO_ERROR:
        if (FI_OPS_SYNC >> call->op & 1)
            fi_record_failed_sync(call, -(long)decision->arg);
        return -(long)decision->arg;
    case FI_DO_REVERT: return fail_and_revert(call, decision);
    case FI_DO_LIE: return call->op == FI_OP_WRITE ? lie_about_write(call, bytes) : 0;
    case FI_DO_SHORT: return fi_perform_part(call, decision->arg);
    case FI_DO_TORN: fi_perform_part(call, decision->arg); break;
    default: break;
    }
    hold_up(call, decision);
    return fi_disk_call(call);
}
