/*
 * The driver's side of the control block: create it, arm and disarm rules,
 * read counters and the injection log. Every call is safe while processes
 * under injection run. One driver at a time arms rules.
 */
#ifndef FAULTINJECT_CONTROL_H
#define FAULTINJECT_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contract.h"
#include "rule.h"

/*
 * Creates the file `path` (which must not exist) for processes whose files live
 * below `data_dir` (which must), and maps it. `roles` beyond server and child are
 * the driver's. Returns the mapping, to be released with fi_control_close, or
 * NULL with `why` filled.
 */
struct fi_control *fi_control_create(const char *path, const char *data_dir, const struct fi_role *roles,
                                     uint32_t role_count, char *why, size_t why_size);

/* Maps an existing block. NULL with `why` filled when it is not one. */
struct fi_control *fi_control_open(const char *path, char *why, size_t why_size);

void fi_control_close(struct fi_control *control);

/* True when a mapping of `size` bytes is a block this code can work with. */
bool fi_control_valid(const struct fi_control *control, uint64_t size);

/*
 * Arms a copy of `rule`. Returns its index, or -1 with `why` filled: no slot left,
 * a second disk-full budget, or a budget below what is already used.
 */
int fi_control_arm(struct fi_control *control, const struct fi_rule *rule, char *why, size_t why_size);

/* Disarms rule `index`; its counters stay readable. Other indices are ignored. */
void fi_control_disarm(struct fi_control *control, int index);

/* Entries of the log that can be read now; *lost counts those that found no room. */
uint64_t fi_control_log_count(const struct fi_control *control, uint64_t *lost);

/* Operations begun by `role` (FI_ROLE_ANY: all), of the kinds in `ops`. */
uint64_t fi_control_done(const struct fi_control *control, uint32_t role, uint32_t ops);

#endif
