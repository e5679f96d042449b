#include "shim/open.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "shim/gate.h"
#include "shim/record.h"
#include "shim/resolve.h"
#include "shim/state.h"
#include "shim/trap_start.h"

/* Bytes that the open gives back to the disk budget, when it truncates. */
static uint64_t truncated_bytes(int dirfd, const char *path, int flags)
{
    struct stat st = {0};
    if (!(flags & O_TRUNC) || !atomic_load(&fi_shim.control->disk_limit))
        return 0;
    bool known = FI_OWN(SYS_newfstatat, dirfd, (long)path, (long)&st, 0) == 0 && S_ISREG(st.st_mode);
    return known ? (uint64_t)st.st_size : 0;
}

static long open_watched(int dirfd, const char *path, const char *below, int flags, unsigned int mode)
{
    fi_trap_start();
    uint32_t role = atomic_load(&fi_shim.role);
    uint32_t taken = (flags & O_CREAT) ? fi_engine_child_role(fi_shim.control, role, below) : role;
    if (taken != role)
        fi_shim_become(taken);
    struct fi_operation operation = fi_shim_operation(FI_OP_OPEN, below);
    long result = fi_gate(&operation);
    if (result)
        return result;
    uint64_t freed = truncated_bytes(dirfd, path, flags);
    struct fi_note note;
    fi_record_open_begin(&note, dirfd, path, below, flags);
    result = FI_OWN(SYS_openat, dirfd, (long)path, flags, mode);
    fi_fd_set((int)result, (flags & O_APPEND) ? FI_FD_APPENDS : FI_FD_WATCHED);
    if (fi_shim.journal && flags & O_DSYNC)
        fi_shim_blind(FI_BLIND_DSYNC);
    fi_record_open_end(&note, (int)result);
    if (result >= 0 && freed)
        fi_engine_disk_give(fi_shim.control, freed);
    return result;
}

long fi_open(int dirfd, const char *path, int flags, unsigned int mode)
{
    char below[FI_PATH_MAX];
    if (fi_shim.control && fi_resolve_path(dirfd, path, below))
        return open_watched(dirfd, path, below, flags, mode);
    long fd = FI_OWN(SYS_openat, dirfd, (long)path, flags, mode);
    fi_fd_set((int)fd, FI_FD_UNKNOWN);
    return fd;
}
