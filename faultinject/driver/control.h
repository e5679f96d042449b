/*
 * The driver's side of the control block: create it, arm and disarm rules,
 * read counters and the injection log. Every call is safe while processes
 * under injection run, and from several drivers at once.
 */
#ifndef FAULTINJECT_DRIVER_CONTROL_H
#define FAULTINJECT_DRIVER_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/rule.h"
#include "shared/control_block.h"

/* What a control block is made for. */
struct fi_control_plan {
    const char *data_dir;        /* must exist; what lies below it is under injection */
    const char *side_dir;        /* of the journal, see shared/journal.h; NULL: no journal */
    const struct fi_role *roles; /* beyond server and child */
    uint32_t role_count;
    uint64_t seed;           /* of rules with a probability */
    enum fi_backend backend; /* FI_BACKEND_NOTIFY has no journal */
};

/*
 * Creates the file `path` (which must not exist) and maps it. Returns the mapping,
 * to be released with fi_control_close, or NULL with `why` filled.
 */
struct fi_control *fi_control_create(const char *path, const struct fi_control_plan *plan, char *why, size_t why_size);

/* Maps an existing block. NULL with `why` filled when it is not one. */
struct fi_control *fi_control_open(const char *path, char *why, size_t why_size);

void fi_control_close(struct fi_control *control);

/* True when a mapping of `size` bytes is a block this code can work with. */
bool fi_control_valid(const struct fi_control *control, uint64_t size);

/*
 * Arms a copy of `rule`, as of `now_ns` (CLOCK_MONOTONIC; 0: now). Returns its index, or -1 with `why`
 * filled: no slot left, a conflict with an armed rule, a budget below what is already used, or a rule that
 * the block's back end cannot carry out.
 */
int fi_control_arm(struct fi_control *control, const struct fi_rule *rule, uint64_t now_ns, char *why, size_t why_size);

/* CLOCK_MONOTONIC, ns. */
uint64_t fi_control_now_ns(void);

/* Disarms rule `index`; its counters stay readable. Other indices are ignored. A changed rate of the clock ends. */
void fi_control_disarm(struct fi_control *control, int index);

/* Rules that are or were armed: indices below this that fi_control_rule gives. */
uint32_t fi_control_rules(const struct fi_control *control);

/* Entries of the log that can be read now; *lost counts those that found no room. */
uint64_t fi_control_log_count(const struct fi_control *control, uint64_t *lost);

/*
 * Log entry `index` as a line without the newline. Without `times` it holds nothing that differs
 * between two runs of the same workload: processes and threads are named by role and ordinal.
 */
void fi_control_log_line(const struct fi_control *control, uint64_t index, bool times, char *out, size_t size);

/* Operations begun by `role` (FI_ROLE_ANY: all), of the kinds in `ops`. */
uint64_t fi_control_done(const struct fi_control *control, uint32_t role, uint32_t ops);

/* What the library could not see, as words ("a shared mapping, io_uring"); false when there was nothing. */
bool fi_control_blind(const struct fi_control *control, char *out, size_t size);

#endif
