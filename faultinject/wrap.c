/*
 * The functions that the library takes the place of: those on the hot path
 * (write to a socket must not trap), those that cannot be trapped (open, fork),
 * those that reuse a descriptor, and those that could switch the trap off.
 */
#include "wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim.h"

#define EXPORT __attribute__((visibility("default")))

static long result_of(long result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

/* ---- writes: the row's system call, without the detour through the trap ---- */

/* Sockets and pipes, nearly all writes of a server, leave again at once. */
static inline long write_call(long number, long a, long b, long c, long d)
{
    int fd = (int)a;
    if (!fi_shim.control ||
        (fd >= 0 && fd < FI_FD_MAX && atomic_load_explicit(&fi_shim.fds[fd], memory_order_relaxed) == FI_FD_IGNORED))
        return result_of(FI_OWN(number, a, b, c, d));
    return result_of(fi_shim_call(number, (const long[6]){a, b, c, d}));
}

EXPORT ssize_t write(int fd, const void *data, size_t size)
{
    return write_call(SYS_write, fd, (long)data, (long)size, 0);
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return write_call(SYS_pwrite64, fd, (long)data, (long)size, offset);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return write_call(SYS_pwrite64, fd, (long)data, (long)size, offset);
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
    return write_call(SYS_writev, fd, (long)iov, count, 0);
}

/* ---- open: cannot be trapped, ld.so opens files before any handler exists ---- */

static bool creates(int flags)
{
    return (flags & O_CREAT) != 0;
}

static uint64_t size_before(int dirfd, const char *path)
{
    struct stat st = {0};
    bool known = FI_OWN(SYS_newfstatat, dirfd, (long)path, (long)&st, 0) == 0 && S_ISREG(st.st_mode);
    return known ? (uint64_t)st.st_size : 0;
}

/*
 * Before an open: 0 to go on, else a negative errno. *watched: the path lies below the
 * data directory; *freed: bytes that a successful open gives back to the disk budget.
 */
static long before_open(int dirfd, const char *path, int flags, bool *watched, uint64_t *freed)
{
    char below[FI_PATH_MAX];
    *watched = fi_shim.control && fi_resolve_path(dirfd, path, below);
    if (!*watched)
        return 0;
    fi_trap_start();
    if (creates(flags))
        atomic_store(&fi_shim.role, fi_engine_child_role(fi_shim.control, atomic_load(&fi_shim.role), below));
    long error = fi_shim_gate(FI_OP_OPEN, below);
    if (!error && (flags & O_TRUNC) && atomic_load(&fi_shim.control->disk_limit))
        *freed = size_before(dirfd, path);
    return error;
}

static int open_call(int dirfd, const char *path, int flags, mode_t mode)
{
    bool watched;
    uint64_t freed = 0;
    long result = before_open(dirfd, path, flags, &watched, &freed);
    if (!result)
        result = FI_OWN(SYS_openat, dirfd, (long)path, flags, mode);
    if (result >= 0)
        fi_fd_set((int)result, watched ? FI_FD_WATCHED : FI_FD_UNKNOWN);
    if (result >= 0 && freed)
        fi_engine_disk_give(fi_shim.control, freed);
    return (int)result_of(result);
}

static mode_t mode_argument(int flags, va_list args)
{
    return (flags & (O_CREAT | O_TMPFILE)) ? va_arg(args, mode_t) : 0;
}

#define OPEN_WITH_MODE(dirfd)                                                                                          \
    va_list args;                                                                                                      \
    va_start(args, flags);                                                                                             \
    mode_t mode = mode_argument(flags, args);                                                                          \
    va_end(args);                                                                                                      \
    return open_call(dirfd, path, flags, mode)

EXPORT int open(const char *path, int flags, ...)
{
    OPEN_WITH_MODE(AT_FDCWD);
}

EXPORT int open64(const char *path, int flags, ...)
{
    OPEN_WITH_MODE(AT_FDCWD);
}

EXPORT int openat(int dirfd, const char *path, int flags, ...)
{
    OPEN_WITH_MODE(dirfd);
}

EXPORT int openat64(int dirfd, const char *path, int flags, ...)
{
    OPEN_WITH_MODE(dirfd);
}

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);

