/* Scenario files, read and checked. */
#ifndef LASTACK_SCENARIO_READ_H
#define LASTACK_SCENARIO_READ_H

#include "scenario/scenario.h"

/* Reads and checks one file; `kinds` outlives it. NULL with `error` filled: "file:line: what is wrong". */
struct la_scenario *la_scenario_read(const char *path, const struct la_kinds *kinds, struct la_error *error);

/* Adds the file's scenario, or with a folder those of all *.yaml and *.yml below it, in order of name. */
int la_scenarios_read(struct la_scenarios *list, const char *path, const struct la_kinds *kinds,
                      struct la_error *error);

void la_scenario_free(struct la_scenario *scenario);
void la_scenarios_free(struct la_scenarios *list);

#endif
