/* On a terminal: how far a run has come, and how long it may still take. */
#ifndef LASTACK_SUITE_FORECAST_H
#define LASTACK_SUITE_FORECAST_H

#include "suite/work.h"

/* Scenarios, `first` to below `end`, of which those that are alone come last. */
struct la_stretch {
    size_t first;
    size_t end;
    uint64_t began_ns;
};

/*
 * Seconds that it will still take, when `begun` of its runs have begun and so many seconds have passed: as many as
 * fixtures/seconds.yaml says of the rest, if that holds as well as of what has ended. Below 0: nothing has ended.
 */
double la_forecast(const struct la_work *work, const struct la_stretch *stretch, size_t begun, double elapsed);

/* The line at the bottom of a terminal, before the next run begins, which is one of this name; nothing elsewhere. */
void la_forecast_show(const struct la_work *work, const struct la_stretch *stretch, size_t begun, size_t all,
                      const char *name);

#endif