/* What the fortified headers turn open and openat without a mode into. */
EXPORT int __open_2(const char *path, int flags)
{
    return open_call(AT_FDCWD, path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
    return open_call(AT_FDCWD, path, flags, 0);
}

EXPORT int __openat_2(int dirfd, const char *path, int flags)
{
    return open_call(dirfd, path, flags, 0);
}

EXPORT int __openat64_2(int dirfd, const char *path, int flags)
{
    return open_call(dirfd, path, flags, 0);
}

EXPORT int creat(const char *path, mode_t mode)
{
    return open_call(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int creat64(const char *path, mode_t mode)
{
    return open_call(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

static int stream_flags(const char *mode)
{
    return mode[0] == 'w' ? O_CREAT | O_TRUNC : mode[0] == 'a' ? O_CREAT : 0;
}

/* stdio opens inside libc, out of a wrapper's sight: the rules are asked before, the descriptor noted after. */
static FILE *open_stream(const char *path, const char *mode, FILE *old)
{
    bool watched = false;
    uint64_t freed = 0;
    long error = path ? before_open(AT_FDCWD, path, stream_flags(mode), &watched, &freed) : 0;
    if (error) {
        result_of(error);
        return NULL;
    }
    FILE *stream = old ? fi_real()->freopen(path, mode, old) : fi_real()->fopen(path, mode);
    if (stream)
        fi_fd_set(fileno(stream), watched ? FI_FD_WATCHED : FI_FD_UNKNOWN);
    if (stream && freed)
        fi_engine_disk_give(fi_shim.control, freed);
    return stream;
}

EXPORT FILE *fopen(const char *path, const char *mode)
{
    return open_stream(path, mode, NULL);
}

EXPORT FILE *fopen64(const char *path, const char *mode)
{
    return open_stream(path, mode, NULL);
}

EXPORT FILE *freopen(const char *path, const char *mode, FILE *stream)
{
    return open_stream(path, mode, stream);
}

EXPORT FILE *freopen64(const char *path, const char *mode, FILE *stream)
{
    return open_stream(path, mode, stream);
}

/* ---- descriptors that come, go and change their meaning ---- */

EXPORT int close(int fd)
{
    fi_fd_set(fd, FI_FD_UNKNOWN);
    return (int)result_of(FI_OWN(SYS_close, fd));
}

EXPORT int fclose(FILE *stream)
{
    /* What the stream still writes on its way traps, and is looked up afresh there: unknown before and after. */
    int fd = fileno(stream);
    fi_fd_set(fd, FI_FD_UNKNOWN);
    int result = fi_real()->fclose(stream);
    fi_fd_set(fd, FI_FD_UNKNOWN);
    return result;
}

EXPORT int dup(int fd)
{
    long result = FI_OWN(SYS_dup, fd);
    fi_fd_set((int)result, FI_FD_UNKNOWN);
    return (int)result_of(result);
}

EXPORT int dup2(int fd, int target)
{
    long result = FI_OWN(SYS_dup2, fd, target);
    fi_fd_set((int)result, FI_FD_UNKNOWN);
    return (int)result_of(result);
}

EXPORT int dup3(int fd, int target, int flags)
{
    long result = FI_OWN(SYS_dup3, fd, target, flags);
    fi_fd_set((int)result, FI_FD_UNKNOWN);
    return (int)result_of(result);
}

/* ---- where trapping begins, and a mkdir before that ---- */

EXPORT int chdir(const char *path)
{
    char below[FI_PATH_MAX];
    long result = FI_OWN(SYS_chdir, (long)path);
    if (result == 0 && fi_shim.control && fi_resolve_path(AT_FDCWD, ".", below))
        fi_trap_start();
    return (int)result_of(result);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    return (int)result_of(fi_shim_call(SYS_mkdir, (const long[6]){(long)path, (long)mode}));
}

/* ---- fork: cannot be trapped, thread creation makes the same call with SIGSYS blocked ---- */

EXPORT pid_t fork(void)
{
    if (!fi_shim.control)
        return fi_real()->fork();
    long error = fi_shim_gate(FI_OP_FORK, NULL);
    if (error)
        return (pid_t)result_of(error);
    pid_t pid = fi_real()->fork();
    if (pid == 0)
        atomic_store(&fi_shim.role, FI_ROLE_CHILD);
    return pid;
}

/* ---- what could switch the trap off: a blocked or replaced SIGSYS kills ---- */

EXPORT int sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    bool ours = signal == SIGSYS && fi_shim.control && action;
    return fi_real()->sigaction(signal, ours ? NULL : action, old);
}

typedef int (*set_mask)(int, const sigset_t *, sigset_t *);

static int without_sigsys(set_mask real, int how, const sigset_t *set, sigset_t *old)
{
    if (!set || how == SIG_UNBLOCK || !fi_shim.control)
        return real(how, set, old);
    sigset_t copy = *set;
    sigdelset(&copy, SIGSYS);
    return real(how, &copy, old);
}

EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    return without_sigsys(fi_real()->sigprocmask, how, set, old);
}

EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return without_sigsys(fi_real()->pthread_sigmask, how, set, old);
}
