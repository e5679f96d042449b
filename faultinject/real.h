/* The libc functions behind the wrappers. */
#ifndef FAULTINJECT_REAL_H
#define FAULTINJECT_REAL_H

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <time.h>

#define FI_REAL_FUNCTIONS(ROW)                                                                                         \
    ROW(fork)                                                                                                          \
    ROW(fopen)                                                                                                         \
    ROW(freopen)                                                                                                       \
    ROW(fclose)                                                                                                        \
    ROW(fileno)                                                                                                        \
    ROW(read)                                                                                                          \
    ROW(recv)                                                                                                          \
    ROW(recvmsg)                                                                                                       \
    ROW(accept4)                                                                                                       \
    ROW(connect)                                                                                                       \
    ROW(sigaction)                                                                                                     \
    ROW(signal)                                                                                                        \
    ROW(wait4)                                                                                                         \
    ROW(closefrom)                                                                                                     \
    ROW(select)                                                                                                        \
    ROW(pthread_cond_clockwait)                                                                                        \
    ROW(sem_timedwait)                                                                                                 \
    ROW(sem_clockwait)                                                                                                 \
    ROW(sigprocmask)                                                                                                   \
    ROW(pthread_sigmask)                                                                                               \
    ROW(clock_gettime)                                                                                                 \
    ROW(gettimeofday)                                                                                                  \
    ROW(time)                                                                                                          \
    ROW(clock_nanosleep)                                                                                               \
    ROW(epoll_pwait)                                                                                                   \
    ROW(ppoll)                                                                                                         \
    ROW(pselect)                                                                                                       \
    ROW(setitimer)                                                                                                     \
    ROW(statvfs)                                                                                                       \
    ROW(fstatvfs)                                                                                                      \
    ROW(statfs)                                                                                                        \
    ROW(fstatfs)

struct fi_real {
    pid_t (*fork)(void);
    FILE *(*fopen)(const char *, const char *);
    FILE *(*freopen)(const char *, const char *, FILE *);
    int (*fclose)(FILE *);
    int (*fileno)(FILE *);
    int (*sigaction)(int, const struct sigaction *, struct sigaction *);
    ssize_t (*read)(int, void *, size_t);
    ssize_t (*recv)(int, void *, size_t, int);
    ssize_t (*recvmsg)(int, struct msghdr *, int);
    int (*accept4)(int, struct sockaddr *restrict, socklen_t *restrict, int);
    int (*connect)(int, const struct sockaddr *, socklen_t);
    sighandler_t (*signal)(int, sighandler_t);
    pid_t (*wait4)(pid_t, int *, int, struct rusage *);
    void (*closefrom)(int);
    int (*select)(int, fd_set *, fd_set *, fd_set *, struct timeval *);
    int (*pthread_cond_clockwait)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
    int (*sem_timedwait)(sem_t *, const struct timespec *);
    int (*sem_clockwait)(sem_t *, clockid_t, const struct timespec *);
    int (*sigprocmask)(int, const sigset_t *, sigset_t *);
    int (*pthread_sigmask)(int, const sigset_t *, sigset_t *);
    int (*pthread_cond_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    int (*clock_gettime)(clockid_t, struct timespec *);
    int (*gettimeofday)(struct timeval *restrict, void *restrict);
    time_t (*time)(time_t *);
    int (*clock_nanosleep)(clockid_t, int, const struct timespec *, struct timespec *);
    int (*epoll_pwait)(int, struct epoll_event *, int, int, const sigset_t *);
    int (*ppoll)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
    int (*pselect)(int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *);
    int (*setitimer)(__itimer_which_t, const struct itimerval *, struct itimerval *);
    int (*statvfs)(const char *, struct statvfs *);
    int (*fstatvfs)(int, struct statvfs *);
    int (*statfs)(const char *, struct statfs *);
    int (*fstatfs)(int, struct statfs *);
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

#endif
