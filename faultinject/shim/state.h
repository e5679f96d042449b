/*
 * The state of this process. Nothing in the library allocates or locks, and errno is left alone: results are those of
 * the kernel, a value or a negative errno, until a wrapper hands them to the program.
 */
#ifndef FAULTINJECT_SHIM_STATE_H
#define FAULTINJECT_SHIM_STATE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "shared/control_block.h"
#include "shared/engine.h"
#include "shared/journal.h"
#include "shim/raw.h"

enum { FI_FD_MAX = 65536 };

/* What is known of a descriptor. A descriptor above FI_FD_MAX is always unknown. */
enum fi_fd_state {
    FI_FD_UNKNOWN,
    FI_FD_IGNORED,
    FI_FD_WATCHED,
    FI_FD_APPENDS /* watched, and opened with O_APPEND */
};

/* `control` is NULL where nothing is injected. */
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

/* A system call of the library's own. */
#define FI_OWN(number, ...) FI_RAW(fi_shim.control ? fi_shim.control->head.secret : 0, number, __VA_ARGS__)

/* CLOCK_MONOTONIC as the machine has it, ns. */
uint64_t fi_now_ns(void);

/* Takes a role, as the next of its processes. */
void fi_shim_become(uint32_t role);

/* Notes something that could change files unseen: bits of enum fi_blind. */
void fi_shim_blind(uint32_t kind);

/* What happens here and now, for the engine. `path` is relative to the data directory; NULL: none. */
struct fi_operation fi_shim_operation(uint32_t op, const char *path);

/* Counts an operation below the data directory. */
void fi_shim_count(uint32_t op);

/* What is known of `fd` from now on; its file in the journal is not. */
void fi_fd_set(int fd, enum fi_fd_state state);

static inline enum fi_fd_state fi_fd_state(int fd)
{
    if (fd >= 0 && fd < FI_FD_MAX)
        return (enum fi_fd_state)atomic_load_explicit(&fi_shim.fds[fd], memory_order_relaxed);
    return FI_FD_UNKNOWN;
}

#endif
