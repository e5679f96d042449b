/*
 * Inside libfaultinject.so: the state of this process and the way of one
 * operation, which is the same wherever it comes from:
 *
 *   wrap.c (called by name) or trap.c (a trapped system call)
 *     -> fi_shim_call -> resolve.c: is it a file below the data directory?
 *                     -> engine.c: does a rule fire?   -> perform.c: do it
 *
 * Nothing here allocates or locks. errno is left alone: results are those of the
 * kernel, a value or a negative errno, until wrap.c hands them to the program.
 */
#ifndef FAULTINJECT_SHIM_H
#define FAULTINJECT_SHIM_H

#include <stdbool.h>
#include <stdint.h>

#include "contract.h"
#include "engine.h"
#include "raw.h"
#include "syscalls.h"

enum { FI_FD_MAX = 65536 };

/* What is known of a descriptor. A descriptor above FI_FD_MAX is always unknown. */
enum fi_fd_state { FI_FD_UNKNOWN, FI_FD_WATCHED, FI_FD_IGNORED };

/* The library's only global. `control` is NULL where nothing is injected. */
struct fi_shim {
    struct fi_control *control;
    _Atomic uint32_t role;
    _Atomic int trapping;  /* this process has the filter */
    _Atomic int probe_hit; /* the handler saw the probe */
    _Atomic uint8_t fds[FI_FD_MAX];
};
extern struct fi_shim fi_shim;

/* One operation on its way. `path` is relative to the data directory. */
struct fi_call {
    const struct fi_syscall *row;
    long args[6];
    uint32_t op;
    const char *path;
};

/* Performs system call `number` for the program, with whatever the rules say. */
long fi_shim_call(long number, const long args[6]);

/* The row of a system call that can change a file, or NULL. */
const struct fi_syscall *fi_syscall_find(long number);

/* The decision for an operation outside the table (open, fork): 0 to go on, or the negative errno to return. */
long fi_shim_gate(uint32_t op, const char *path);

/* Begins trapping in this process, once. */
void fi_trap_start(void);

/* Installs the SIGSYS handler. */
void fi_trap_handle(void);

/* Carries out `decision` on `call`. */
long fi_perform(struct fi_call *call, const struct fi_decision *decision);

/* Performs `call` under a disk-full budget. */
long fi_perform_on_full_disk(struct fi_call *call);

/* Logs an injection and carries out the parts that any operation can have: delay and kill. */
void fi_perform_log(uint32_t op, const char *path, int64_t bytes, const struct fi_decision *decision);
void fi_perform_common(const struct fi_decision *decision);

/* Paths. Each writes the path relative to the data directory, true when it lies there. */
bool fi_resolve_fd(int fd, char out[FI_PATH_MAX]);
bool fi_resolve_path(int dirfd, const char *path, char out[FI_PATH_MAX]);

/* True when the descriptor is a file of the data directory; remembers the answer. */
bool fi_fd_watched(int fd);
void fi_fd_set(int fd, enum fi_fd_state state);

/* A system call of the library's own. */
#define FI_OWN(number, ...) FI_RAW(fi_shim.control ? fi_shim.control->secret : 0, number, __VA_ARGS__)

#endif
