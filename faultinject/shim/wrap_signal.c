/* What could switch the trap off: a SIGSYS that is blocked, ignored or given another handler kills. */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/real.h"
#include "shim/state.h"
#include "shim/wrap.h"

FI_EXPORT int sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    if (!fi_shim.control || !action)
        return fi_real()->sigaction(signal, action, old);
    struct sigaction copy = *action;
    sigdelset(&copy.sa_mask, SIGSYS);
    return fi_real()->sigaction(signal, signal == SIGSYS ? NULL : &copy, old);
}

FI_EXPORT sighandler_t signal(int signal, sighandler_t handler)
{
    if (signal == SIGSYS && fi_shim.control)
        return SIG_DFL;
    return fi_real()->signal(signal, handler);
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

FI_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    return without_sigsys(fi_real()->sigprocmask, how, set, old);
}

FI_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return without_sigsys(fi_real()->pthread_sigmask, how, set, old);
}

/* ---- a child that died of it all the same: exec'd without the library, or spawned with its signals blocked ---- */

static pid_t wait_for(pid_t pid, int *status, int options, struct rusage *usage)
{
    int mine = 0;
    pid_t ended = fi_real()->wait4(pid, &mine, options, usage);
    if (status && ended > 0)
        *status = mine;
    if (ended > 0 && WIFSIGNALED(mine) && WTERMSIG(mine) == SIGSYS && fi_shim.control)
        fi_shim_blind(FI_BLIND_SIGSYS);
    return ended;
}

FI_EXPORT pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    return wait_for(pid, status, options, usage);
}

FI_EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
    return wait_for(-1, status, options, usage);
}

FI_EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
    return wait_for(pid, status, options, NULL);
}

FI_EXPORT pid_t wait(int *status)
{
    return wait_for(-1, status, 0, NULL);
}
