/* The seccomp filter of this process: from its installation on, every file-changing system call traps. */
#ifndef FAULTINJECT_SHIM_TRAP_START_H
#define FAULTINJECT_SHIM_TRAP_START_H

/* An fdatasync of this descriptor asks whether calls trap; whoever gets it sets fi_shim.probe_hit. */
enum { FI_PROBE_FD = -1 };

/* Begins trapping in this process, once. How it went stands in the control block. Needs the handler (trap.h). */
void fi_trap_start(void);

/* The same, when `path` lies below the data directory. */
void fi_trap_start_for(int dirfd, const char *path);

#endif
