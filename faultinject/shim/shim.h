/*
 * Inside libfaultinject.so: the state of this process and the way of one
 * operation, which is the same wherever it comes from:
 *
 *   wrap_*.c (called by name) or trap.c (a trapped system call)
 *     -> fi_shim_call -> resolve.c: is it a file below the data directory?
 *                     -> engine.c: does a rule fire?   -> perform.c: do it
 *                                                      -> record.c: write it down
 *
 * Nothing here allocates or locks. errno is left alone: results are those of the
 * kernel, a value or a negative errno, until a wrapper hands them to the program.
 */
#ifndef FAULTINJECT_SHIM_SHIM_H
#define FAULTINJECT_SHIM_SHIM_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/control_block.h"
#include "shared/engine.h"
#include "shared/journal.h"
#include "shared/syscalls.h"
#include "shim/raw.h"

enum { FI_FD_MAX = 65536 };

/* What is known of a descriptor. A descriptor above FI_FD_MAX is always unknown. */
enum fi_fd_state {
    FI_FD_UNKNOWN,
    FI_FD_IGNORED,
    FI_FD_WATCHED,
    FI_FD_APPENDS /* watched, and opened with O_APPEND */
};

/* The library's only global. `control` is NULL where nothing is injected. */
struct fi_shim {
    struct fi_control *control;
    struct fi_journal *journal; /* NULL: nothing is written down */
    _Atomic uint32_t role;
    _Atomic uint32_t process; /* ordinal within the role */
    _Atomic uint32_t threads; /* ordinals given out */
    _Atomic int trapping;     /* this process has the filter */
    _Atomic int probe_hit;    /* the handler saw the probe */
    _Atomic uint8_t fds[FI_FD_MAX];
    _Atomic uint32_t files[FI_FD_MAX]; /* index in the journal plus 1; 0: not known */
};
extern struct fi_shim fi_shim;

/* One operation on its way. `path` is relative to the data directory; NULL: not looked up. */
struct fi_call {
    const struct fi_syscall *row;
    long args[6];
    uint32_t op;
    const char *path;
};

/* Performs system call `number` for the program, with whatever the rules say. */
long fi_shim_call(long number, const long args[6]);

/* Opens a file for the program: rules, disk budget, journal. Always as openat. */
long fi_shim_open(int dirfd, const char *path, int flags, unsigned int mode);

/* What happens here and now, for the engine. */
struct fi_operation fi_shim_operation(uint32_t op, const char *path);

/* Counts an operation below the data directory. */
void fi_shim_count(uint32_t op);

/* Takes a role, as the next of its processes. */
void fi_shim_become(uint32_t role);

/* The decision for an operation that has no data: 0 to go on, or the negative errno to return. Counts it. */
long fi_shim_gate(const struct fi_operation *operation);

/* Begins trapping in this process, once. */
void fi_trap_start(void);

/* Installs the SIGSYS handler. */
void fi_trap_handle(void);

/* Carries out `decision` on `call`. */
long fi_perform(struct fi_call *call, const struct fi_decision *decision, const struct fi_operation *operation);

/* The system call itself, written down where there is a journal. */
long fi_perform_pass(const struct fi_call *call);

/* A write of its first `bytes` bytes only. */
long fi_perform_part(struct fi_call *call, uint64_t bytes);

/* Performs `call`, within the budget of a full disk where there is one (disk_full.c). */
long fi_disk_call(struct fi_call *call);

/* The parts that any operation can have: kill, power cut, delay, hang. */
void fi_perform_common(const struct fi_decision *decision);

/* Inverts the bit that the rule names, in data that was read from `offset` on. False: it lies beyond. */
bool fi_perform_flip(const struct fi_decision *decision, uint8_t *data, uint64_t size, int64_t offset);

/* The bytes that a call asks for, -1 where it has no length; and where in the file, -1 when not known. */
int64_t fi_call_bytes(const struct fi_call *call);
int64_t fi_call_offset(const struct fi_call *call);

/* Paths. Each writes the path relative to the data directory, true when it lies there. */
bool fi_resolve_fd(int fd, char out[FI_PATH_MAX]);
bool fi_resolve_path(int dirfd, const char *path, char out[FI_PATH_MAX]);

/* "/proc/self/fd/N" */
void fi_fd_link(char out[40], int fd);

/* True when the descriptor is a file of the data directory; remembers the answer. */
bool fi_fd_watched(int fd);
void fi_fd_set(int fd, enum fi_fd_state state);
static inline enum fi_fd_state fi_fd_state(int fd)
{
    if (fd >= 0 && fd < FI_FD_MAX)
        return (enum fi_fd_state)atomic_load_explicit(&fi_shim.fds[fd], memory_order_relaxed);
    return FI_FD_UNKNOWN;
}

/*
 * Around a call that changes the content of `fd`: waits while its file is busy, and lets a revert wait for it.
 * Returns what fi_writer_end wants.
 */
uint32_t fi_writer_begin(int fd);
void fi_writer_end(uint32_t file);

/* Holds an fsync's file busy for others, and waits until a file is not. */
int fi_busy_begin(int fd);
void fi_busy_end(int slot);
void fi_busy_wait(int fd);

/* CLOCK_MONOTONIC as the machine has it, ns. */
uint64_t fi_now_ns(void);

/* Notes something that could change files unseen. */
void fi_shim_blind(uint32_t kind);

/* A system call of the library's own. */
#define FI_OWN(number, ...) FI_RAW(fi_shim.control ? fi_shim.control->head.secret : 0, number, __VA_ARGS__)

/* For wrappers: a kernel's result as libc's, with errno. */
long fi_result(long result);

#define FI_EXPORT __attribute__((visibility("default")))

#endif
