/* The seccomp trap: every file-changing system call that the library did not issue itself arrives there as SIGSYS. */
#ifndef FAULTINJECT_SHIM_TRAP_H
#define FAULTINJECT_SHIM_TRAP_H

/* Installs the SIGSYS handler. */
void fi_trap_handle(void);

#endif
