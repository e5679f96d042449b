/*
 * The functions on files that the library takes the place of: those on the hot path
 * (a write to a socket must not trap), those that cannot be trapped (open, read, fork),
 * and those that give a descriptor another meaning. The rest: wrap_rows.c.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim/gate.h"
#include "shim/net.h"
#include "shim/open.h"
#include "shim/read.h"
#include "shim/real.h"
#include "shim/resolve.h"
#include "shim/state.h"
#include "shim/trap_start.h"
#include "shim/wrap.h"

/* ---- writes: the row's system call, without the detour through the trap ---- */

static __attribute__((noinline)) long write_looked_at(long number, long a, long b, long c, long d)
{
    const long args[6] = {a, b, c, d};
    if (fi_fd_watched((int)a))
        return fi_result(fi_gate_call(number, args));
    if (fi_engine_cares(fi_shim.control, FI_OP_SEND))
        return fi_result(fi_net_write(number, args));
    return fi_result(FI_OWN(number, a, b, c, d));
}

/* Sockets and pipes, nearly all writes of a server, leave again at once. */
static inline long write_call(long number, long a, long b, long c, long d)
{
    const struct fi_control *control = fi_shim.control;
    if (control && (fi_fd_state((int)a) != FI_FD_IGNORED || fi_engine_cares(control, FI_OP_SEND)))
        return write_looked_at(number, a, b, c, d);
    return fi_result(FI_OWN(number, a, b, c, d));
}

FI_EXPORT ssize_t write(int fd, const void *data, size_t size)
{
    return FI_FOREIGN(write) ? fi_real()->write(fd, data, size) : write_call(SYS_write, fd, (long)data, (long)size, 0);
}

FI_EXPORT ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return FI_FOREIGN(pwrite) ? fi_real()->pwrite(fd, data, size, offset)
                              : write_call(SYS_pwrite64, fd, (long)data, (long)size, offset);
}

FI_EXPORT ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return FI_FOREIGN(pwrite64) ? fi_real()->pwrite64(fd, data, size, offset)
                                : write_call(SYS_pwrite64, fd, (long)data, (long)size, offset);
}

FI_EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
    return FI_FOREIGN(writev) ? fi_real()->writev(fd, iov, count) : write_call(SYS_writev, fd, (long)iov, count, 0);
}

/* ---- reads ---- */

static inline long read_call(long number, long fd, long data, long size, long offset)
{
    const struct fi_control *control = fi_shim.control;
    if (control && (fi_fd_state((int)fd) != FI_FD_IGNORED || fi_engine_cares(control, FI_OP_RECV)))
        return fi_result(fi_read(number, fd, data, size, offset));
    return fi_result(FI_OWN(number, fd, data, size, offset));
}

/* What is nobody's business is libc's, where a thread that waits can be cancelled. */
FI_EXPORT ssize_t read(int fd, void *data, size_t size)
{
    const struct fi_control *control = fi_shim.control;
    if (control && !FI_FOREIGN(read) && (fi_fd_state(fd) != FI_FD_IGNORED || fi_engine_cares(control, FI_OP_RECV)) &&
        (fi_fd_watched(fd) || fi_engine_cares(control, FI_OP_RECV)))
        return fi_result(fi_read(SYS_read, fd, (long)data, (long)size, 0));
    return fi_real()->read(fd, data, size);
}

FI_EXPORT ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
    return FI_FOREIGN(pread) ? fi_real()->pread(fd, data, size, offset)
                             : read_call(SYS_pread64, fd, (long)data, (long)size, offset);
}

FI_EXPORT ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
    return FI_FOREIGN(pread64) ? fi_real()->pread64(fd, data, size, offset)
                               : read_call(SYS_pread64, fd, (long)data, (long)size, offset);
}

FI_EXPORT ssize_t readv(int fd, const struct iovec *iov, int count)
{
    return FI_FOREIGN(readv) ? fi_real()->readv(fd, iov, count) : read_call(SYS_readv, fd, (long)iov, count, 0);
}

ssize_t __read_chk(int fd, void *data, size_t size, size_t room);
ssize_t __pread_chk(int fd, void *data, size_t size, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *data, size_t size, off64_t offset, size_t room);

/* What the fortified headers make of read and pread; too small a buffer ends the program there. */
static void check_room(size_t size, size_t room)
{
    if (size > room)
        __builtin_trap();
}

FI_EXPORT ssize_t __read_chk(int fd, void *data, size_t size, size_t room)
{
    check_room(size, room);
    return read_call(SYS_read, fd, (long)data, (long)size, 0);
}

FI_EXPORT ssize_t __pread_chk(int fd, void *data, size_t size, off_t offset, size_t room)
{
    check_room(size, room);
    return read_call(SYS_pread64, fd, (long)data, (long)size, offset);
}

FI_EXPORT ssize_t __pread64_chk(int fd, void *data, size_t size, off64_t offset, size_t room)
{
    check_room(size, room);
    return read_call(SYS_pread64, fd, (long)data, (long)size, offset);
}

/* ---- open: ld.so opens files before any handler exists, so what only reads is not trapped ---- */

static unsigned int mode_argument(int flags, va_list args)
{
    return (flags & (O_CREAT | O_TMPFILE)) ? va_arg(args, unsigned int) : 0;
}

/* What another library opens traps only once trapping has begun. */
#define OPEN_WITH_MODE(name, dirfd, ...)                                                                               \
    va_list args;                                                                                                      \
    va_start(args, flags);                                                                                             \
    unsigned int mode = mode_argument(flags, args);                                                                    \
    va_end(args);                                                                                                      \
    fi_trap_start_for(dirfd, path);                                                                                    \
    return FI_FOREIGN(name) ? forget_open(fi_real()->name(__VA_ARGS__, flags, mode))                                   \
                            : (int)fi_result(fi_open(dirfd, path, flags, mode))

