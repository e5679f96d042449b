/*
 * The functions on names. Trapped like any other call once trapping has begun; by name
 * they are seen before that, and cheaper.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim.h"

#define NAME_CALL(number, ...) ((int)fi_result(fi_shim_call(number, (const long[6]){__VA_ARGS__})))

FI_EXPORT int mkdir(const char *path, mode_t mode)
{
    return NAME_CALL(SYS_mkdir, (long)path, (long)mode);
}

FI_EXPORT int mkdirat(int dirfd, const char *path, mode_t mode)
{
    return NAME_CALL(SYS_mkdirat, dirfd, (long)path, (long)mode);
}

FI_EXPORT int rename(const char *from, const char *to)
{
    return NAME_CALL(SYS_rename, (long)from, (long)to);
}

FI_EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return NAME_CALL(SYS_renameat, from_dir, (long)from, to_dir, (long)to);
}

FI_EXPORT int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    return NAME_CALL(SYS_renameat2, from_dir, (long)from, to_dir, (long)to, flags);
}

FI_EXPORT int unlink(const char *path)
{
    return NAME_CALL(SYS_unlink, (long)path);
}

FI_EXPORT int unlinkat(int dirfd, const char *path, int flags)
{
    return NAME_CALL(SYS_unlinkat, dirfd, (long)path, flags);
}

FI_EXPORT int rmdir(const char *path)
{
    return NAME_CALL(SYS_rmdir, (long)path);
}

FI_EXPORT int remove(const char *path)
{
    int result = unlink(path);
    return result && (errno == EISDIR || errno == EPERM) ? rmdir(path) : result;
}

FI_EXPORT int truncate(const char *path, off_t length)
{
    return NAME_CALL(SYS_truncate, (long)path, length);
}

FI_EXPORT int truncate64(const char *path, off64_t length)
{
    return NAME_CALL(SYS_truncate, (long)path, length);
}

FI_EXPORT int link(const char *from, const char *to)
{
    return NAME_CALL(SYS_link, (long)from, (long)to);
}

FI_EXPORT int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    return NAME_CALL(SYS_linkat, from_dir, (long)from, to_dir, (long)to, flags);
}

FI_EXPORT int symlink(const char *text, const char *path)
{
    return NAME_CALL(SYS_symlink, (long)text, (long)path);
}

FI_EXPORT int symlinkat(const char *text, int dirfd, const char *path)
{
    return NAME_CALL(SYS_symlinkat, (long)text, dirfd, (long)path);
}
