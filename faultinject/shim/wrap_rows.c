/*
 * Functions that would be trapped as well, once trapping has begun. By name they are seen
 * before that, and for a twentieth of the price: a server may sync after every command.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/gate.h"
#include "shim/real.h"
#include "shim/wrap.h"

/* By the row of the system call, unless another library has its own idea of the function. */
#define ROW_CALL(name, arguments, number, ...)                                                                         \
    (FI_FOREIGN(name) ? fi_real()->name arguments : (int)fi_result(fi_gate_call(number, (const long[6]){__VA_ARGS__})))

FI_EXPORT int mkdir(const char *path, mode_t mode)
{
    return ROW_CALL(mkdir, (path, mode), SYS_mkdir, (long)path, (long)mode);
}

FI_EXPORT int mkdirat(int dirfd, const char *path, mode_t mode)
{
    return ROW_CALL(mkdirat, (dirfd, path, mode), SYS_mkdirat, dirfd, (long)path, (long)mode);
}

FI_EXPORT int rename(const char *from, const char *to)
{
    return ROW_CALL(rename, (from, to), SYS_rename, (long)from, (long)to);
}

FI_EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return ROW_CALL(renameat, (from_dir, from, to_dir, to), SYS_renameat, from_dir, (long)from, to_dir, (long)to);
}

FI_EXPORT int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    return ROW_CALL(renameat2, (from_dir, from, to_dir, to, flags), SYS_renameat2, from_dir, (long)from, to_dir,
                    (long)to, flags);
}

FI_EXPORT int unlink(const char *path)
{
    return ROW_CALL(unlink, (path), SYS_unlink, (long)path);
}

FI_EXPORT int unlinkat(int dirfd, const char *path, int flags)
{
    return ROW_CALL(unlinkat, (dirfd, path, flags), SYS_unlinkat, dirfd, (long)path, flags);
}

FI_EXPORT int rmdir(const char *path)
{
    return ROW_CALL(rmdir, (path), SYS_rmdir, (long)path);
}

FI_EXPORT int remove(const char *path)
{
    if (FI_FOREIGN(remove))
        return fi_real()->remove(path);
    int result = unlink(path);
    return result && (errno == EISDIR || errno == EPERM) ? rmdir(path) : result;
}

FI_EXPORT int truncate(const char *path, off_t length)
{
    return ROW_CALL(truncate, (path, length), SYS_truncate, (long)path, length);
}

FI_EXPORT int truncate64(const char *path, off64_t length)
{
    return ROW_CALL(truncate64, (path, length), SYS_truncate, (long)path, length);
}

FI_EXPORT int link(const char *from, const char *to)
{
    return ROW_CALL(link, (from, to), SYS_link, (long)from, (long)to);
}

FI_EXPORT int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    return ROW_CALL(linkat, (from_dir, from, to_dir, to, flags), SYS_linkat, from_dir, (long)from, to_dir, (long)to,
                    flags);
}

FI_EXPORT int symlink(const char *text, const char *path)
{
    return ROW_CALL(symlink, (text, path), SYS_symlink, (long)text, (long)path);
}

FI_EXPORT int symlinkat(const char *text, int dirfd, const char *path)
{
    return ROW_CALL(symlinkat, (text, dirfd, path), SYS_symlinkat, (long)text, dirfd, (long)path);
}

FI_EXPORT int fsync(int fd)
{
    return ROW_CALL(fsync, (fd), SYS_fsync, fd);
}

FI_EXPORT int fdatasync(int fd)
{
    return ROW_CALL(fdatasync, (fd), SYS_fdatasync, fd);
}

FI_EXPORT int sync_file_range(int fd, off64_t offset, off64_t length, unsigned int flags)
{
    return ROW_CALL(sync_file_range, (fd, offset, length, flags), SYS_sync_file_range, fd, offset, length, flags);
}

FI_EXPORT int syncfs(int fd)
{
    return ROW_CALL(syncfs, (fd), SYS_syncfs, fd);
}

FI_EXPORT void sync(void)
{
    if (FI_FOREIGN(sync))
        fi_real()->sync();
    else
        fi_gate_call(SYS_sync, (const long[6]){0});
}

FI_EXPORT int ftruncate(int fd, off_t length)
{
    return ROW_CALL(ftruncate, (fd, length), SYS_ftruncate, fd, length);
}

FI_EXPORT int ftruncate64(int fd, off64_t length)
{
    return ROW_CALL(ftruncate64, (fd, length), SYS_ftruncate, fd, length);
}

FI_EXPORT int fallocate(int fd, int mode, off_t offset, off_t length)
{
    return ROW_CALL(fallocate, (fd, mode, offset, length), SYS_fallocate, fd, mode, offset, length);
}

FI_EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    return ROW_CALL(fallocate64, (fd, mode, offset, length), SYS_fallocate, fd, mode, offset, length);
}
