/*
 * The decision behind every operation: which armed rule fires, and the budget of
 * a full disk. Pure logic on the control block: no allocation, no lock, no system
 * call, no static data, so it can run between a server's call and the kernel, in a
 * signal handler, in many threads and processes at once.
 */
#ifndef FAULTINJECT_ENGINE_H
#define FAULTINJECT_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "contract.h"

struct fi_decision {
    int rule; /* index, or -1: let the operation through */
    enum fi_action action;
    uint64_t arg;
    uint64_t number; /* the how-many-th matching operation of the rule this is */
};

/* True when an armed rule looks at operations of this kind at all. */
bool fi_engine_cares(const struct fi_control *control, uint32_t op);

/* Counts the operation with every armed rule that it matches; the first that fires decides. */
struct fi_decision fi_engine_decide(struct fi_control *control, uint32_t role, uint32_t op, const char *path);

/*
 * Who an injection happened to. The entry goes to the block's log with the
 * decision's rule counted as fired. `path` may be NULL.
 */
struct fi_origin {
    uint64_t time_ns;
    int32_t pid;
    int32_t tid;
    uint32_t role;
    uint32_t op;
    int64_t bytes;
    const char *path;
};
void fi_engine_record(struct fi_control *control, const struct fi_decision *decision, const struct fi_origin *origin);

/* The role that a forked child takes with the file it has just created; `role` when none fits. */
uint32_t fi_engine_child_role(const struct fi_control *control, uint32_t role, const char *created);

/* Takes up to `bytes` from the disk budget and returns how many it got; all where there is no budget. */
uint64_t fi_engine_disk_take(struct fi_control *control, uint64_t bytes);

/* Gives bytes back to the budget. */
void fi_engine_disk_give(struct fi_control *control, uint64_t bytes);

/* The armed disk-full rule as a decision, rule -1 where there is none. */
struct fi_decision fi_engine_disk_rule(struct fi_control *control);

#endif
