/* One scenario from beginning to end: create the nodes, start them, perform the steps, judge, clean up. */
#ifndef LASTACK_SUITE_RUNNER_H
#define LASTACK_SUITE_RUNNER_H

#include "run/run.h"

/* Runs the scenario in `dir` (made here) and returns its result object ("name", "verdict", ... as documented). */
json_t *la_runner_run(const struct la_scenario *scenario, const struct la_options *options, const char *dir);

/*
 * Runs it up to where it would end its first node, or read it back, and kills that then: what remains is recorded in
 * the node's journal and in the ledger. `then` makes the result object of it. With `instead` (NULL: none) nothing is
 * started: that fills in what was recorded another time, and says what keeps it from doing so as a doubt of the run.
 */
struct la_runner_recording {
    void (*instead)(struct la_run *run, void *context);
    json_t *(*then)(struct la_run *run, void *context);
    void *context;
};
json_t *la_runner_record(const struct la_scenario *scenario, const struct la_options *options, const char *dir,
                         const struct la_runner_recording *recording);

#endif
