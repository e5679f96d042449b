/* One scenario from beginning to end: create the nodes, start them, perform the steps, judge, clean up. */
#ifndef LASTACK_SUITE_RUNNER_H
#define LASTACK_SUITE_RUNNER_H

#include "run/run.h"

/* Runs the scenario in `dir` (made here) and returns its result object ("name", "verdict", ... as documented). */
json_t *la_runner_run(const struct la_scenario *scenario, const struct la_options *options, const char *dir);

#endif
