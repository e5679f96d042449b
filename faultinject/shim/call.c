#include "shim/call.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim/resolve.h"
#include "shim/state.h"

uint32_t fi_call_op(const struct fi_syscall *row, const long args[6])
{
    struct stat st = {0};
    if (row->target == FI_TARGET_FD && fi_fd_state((int)args[row->argument]) == FI_FD_APPENDS)
        return (uint32_t)row->op; /* no directory: spares the question */
    if (row->target == FI_TARGET_ALL || (row->op != FI_OP_FSYNC && row->op != FI_OP_FDATASYNC))
        return (uint32_t)row->op;
    if (FI_OWN(SYS_fstat, args[0], (long)&st) == 0 && S_ISDIR(st.st_mode))
        return FI_OP_FSYNC_DIR;
    return (uint32_t)row->op;
}

static bool same_file_system(int fd)
{
    struct stat st = {0};
    struct stat ours = {0};
    return FI_OWN(SYS_fstat, fd, (long)&st) == 0 &&
           FI_OWN(SYS_newfstatat, AT_FDCWD, (long)fi_shim.control->data_dir, (long)&ours, 0) == 0 &&
           st.st_dev == ours.st_dev;
}

/* A rename or link is where it leads, or else where it comes from. */
static bool locate_at(const struct fi_call *call, char path[FI_PATH_MAX])
{
    const long *args = call->args;
    int where = call->row->argument;
    if (fi_resolve_path((int)args[where], (const char *)args[where + 1], path))
        return true;
    return call->op == FI_OP_RENAME && fi_resolve_path((int)args[0], (const char *)args[1], path);
}

static bool locate_path(const struct fi_call *call, char path[FI_PATH_MAX])
{
    if (fi_resolve_path(AT_FDCWD, (const char *)call->args[call->row->argument], path))
        return true;
    return call->op == FI_OP_RENAME && fi_resolve_path(AT_FDCWD, (const char *)call->args[0], path);
}

bool fi_call_locate(const struct fi_call *call, char path[FI_PATH_MAX])
{
    switch (call->row->target) {
    case FI_TARGET_PATH: return locate_path(call, path);
    case FI_TARGET_AT: return locate_at(call, path);
    case FI_TARGET_ALL:
        memcpy(path, ".", 2);
        return call->row->number == SYS_sync || same_file_system((int)call->args[0]);
    case FI_TARGET_FD:
    case FI_TARGET_FD_IOV: break;
    }
    return fi_resolve_fd((int)call->args[call->row->argument], path);
}

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
