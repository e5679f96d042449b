/*
 * Trials: scenarios that come with lastack, run with lines of redis.conf beside the configuration. They are added to
 * the plan, run at once, and taken off again.
 */
#ifndef LASTACK_SUITE_TRIAL_H
#define LASTACK_SUITE_TRIAL_H

#include "suite/work.h"

/*
 * Adds the scenario of that file, called NAME-with-`with`, with these lines on top of all. Where it cannot be run,
 * though it is about such a configuration, a result that says why goes to `unseen`.
 */
void la_trial_add(struct la_work *work, const char *path, const char *with, const char *lines, json_t *unseen);

/* Runs what has been added since the plan had `first` scenarios, and takes it off: the results, the caller's. */
json_t *la_trial_run(struct la_work *work, size_t first);

/*
 * "price" of the result: two servers in turn, one with the lines `before` (NULL: none), one with `lines`; null where
 * nothing was measured. With `replica`, the second one has one, with these lines, too; what both take is told.
 */
json_t *la_trial_price(struct la_work *work, const char *with, const char *before, const char *lines, bool replica);

#endif
