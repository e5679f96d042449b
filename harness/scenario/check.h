/* The meaning of a scenario that has been read: whether it can be run, and can show what it expects. */
#ifndef LASTACK_SCENARIO_CHECK_H
#define LASTACK_SCENARIO_CHECK_H

#include "scenario/scenario.h"

/* -1 with `error` filled: "file:line: what is wrong". */
int la_scenario_check(const struct la_scenario *scenario, struct la_error *error);

/* The recorded traffic that a scenario sends, named relative to its file, can be read. Of no bundle: it holds none. */
int la_scenario_check_recording(const struct la_scenario *scenario, struct la_error *error);

#endif
