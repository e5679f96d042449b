#include "shim/trap_start.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "shim/resolve.h"
#include "shim/state.h"

/* Whether a file-changing call of somebody else's traps. */
static bool traps(void)
{
    atomic_store(&fi_shim.probe_hit, 0);
    FI_RAW(0, SYS_fdatasync, FI_PROBE_FD);
    return atomic_load(&fi_shim.probe_hit) != 0;
}

/* Speculation is left as it is: some kernels would slow the whole server down under a filter. */
static long install(struct fi_control *control)
{
    const long flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    struct sock_fprog program = {(unsigned short)control->filter_len, (struct sock_filter *)control->filter};
    long error = FI_OWN(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, (long)&program);
    if (error != -EACCES)
        return error;
    /* Without CAP_SYS_ADMIN the kernel wants the promise that no set-uid program will be run. */
    FI_OWN(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
    return FI_OWN(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, (long)&program);
}

void fi_trap_start(void)
{
    struct fi_control *control = fi_shim.control;
    if (!control || atomic_load_explicit(&fi_shim.trapping, memory_order_relaxed) ||
        atomic_exchange(&fi_shim.trapping, 1))
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

void fi_trap_start_for(int dirfd, const char *path)
{
    char below[FI_PATH_MAX];
    bool begun = atomic_load_explicit(&fi_shim.trapping, memory_order_relaxed);
    if (!begun && fi_shim.control && fi_resolve_path(dirfd, path, below))
        fi_trap_start();
}
