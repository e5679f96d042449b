/* The seccomp trap: every file-changing system call that the library did not issue itself arrives here as SIGSYS. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "shim.h"
#include "wrap.h"

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code of a seccomp trap */
#endif

enum { PROBE_FD = -1 };

static void on_trap(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    if (info->si_code != SYS_SECCOMP)
        return;
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    const long args[6] = {regs[REG_RDI], regs[REG_RSI], regs[REG_RDX], regs[REG_R10], regs[REG_R8], regs[REG_R9]};
    if (info->si_syscall == SYS_fdatasync && (int)args[0] == PROBE_FD) {
        atomic_store(&fi_shim.probe_hit, 1);
        regs[REG_RAX] = -EBADF;
        return;
    }
    /* What was left in the sixth register by chance must not reach our own marking of it. */
    regs[REG_RAX] = fi_shim_call(info->si_syscall, args);
}

void fi_trap_handle(void)
{
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
    sigemptyset(&action.sa_mask);
    fi_real()->sigaction(SIGSYS, &action, NULL);
}

/* Whether a file-changing call of somebody else's traps. */
static bool traps(void)
{
    atomic_store(&fi_shim.probe_hit, 0);
    FI_RAW(0, SYS_fdatasync, PROBE_FD);
    return atomic_load(&fi_shim.probe_hit) != 0;
}

static long install(struct fi_control *control)
{
    struct sock_fprog program = {(unsigned short)control->filter_len, (struct sock_filter *)control->filter};
    long error = FI_OWN(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, (long)&program);
    if (error != -EACCES)
        return error;
    /* Without CAP_SYS_ADMIN the kernel wants the promise that no set-uid program will be run. */
    FI_OWN(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
    return FI_OWN(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, (long)&program);
}

void fi_trap_start(void)
{
    struct fi_control *control = fi_shim.control;
    if (!control || atomic_exchange(&fi_shim.trapping, 1))
        return;
    /* An exec'd program has inherited the filter already. */
    long error = traps() ? 0 : install(control);
    if (error == 0 && traps()) {
        atomic_store(&control->trap_state, FI_TRAP_ON);
        return;
    }
    atomic_store(&control->trap_errno, error < 0 ? (int32_t)-error : EBUSY);
    atomic_store(&control->trap_state, FI_TRAP_FAILED);
}
