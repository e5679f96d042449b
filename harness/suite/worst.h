/*
 * What certify answers first: what the configuration loses at worst, by the scenarios that have a situation; which one
 * line more would change it, by running them with it; and at what price.
 */
#ifndef LASTACK_SUITE_WORST_H
#define LASTACK_SUITE_WORST_H

#include "suite/work.h"

/* Moves the scenarios with a situation to the front; how many there are. */
size_t la_worst_first(struct la_work *work);

/*
 * Once they have been run: the answer, an object, the caller's. Runs what it takes (la_suite_run_range), which leaves
 * no trace in work->results.
 */
json_t *la_worst_answer(struct la_work *work);

#endif
