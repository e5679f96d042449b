/* A full disk says so: free space as the budget leaves it. */
#include <fcntl.h>

#include "shim/real.h"
#include "shim/resolve.h"
#include "shim/state.h"
#include "shim/wrap.h"

/* Free blocks of `size` bytes under the budget, at most what the machine has. */
static uint64_t blocks(uint64_t free, uint64_t size)
{
    uint64_t room = fi_shim.control ? fi_engine_disk_room(fi_shim.control) : UINT64_MAX;
    if (room == UINT64_MAX || !size)
        return free;
    return room / size < free ? room / size : free;
}

static int limit_vfs(int result, bool watched, struct statvfs *out)
{
    if (result || !watched)
        return result;
    out->f_bavail = blocks(out->f_bavail, out->f_frsize);
    out->f_bfree = blocks(out->f_bfree, out->f_frsize);
    return 0;
}

static int limit_fs(int result, bool watched, struct statfs *out)
{
    if (result || !watched)
        return result;
    out->f_bavail = blocks(out->f_bavail, (uint64_t)out->f_bsize);
    out->f_bfree = blocks(out->f_bfree, (uint64_t)out->f_bsize);
    return 0;
}

static bool path_watched(const char *path)
{
    char below[FI_PATH_MAX];
    return fi_shim.control && fi_resolve_path(AT_FDCWD, path, below);
}

static bool descriptor_watched(int fd)
{
    return fi_shim.control && fi_fd_watched(fd);
}

FI_EXPORT int statvfs(const char *restrict path, struct statvfs *restrict out)
{
    return limit_vfs(fi_real()->statvfs(path, out), path_watched(path), out);
}

FI_EXPORT int fstatvfs(int fd, struct statvfs *out)
{
    return limit_vfs(fi_real()->fstatvfs(fd, out), descriptor_watched(fd), out);
}

FI_EXPORT int statfs(const char *path, struct statfs *out)
{
    return limit_fs(fi_real()->statfs(path, out), path_watched(path), out);
}

FI_EXPORT int fstatfs(int fd, struct statfs *out)
{
    return limit_fs(fi_real()->fstatfs(fd, out), descriptor_watched(fd), out);
}

/* On x86-64 the structures are the same. */
FI_EXPORT int statvfs64(const char *restrict path, struct statvfs64 *restrict out)
{
    return statvfs(path, (struct statvfs *)out);
}

FI_EXPORT int fstatvfs64(int fd, struct statvfs64 *out)
{
    return fstatvfs(fd, (struct statvfs *)out);
}

FI_EXPORT int statfs64(const char *path, struct statfs64 *out)
{
    return statfs(path, (struct statfs *)out);
}

FI_EXPORT int fstatfs64(int fd, struct statfs64 *out)
{
    return fstatfs(fd, (struct statfs *)out);
}