/* What it is will be looked up. */
static int forget_open(int fd)
{
    fi_fd_set(fd, FI_FD_UNKNOWN);
    return fd;
}

FI_EXPORT int open(const char *path, int flags, ...)
{
    OPEN_WITH_MODE(open, AT_FDCWD, path);
}

FI_EXPORT int open64(const char *path, int flags, ...)
{
    OPEN_WITH_MODE(open64, AT_FDCWD, path);
}

FI_EXPORT int openat(int dirfd, const char *path, int flags, ...)
{
    OPEN_WITH_MODE(openat, dirfd, dirfd, path);
}

FI_EXPORT int openat64(int dirfd, const char *path, int flags, ...)
{
    OPEN_WITH_MODE(openat64, dirfd, dirfd, path);
}

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);

/* What the fortified headers turn open and openat without a mode into. */
FI_EXPORT int __open_2(const char *path, int flags)
{
    return (int)fi_result(fi_open(AT_FDCWD, path, flags, 0));
}

FI_EXPORT int __open64_2(const char *path, int flags)
{
    return (int)fi_result(fi_open(AT_FDCWD, path, flags, 0));
}

FI_EXPORT int __openat_2(int dirfd, const char *path, int flags)
{
    return (int)fi_result(fi_open(dirfd, path, flags, 0));
}

FI_EXPORT int __openat64_2(int dirfd, const char *path, int flags)
{
    return (int)fi_result(fi_open(dirfd, path, flags, 0));
}

FI_EXPORT int creat(const char *path, mode_t mode)
{
    fi_trap_start_for(AT_FDCWD, path);
    if (FI_FOREIGN(creat))
        return forget_open(fi_real()->creat(path, mode));
    return (int)fi_result(fi_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode));
}

FI_EXPORT int creat64(const char *path, mode_t mode)
{
    fi_trap_start_for(AT_FDCWD, path);
    if (FI_FOREIGN(creat64))
        return forget_open(fi_real()->creat64(path, mode));
    return (int)fi_result(fi_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode));
}

/* ---- descriptors that come, go and change their meaning ---- */

FI_EXPORT int close(int fd)
{
    fi_fd_set(fd, FI_FD_UNKNOWN);
    return (int)fi_result(FI_OWN(SYS_close, fd));
}

FI_EXPORT int dup(int fd)
{
    long result = FI_OWN(SYS_dup, fd);
    fi_fd_set((int)result, FI_FD_UNKNOWN);
    return (int)fi_result(result);
}

FI_EXPORT int dup2(int fd, int target)
{
    long result = FI_OWN(SYS_dup2, fd, target);
    fi_fd_set((int)result, FI_FD_UNKNOWN);
    return (int)fi_result(result);
}

FI_EXPORT int dup3(int fd, int target, int flags)
{
    long result = FI_OWN(SYS_dup3, fd, target, flags);
    fi_fd_set((int)result, FI_FD_UNKNOWN);
    return (int)fi_result(result);
}

static void forget(unsigned int first, unsigned int last)
{
    for (unsigned int fd = first; fd <= last && fd < FI_FD_MAX; fd++)
        fi_fd_set((int)fd, FI_FD_UNKNOWN);
}

FI_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
    forget(first, last);
    return (int)fi_result(FI_OWN(SYS_close_range, first, last, flags));
}

FI_EXPORT void closefrom(int first)
{
    forget(first < 0 ? 0 : (unsigned int)first, FI_FD_MAX);
    fi_real()->closefrom(first);
}

/* O_APPEND may come and go, and a duplicate may take a number that was known. */
static int change_descriptor(int fd, int command, long argument)
{
    long result = FI_OWN(SYS_fcntl, fd, command, argument);
    if (command == F_SETFL)
        fi_fd_set(fd, FI_FD_UNKNOWN);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
        fi_fd_set((int)result, FI_FD_UNKNOWN);
    return (int)fi_result(result);
}

FI_EXPORT int fcntl(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    long argument = va_arg(args, long);
    va_end(args);
    return change_descriptor(fd, command, argument);
}

FI_EXPORT int fcntl64(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    long argument = va_arg(args, long);
    va_end(args);
    return change_descriptor(fd, command, argument);
}

/* ---- where trapping begins ---- */

FI_EXPORT int chdir(const char *path)
{
    long result = FI_OWN(SYS_chdir, (long)path);
    if (result == 0)
        fi_trap_start_for(AT_FDCWD, ".");
    return (int)fi_result(result);
}

FI_EXPORT int fchdir(int fd)
{
    long result = FI_OWN(SYS_fchdir, fd);
    if (result == 0)
        fi_trap_start_for(AT_FDCWD, ".");
    return (int)fi_result(result);
}

/* ---- fork: cannot be trapped, thread creation makes the same call with SIGSYS blocked ---- */

FI_EXPORT pid_t fork(void)
{
    if (!fi_shim.control)
        return fi_real()->fork();
    struct fi_operation operation = fi_shim_operation(FI_OP_FORK, NULL);
    long error = fi_gate(&operation);
    if (error)
        return (pid_t)fi_result(error);
    pid_t pid = fi_real()->fork();
    if (pid == 0) {
        atomic_store(&fi_shim.threads, 0);
        fi_shim_become(FI_ROLE_CHILD);
    }
    return pid;
}
