#include "shim/disk_full.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/pass.h"
#include "shim/resolve.h"
#include "shim/state.h"

static void log_full(const struct fi_call *call, int64_t bytes)
{
    struct fi_decision decision = fi_engine_disk_rule(fi_shim.control);
    struct fi_operation operation = fi_shim_operation(call->op, call->path);
    operation.bytes = bytes;
    fi_engine_record(fi_shim.control, &decision, &operation);
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

/* Its space was given back when it was unlinked. The link count does not tell: the journal may keep a link. */
static bool unlinked(int fd)
{
    static const char suffix[] = " (deleted)";
    char link[40];
    char target[PATH_MAX];
    fi_fd_link(link, fd);
    long length = FI_OWN(SYS_readlink, (long)link, (long)target, sizeof target);
    long tail = (long)sizeof suffix - 1;
    return length > tail && !memcmp(target + length - tail, suffix, (size_t)tail);
}

static long write_on_full_disk(struct fi_call *call)
{
    struct fi_control *control = fi_shim.control;
    int fd = (int)call->args[call->row->argument];
    int64_t bytes = fi_call_bytes(call);
    int64_t offset = fi_call_offset(call);
    if (bytes <= 0 || offset < 0 || unlinked(fd))
        return fi_pass(call);
    uint64_t size = size_of_fd(fd);
    uint64_t end = (uint64_t)(offset + bytes);
    uint64_t growth = end > size ? end - size : 0;
    uint64_t got = fi_engine_disk_take(control, growth);
    uint64_t allowed = (uint64_t)bytes > growth - got ? (uint64_t)bytes - (growth - got) : 0;
    long result = -ENOSPC;
    if (got < growth)
        log_full(call, bytes);
    if (allowed)
        result = got < growth ? fi_pass_part(call, allowed) : fi_pass(call);
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
        log_full(call, -1);
        return -ENOSPC;
    }
    long result = fi_pass(call);
    uint64_t after = truncated_size(call);
    if (after < before + got)
        fi_engine_disk_give(control, before + got - after);
    return result;
}

/* What goes away with a name, or under a new one. */
static long remove_on_full_disk(struct fi_call *call)
{
    const long *args = call->args;
    int where = call->row->argument;
    bool at = call->row->target == FI_TARGET_AT;
    uint64_t before = at ? size_of_path((int)args[where], (const char *)args[where + 1], true)
                         : size_of_path(AT_FDCWD, (const char *)args[where], true);
    long result = fi_pass(call);
    if (result == 0)
        fi_engine_disk_give(fi_shim.control, before);
    return result;
}

long fi_disk_call(struct fi_call *call)
{
    if (!atomic_load(&fi_shim.control->disk_limit))
        return fi_pass(call);
    switch (call->op) {
    case FI_OP_WRITE: return write_on_full_disk(call);
    case FI_OP_TRUNCATE: return truncate_on_full_disk(call);
    case FI_OP_UNLINK:
    case FI_OP_RENAME: return remove_on_full_disk(call);
    default: return fi_pass(call);
    }
}
