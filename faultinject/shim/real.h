/*
 * The functions behind the wrappers: the next ones in the order of libraries, which are
 * libc's unless something else is preloaded too. Then its functions are called, or a
 * server would be judged without what that library does to it; what they ask of the
 * kernel traps like anything else.
 */
#ifndef FAULTINJECT_SHIM_REAL_H
#define FAULTINJECT_SHIM_REAL_H

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Files and names: what may be done without asking libc, see FI_FOREIGN. */
#define FI_REAL_FILES(ROW)                                                                                             \
    ROW(write)                                                                                                         \
    ROW(pwrite)                                                                                                        \
    ROW(pwrite64)                                                                                                      \
    ROW(writev)                                                                                                        \
    ROW(read)                                                                                                          \
    ROW(pread)                                                                                                         \
    ROW(pread64)                                                                                                       \
    ROW(readv)                                                                                                         \
    ROW(open)                                                                                                          \
    ROW(open64)                                                                                                        \
    ROW(openat)                                                                                                        \
    ROW(openat64)                                                                                                      \
    ROW(creat)                                                                                                         \
    ROW(creat64)                                                                                                       \
    ROW(fopen)                                                                                                         \
    ROW(fopen64)                                                                                                       \
    ROW(mkdir)                                                                                                         \
    ROW(mkdirat)                                                                                                       \
    ROW(rename)                                                                                                        \
    ROW(renameat)                                                                                                      \
    ROW(renameat2)                                                                                                     \
    ROW(unlink)                                                                                                        \
    ROW(unlinkat)                                                                                                      \
    ROW(rmdir)                                                                                                         \
    ROW(remove)                                                                                                        \
    ROW(truncate)                                                                                                      \
    ROW(truncate64)                                                                                                    \
    ROW(link)                                                                                                          \
    ROW(linkat)                                                                                                        \
    ROW(symlink)                                                                                                       \
    ROW(symlinkat)                                                                                                     \
    ROW(fsync)                                                                                                         \
    ROW(fdatasync)                                                                                                     \
    ROW(sync_file_range)                                                                                               \
    ROW(syncfs)                                                                                                        \
    ROW(sync)                                                                                                          \
    ROW(ftruncate)                                                                                                     \
    ROW(ftruncate64)                                                                                                   \
    ROW(fallocate)                                                                                                     \
    ROW(fallocate64)

/* Always called by way of these. */
#define FI_REAL_OTHERS(ROW)                                                                                            \
    ROW(recv)                                                                                                          \
    ROW(recvmsg)                                                                                                       \
    ROW(accept4)                                                                                                       \
    ROW(connect)                                                                                                       \
    ROW(fork)                                                                                                          \
    ROW(freopen)                                                                                                       \
    ROW(fclose)                                                                                                        \
    ROW(fileno)                                                                                                        \
    ROW(closefrom)                                                                                                     \
    ROW(sigaction)                                                                                                     \
    ROW(signal)                                                                                                        \
    ROW(sigprocmask)                                                                                                   \
    ROW(pthread_sigmask)                                                                                               \
    ROW(wait4)                                                                                                         \
    ROW(pthread_cond_timedwait)                                                                                        \
    ROW(pthread_cond_clockwait)                                                                                        \
    ROW(sem_timedwait)                                                                                                 \
    ROW(sem_clockwait)                                                                                                 \
    ROW(clock_gettime)                                                                                                 \
    ROW(gettimeofday)                                                                                                  \
    ROW(time)                                                                                                          \
    ROW(clock_nanosleep)                                                                                               \
    ROW(epoll_pwait)                                                                                                   \
    ROW(ppoll)                                                                                                         \
    ROW(select)                                                                                                        \
    ROW(pselect)                                                                                                       \
    ROW(setitimer)                                                                                                     \
    ROW(statvfs)                                                                                                       \
    ROW(fstatvfs)                                                                                                      \
    ROW(statfs)                                                                                                        \
    ROW(fstatfs)

#define FI_REAL_MEMBER(name) __typeof__ (&(name))(name);
#define FI_REAL_FLAG(name)   bool(name);

struct fi_real {
    FI_REAL_FILES(FI_REAL_MEMBER)
    FI_REAL_OTHERS(FI_REAL_MEMBER)
    struct {
        FI_REAL_FILES(FI_REAL_FLAG)
    } foreign; /* the next function of this name is not libc's */
};

extern struct fi_real fi_real_functions;
extern _Atomic int fi_real_known;

/* Looks them all up, once. */
const struct fi_real *fi_real_look_up(void);

/*
 * Looked up when first needed: constructors of other libraries run before ours and
 * call what we wrap.
 */
static inline const struct fi_real *fi_real(void)
{
    return atomic_load_explicit(&fi_real_known, memory_order_acquire) ? &fi_real_functions : fi_real_look_up();
}

/* True when `name` is to be called by way of fi_real, because another library does something there. */
#define FI_FOREIGN(name) (__builtin_expect(fi_real_functions.foreign.name, false))

#endif
