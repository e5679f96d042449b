/* Carrying out a decision: what a rule's action does to one operation. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

static long pass(const struct fi_call *call)
{
    return fi_raw(fi_shim.control->secret, call->row->number, call->args);
}

static void kill_now(int pid)
{
    FI_OWN(SYS_kill, pid, SIGKILL);
    for (;;) /* the signal is on its way: nothing after this point may happen */
        FI_OWN(SYS_pause, 0);
}

void fi_perform_log(uint32_t op, const char *path, int64_t bytes, const struct fi_decision *decision)
{
    struct timespec now = {0};
    FI_OWN(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now);
    struct fi_origin origin = {
        .time_ns = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec,
        .pid = (int32_t)FI_OWN(SYS_getpid, 0),
        .tid = (int32_t)FI_OWN(SYS_gettid, 0),
        .role = atomic_load(&fi_shim.role),
        .op = op,
        .bytes = bytes,
        .path = path,
    };
    fi_engine_record(fi_shim.control, decision, &origin);
}

void fi_perform_common(const struct fi_decision *decision)
{
    if (decision->action == FI_DO_KILL)
        kill_now((int)FI_OWN(SYS_getpid, 0));
    if (decision->action == FI_DO_KILL_GROUP || decision->action == FI_DO_TORN)
        kill_now(0);
    if (decision->action != FI_DO_DELAY)
        return;
    struct timespec left = {(time_t)(decision->arg / 1000), (long)(decision->arg % 1000) * 1000000};
    while (FI_OWN(SYS_nanosleep, (long)&left, (long)&left) == -EINTR)
        ;
}

/* The bytes that a write asks for, -1 where the operation has no length. */
static int64_t wanted(const struct fi_call *call)
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

/* Writes only the first `bytes` bytes. A gathered write goes out piece by piece up to there. */
static long write_part(struct fi_call *call, uint64_t bytes)
{
    if (call->row->target != FI_TARGET_FD_IOV) {
        call->args[call->row->length] = (long)bytes;
        return pass(call);
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
    return pass(call);
}

long fi_perform(struct fi_call *call, const struct fi_decision *decision)
{
    int64_t bytes = wanted(call);
    bool part = decision->action == FI_DO_SHORT || decision->action == FI_DO_TORN;
    if (part && (bytes < 0 || decision->arg >= (uint64_t)bytes))
        return pass(call); /* too small to be cut: nothing has been injected, so nothing is logged */
    fi_perform_log(call->op, call->path, bytes, decision);
    switch (decision->action) {
    case FI_DO_ERROR: return -(long)decision->arg;
    case FI_DO_SHORT: return write_part(call, decision->arg);
    case FI_DO_TORN: write_part(call, decision->arg); break;
    default: break;
    }
    fi_perform_common(decision);
    return pass(call);
}

static uint64_t size_of_path(int dirfd, const char *path, bool last_link)
{
    struct stat st = {0};
    if (FI_OWN(SYS_newfstatat, dirfd, (long)path, (long)&st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
        return 0;
    return last_link && st.st_nlink > 1 ? 0 : (uint64_t)st.st_size;
}

static uint64_t size_of_fd(int fd)
{
    struct stat st = {0};
    return FI_OWN(SYS_fstat, fd, (long)&st) || !S_ISREG(st.st_mode) ? 0 : (uint64_t)st.st_size;
}

/* Where a write to `fd` would begin. */
static uint64_t write_offset(const struct fi_call *call, int fd, uint64_t size)
{
    long number = call->row->number;
    if (number == SYS_pwrite64 || number == SYS_pwritev)
        return (uint64_t)call->args[3];
    if (FI_OWN(SYS_fcntl, fd, F_GETFL) & O_APPEND)
        return size;
    long at = FI_OWN(SYS_lseek, fd, 0, SEEK_CUR);
    return at < 0 ? size : (uint64_t)at;
}

/* Its space was given back when it was unlinked. */
static bool unlinked(int fd)
{
    struct stat st = {0};
    return FI_OWN(SYS_fstat, fd, (long)&st) == 0 && st.st_nlink == 0;
}

static long write_on_full_disk(struct fi_call *call)
{
    struct fi_control *control = fi_shim.control;
    int fd = (int)call->args[call->row->argument];
    int64_t bytes = wanted(call);
    if (bytes <= 0 || unlinked(fd))
        return pass(call);
    uint64_t size = size_of_fd(fd);
    uint64_t end = write_offset(call, fd, size) + (uint64_t)bytes;
    uint64_t growth = end > size ? end - size : 0;
    uint64_t got = fi_engine_disk_take(control, growth);
    uint64_t allowed = (uint64_t)bytes - (growth - got);
    long result = -ENOSPC;
    if (got < growth) {
        struct fi_decision decision = fi_engine_disk_rule(control);
        fi_perform_log(call->op, call->path, bytes, &decision);
    }
    if (allowed)
        result = got < growth ? write_part(call, allowed) : pass(call);
    uint64_t now = size_of_fd(fd);
    uint64_t grown = now > size ? now - size : 0;
    if (grown < got)
        fi_engine_disk_give(control, got - grown);
    return result;
}

static uint64_t truncated_size(const struct fi_call *call)
{
    bool by_fd = call->row->target == FI_TARGET_FD;
    return by_fd ? size_of_fd((int)call->args[0]) : size_of_path(AT_FDCWD, (const char *)call->args[0], false);
}

/* truncate, ftruncate, fallocate: a file that grows takes room as a write does. */
static long truncate_on_full_disk(struct fi_call *call)
{
    struct fi_control *control = fi_shim.control;
    uint64_t before = truncated_size(call);
    bool allocates = call->row->number == SYS_fallocate;
    uint64_t wanted_size = allocates ? (uint64_t)(call->args[2] + call->args[3]) : (uint64_t)call->args[1];
    uint64_t growth = wanted_size > before ? wanted_size - before : 0;
    uint64_t got = fi_engine_disk_take(control, growth);
    if (got < growth) {
        fi_engine_disk_give(control, got);
        struct fi_decision decision = fi_engine_disk_rule(control);
        fi_perform_log(call->op, call->path, -1, &decision);
        return -ENOSPC;
    }
    long result = pass(call);
    uint64_t after = truncated_size(call);
    if (after < before + got)
        fi_engine_disk_give(control, before + got - after);
    return result;
}

long fi_perform_on_full_disk(struct fi_call *call)
{
    const long *args = call->args;
    int where = call->row->argument;
    switch (call->op) {
    case FI_OP_WRITE: return write_on_full_disk(call);
    case FI_OP_TRUNCATE: return truncate_on_full_disk(call);
    case FI_OP_UNLINK:
    case FI_OP_RENAME: {
        bool at = call->row->target == FI_TARGET_AT;
        uint64_t before = at ? size_of_path((int)args[where], (const char *)args[where + 1], true)
                             : size_of_path(AT_FDCWD, (const char *)args[where], true);
        long result = pass(call);
        if (result == 0)
            fi_engine_disk_give(fi_shim.control, before);
        return result;
    }
    default: return pass(call);
    }
}
