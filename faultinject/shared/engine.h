/*
 * The decision behind every operation: which armed rule fires, and the budget of
 * a full disk. Pure logic on the control block: no allocation, no lock, no system
 * call, no static data, so it can run between a server's call and the kernel, in a
 * signal handler, in many threads and processes at once.
 */
#ifndef FAULTINJECT_SHARED_ENGINE_H
#define FAULTINJECT_SHARED_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/control_block.h"

/* One operation, as far as rules and the log look at it. */
struct fi_operation {
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    int32_t pid;
    int32_t tid;
    uint32_t role;
    uint32_t process; /* ordinals, see struct fi_log_entry */
    uint32_t thread;
    uint32_t op;
    uint32_t peer;    /* port; 0: none */
    int64_t bytes;    /* -1: none */
    int64_t offset;   /* -1: none, or not known */
    const char *path; /* relative to the data directory; NULL: none */
};

struct fi_decision {
    int rule; /* index, or -1: let the operation through */
    enum fi_action action;
    uint64_t arg;
    uint64_t number;      /* the how-many-th matching operation of the rule this is */
    uint64_t file_number; /* and on its file */
    uint64_t at;          /* flip: the byte that the rule's offset names; UINT64_MAX: it names none */
};

/* True when an armed rule looks at operations of this kind at all. */
static inline bool fi_engine_cares(const struct fi_control *control, uint32_t op)
{
    return atomic_load_explicit(&control->armed_ops, memory_order_acquire) >> op & 1;
}

/* True when an armed rule looks at where in the file an operation of this kind is made. */
bool fi_engine_wants_offset(const struct fi_control *control, uint32_t op);

/*
 * Counts the operation with every armed rule that it matches; the first that fires decides. An operation that it means
 * to cut and that is too small for it goes through.
 */
struct fi_decision fi_engine_decide(struct fi_control *control, const struct fi_operation *operation);

/* Enters an injection in the block's log and counts the decision's rule as fired. */
void fi_engine_record(struct fi_control *control, const struct fi_decision *decision,
                      const struct fi_operation *operation);

/*
 * A path whose process id is written as `*`: temporary files carry it, and it differs from run to run.
 * Writes at most `size` bytes with the closing zero, cut where they do not suffice.
 */
void fi_engine_stable_path(const char *path, int32_t pid, char *out, uint32_t size);

/* The role that a forked child takes with the file it has just created; `role` when none fits. */
uint32_t fi_engine_child_role(const struct fi_control *control, uint32_t role, const char *created);

/* Takes up to `bytes` from the disk budget and returns how many it got; all where there is no budget. */
uint64_t fi_engine_disk_take(struct fi_control *control, uint64_t bytes);

/* Gives bytes back to the budget. */
void fi_engine_disk_give(struct fi_control *control, uint64_t bytes);

/* Bytes that the budget has left; UINT64_MAX where there is none. */
uint64_t fi_engine_disk_room(struct fi_control *control);

/* The armed disk-full rule as a decision, rule -1 where there is none. */
struct fi_decision fi_engine_disk_rule(struct fi_control *control);

#endif
