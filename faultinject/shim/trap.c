#include "shim/trap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "shim/gate.h"
#include "shim/open.h"
#include "shim/real.h"
#include "shim/resolve.h"
#include "shim/state.h"
#include "shim/trap_start.h"

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code of a seccomp trap */
#endif

/*
 * Maps read-only and then adds the right to write. The first step is not trapped, having no
 * PROT_WRITE, and must not be marked, its sixth argument being an offset; the second is never trapped.
 */
static long map_shared(const long args[6])
{
    long address = syscall(SYS_mmap, args[0], args[1], args[2] & ~PROT_WRITE, args[3], args[4], args[5]);
    if (address == -1)
        return -errno;
    long error = FI_OWN(SYS_mprotect, address, args[1], args[2]);
    return error ? error : address;
}

/* An open that gives the library nothing to go by: it is let through, and noted when it was one of ours. */
static long unseen_open(long number, const long args[6])
{
    long fd = FI_OWN(number, args[0], args[1], args[2], args[3]);
    char path[FI_PATH_MAX];
    bool writable = fd >= 0 && (FI_OWN(SYS_fcntl, fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
    fi_fd_set((int)fd, FI_FD_UNKNOWN);
    if (writable && fi_resolve_fd((int)fd, path))
        fi_shim_blind(FI_BLIND_OPEN);
    return fd;
}

/* System calls outside the table. */
static long special(long number, const long args[6])
{
    switch (number) {
    case SYS_open: return fi_open(AT_FDCWD, (const char *)args[0], (int)args[1], (unsigned int)args[2]);
    case SYS_openat: return fi_open((int)args[0], (const char *)args[1], (int)args[2], (unsigned int)args[3]);
    case SYS_creat:
        return fi_open(AT_FDCWD, (const char *)args[0], O_CREAT | O_WRONLY | O_TRUNC, (unsigned int)args[1]);
    case SYS_openat2:
    case SYS_open_by_handle_at: return unseen_open(number, args);
    case SYS_io_uring_setup: fi_shim_blind(FI_BLIND_IO_URING); return FI_OWN(number, args[0], args[1]);
    case SYS_ioctl:
        if (fi_fd_watched((int)args[0]))
            fi_shim_blind(FI_BLIND_RANGES);
        return FI_OWN(number, args[0], args[1], args[2]);
    case SYS_mmap:
        if (fi_fd_watched((int)args[4]))
            fi_shim_blind(FI_BLIND_MMAP);
        return map_shared(args);
    default: return fi_gate_call(number, args);
    }
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    if (info->si_code != SYS_SECCOMP)
        return;
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    const long args[6] = {regs[REG_RDI], regs[REG_RSI], regs[REG_RDX], regs[REG_R10], regs[REG_R8], regs[REG_R9]};
    if (info->si_syscall == SYS_fdatasync && (int)args[0] == FI_PROBE_FD) {
        atomic_store(&fi_shim.probe_hit, 1);
        regs[REG_RAX] = -EBADF;
        return;
    }
    /* What was left in the sixth register by chance must not reach our own marking of it. */
    regs[REG_RAX] = special(info->si_syscall, args);
}

void fi_trap_handle(void)
{
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
    sigemptyset(&action.sa_mask);
    fi_real()->sigaction(SIGSYS, &action, NULL);
}
