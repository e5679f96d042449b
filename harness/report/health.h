/*
 * What INFO shows of a fault: which fields moved, when, and which alert rules would have seen it. Each run says what
 * its watcher (run/watch.h) saw; together they say it by fault.
 */
#ifndef LASTACK_REPORT_HEALTH_H
#define LASTACK_REPORT_HEALTH_H

#include <jansson.h>

#include "judge/alerts.h"
#include "run/run.h"

/* "health" of a scenario's result; null: nobody watched, or times say nothing, since the clock was changed. */
json_t *la_health_of(const struct la_run *run);

/*
 * "health" of the result; null where no run was watched. `rules` are the alert rules in words, judged where they are
 * the user's `own`.
 */
json_t *la_health_together(const json_t *scenarios, const json_t *rules, bool own);

#endif
