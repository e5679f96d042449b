/*
 * The server's time: clocks, timeouts and sleeps, all from one state in the control
 * block, so that every process under it agrees. Untouched, each call goes straight
 * through.
 */
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shim/real.h"
#include "shim/state.h"
#include "shim/wrap.h"

#define SECOND UINT64_C(1000000000)

/* A server asks for the time with every command: as long as nobody has touched it, that costs next to nothing. */
static inline bool touched(void)
{
    const struct fi_control *control = fi_shim.control;
    return control && atomic_load_explicit(&control->clock.sequence, memory_order_relaxed);
}

static bool clock_reading(struct fi_clock_reading *reading)
{
    return touched() && fi_clock_read(&fi_shim.control->clock, reading);
}

static uint64_t nanoseconds(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * SECOND + (uint64_t)time->tv_nsec;
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / SECOND), (long)(ns % SECOND)};
}

static bool of_the_wall(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

static bool of_the_machine(clockid_t clock)
{
    return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE ||
           clock == CLOCK_BOOTTIME;
}

/* How far the server's time of one clock is ahead of the machine's. */
static int64_t ahead(const struct fi_clock_reading *reading, clockid_t clock)
{
    uint64_t now = fi_now_ns();
    return (int64_t)(fi_clock_virtual(reading, now) - now) + (of_the_wall(clock) ? reading->jump_ns : 0);
}

static int read_clock(clockid_t clock, struct timespec *time)
{
    struct fi_clock_reading reading;
    int result = fi_real()->clock_gettime(clock, time);
    if (result || !clock_reading(&reading) || !(of_the_wall(clock) || of_the_machine(clock)))
        return result;
    *time = timespec_of((uint64_t)((int64_t)nanoseconds(time) + ahead(&reading, clock)));
    return 0;
}

FI_EXPORT int clock_gettime(clockid_t clock, struct timespec *time)
{
    return touched() ? read_clock(clock, time) : fi_real()->clock_gettime(clock, time);
}

FI_EXPORT int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;
    if (!touched())
        return fi_real()->gettimeofday(time, zone);
    read_clock(CLOCK_REALTIME, &now);
    *time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

FI_EXPORT time_t time(time_t *out)
{
    struct timespec now;
    if (!touched())
        return fi_real()->time(out);
    read_clock(CLOCK_REALTIME_COARSE, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

static struct timeval scaled_time(const struct fi_clock_reading *reading, struct timeval time)
{
    uint64_t us = fi_clock_real_span(reading, (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec);
    us += us == 0 && (time.tv_sec || time.tv_usec); /* 0 would switch the timer off */
    return (struct timeval){(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
}

/* ---- waiting ---- */

FI_EXPORT int epoll_pwait(int poller, struct epoll_event *events, int count, int timeout, const sigset_t *mask)
{
    struct fi_clock_reading reading;
    if (timeout <= 0 || !clock_reading(&reading) || reading.rate == FI_CLOCK_RATE_ONE)
        return fi_real()->epoll_pwait(poller, events, count, timeout, mask);
    /* in nanoseconds: at x600 a timeout of 100 ms is a sixth of a millisecond */
    struct timespec wait = timespec_of(fi_clock_real_span(&reading, (uint64_t)timeout * 1000000));
    return (int)syscall(SYS_epoll_pwait2, poller, events, count, &wait, mask, _NSIG / 8);
}

FI_EXPORT int epoll_wait(int poller, struct epoll_event *events, int count, int timeout)
{
    return epoll_pwait(poller, events, count, timeout, NULL);
}

/* NULL stays NULL: for ever. */
static const struct timespec *scaled(const struct timespec *wait, struct timespec *room)
{
    struct fi_clock_reading reading;
    if (!wait || !clock_reading(&reading))
        return wait;
    *room = timespec_of(fi_clock_real_span(&reading, nanoseconds(wait)));
    return room;
}

FI_EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *wait, const sigset_t *mask)
{
    struct timespec room;
    return fi_real()->ppoll(fds, count, scaled(wait, &room), mask);
}

FI_EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    struct timespec wait = timespec_of(timeout > 0 ? (uint64_t)timeout * 1000000 : 0);
    return ppoll(fds, count, timeout < 0 ? NULL : &wait, NULL);
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);

FI_EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
    if (room / sizeof *fds < count)
        __builtin_trap();
    return poll(fds, count, timeout);
}

FI_EXPORT int pselect(int count, fd_set *restrict in, fd_set *restrict out, fd_set *restrict bad,
                      const struct timespec *restrict wait, const sigset_t *restrict mask)
{
    struct timespec room;
    return fi_real()->pselect(count, in, out, bad, scaled(wait, &room), mask);
}

FI_EXPORT int select(int count, fd_set *restrict in, fd_set *restrict out, fd_set *restrict bad,
                     struct timeval *restrict wait)
{
    struct fi_clock_reading reading;
    if (!wait || !clock_reading(&reading))
        return fi_real()->select(count, in, out, bad, wait);
    struct timeval left = scaled_time(&reading, *wait);
    int result = fi_real()->select(count, in, out, bad, &left);
    uint64_t us = fi_clock_virtual_span(&reading, (uint64_t)left.tv_sec * 1000000 + (uint64_t)left.tv_usec);
    *wait = (struct timeval){(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
    return result;
}

/* ---- sleeping ---- */

FI_EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left)
{
    struct fi_clock_reading reading;
    if (!wanted || !clock_reading(&reading))
        return fi_real()->clock_nanosleep(clock, flags, wanted, left);
    struct timespec wait;
    if (!(flags & TIMER_ABSTIME)) {
        wait = timespec_of(fi_clock_real_span(&reading, nanoseconds(wanted)));
        int error = fi_real()->clock_nanosleep(clock, 0, &wait, left);
        if (error == EINTR && left)
            *left = timespec_of(fi_clock_virtual_span(&reading, nanoseconds(left)));
        return error;
    }
    int64_t shift = of_the_wall(clock) ? ahead(&reading, CLOCK_REALTIME) - ahead(&reading, CLOCK_MONOTONIC) : 0;
    struct timespec mono;
    struct timespec own;
    fi_real()->clock_gettime(CLOCK_MONOTONIC, &mono);
    fi_real()->clock_gettime(clock, &own);
    int64_t apart = (int64_t)(nanoseconds(&own) - nanoseconds(&mono)); /* of the two clocks, on the machine */
    uint64_t due = (uint64_t)((int64_t)nanoseconds(wanted) - apart - shift);
    wait = timespec_of(fi_clock_real(&reading, due));
    return fi_real()->clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wait, left);
}

FI_EXPORT int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    int error = clock_nanosleep(CLOCK_REALTIME, 0, wanted, left);
    if (!error)
        return 0;
    errno = error;
    return -1;
}

FI_EXPORT int usleep(useconds_t us)
{
    struct timespec wait = timespec_of((uint64_t)us * 1000);
    return nanosleep(&wait, NULL);
}

FI_EXPORT unsigned int sleep(unsigned int seconds)
{
    struct timespec wait = {seconds, 0};
    struct timespec left = {0};
    return nanosleep(&wait, &left) ? (unsigned int)left.tv_sec : 0;
}

/* A moment of the server's time on one of its clocks, as the machine has it on the same clock. */
static struct timespec real_moment(const struct fi_clock_reading *reading, clockid_t clock, const struct timespec *due)
{
    struct timespec now;
    fi_real()->clock_gettime(clock, &now);
    int64_t span = (int64_t)nanoseconds(due) - ((int64_t)nanoseconds(&now) + ahead(reading, clock));
    return timespec_of(nanoseconds(&now) + (span > 0 ? fi_clock_real_span(reading, (uint64_t)span) : 0));
}

/* Which clock a condition uses cannot be asked by any call; glibc keeps it there. */
static clockid_t clock_of(const pthread_cond_t *cond)
{
    return (cond->__data.__wrefs & 2) ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

FI_EXPORT int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                                     const struct timespec *restrict due)
{
    struct fi_clock_reading reading;
    if (!clock_reading(&reading))
        return fi_real()->pthread_cond_timedwait(cond, mutex, due);
    struct timespec until = real_moment(&reading, clock_of(cond), due);
    return fi_real()->pthread_cond_timedwait(cond, mutex, &until);
}

FI_EXPORT int pthread_cond_clockwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex, clockid_t clock,
                                     const struct timespec *restrict due)
{
    struct fi_clock_reading reading;
    if (!clock_reading(&reading))
        return fi_real()->pthread_cond_clockwait(cond, mutex, clock, due);
    struct timespec until = real_moment(&reading, clock, due);
    return fi_real()->pthread_cond_clockwait(cond, mutex, clock, &until);
}

FI_EXPORT int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict due)
{
    struct fi_clock_reading reading;
    if (!clock_reading(&reading))
        return fi_real()->sem_timedwait(sem, due);
    struct timespec until = real_moment(&reading, CLOCK_REALTIME, due);
    return fi_real()->sem_timedwait(sem, &until);
}

FI_EXPORT int sem_clockwait(sem_t *restrict sem, clockid_t clock, const struct timespec *restrict due)
{
    struct fi_clock_reading reading;
    if (!clock_reading(&reading))
        return fi_real()->sem_clockwait(sem, clock, due);
    struct timespec until = real_moment(&reading, clock, due);
    return fi_real()->sem_clockwait(sem, clock, &until);
}

FI_EXPORT int setitimer(__itimer_which_t which, const struct itimerval *restrict wanted, struct itimerval *restrict old)
{
    struct fi_clock_reading reading;
    if (!wanted || which != ITIMER_REAL || !clock_reading(&reading))
        return fi_real()->setitimer(which, wanted, old);
    struct itimerval timer = {scaled_time(&reading, wanted->it_interval), scaled_time(&reading, wanted->it_value)};
    return fi_real()->setitimer(which, &timer, old);
}
