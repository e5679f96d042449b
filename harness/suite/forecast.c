#include "suite/forecast.h"

#include <stdio.h>
#include <unistd.h>

#include "report/row.h"

enum { UNKNOWN_SECONDS = 5 };

/* What a run adds to the time that all take together. */
static double seconds_of(const struct la_work *work, size_t scenario)
{
    const struct la_scenario *it = work->scenarios.items[scenario];
    const struct la_duration *known = la_durations_find(&work->durations, it->name);
    return (known ? known->seconds : UNKNOWN_SECONDS) / (it->alone ? 1.0 : work->suite->jobs);
}

double la_forecast(const struct la_work *work, const struct la_stretch *stretch, size_t begun, double elapsed)
{
    double ended = 0;
    double left = 0;
    for (int alone = 0; alone < 2; alone++)
        for (size_t i = stretch->first; i < stretch->end; i++) {
            const struct la_scenario *it = work->scenarios.items[i];
            size_t turns = it->alone == alone ? la_turns_here(&work->fits[i].turns, work->suite, it) : 0;
            size_t here = begun < turns ? begun : turns;
            begun -= here;
            ended += (double)here * seconds_of(work, i);
            left += (double)(turns - here) * seconds_of(work, i);
        }
    double running = 0;
    for (unsigned int i = 0; i < work->running; i++)
        running += seconds_of(work, work->jobs[i].scenario);
    ended -= running;
    return ended > 0 ? elapsed / (ended + running / 2) * (left + running / 2) : -1;
}

void la_forecast_show(const struct la_work *work, const struct la_stretch *stretch, size_t begun, size_t all,
                      const char *name)
{
    if (!isatty(STDERR_FILENO))
        return;
    double left = la_forecast(work, stretch, begun, (double)(la_now_ns() - stretch->began_ns) / 1e9);
    char words[32] = "";
    if (left >= 0)
        snprintf(words, sizeof words, ", about %.0f s left", left);
    fprintf(stderr, "\r\033[K[%zu/%zu] %s; %u violated, %u inconclusive so far; %.0f s%s\r", begun + 1, all, name,
            la_rows_count(work->into, LA_VIOLATED), la_rows_count(work->into, LA_INCONCLUSIVE),
            (double)(la_now_ns() - work->start_ns) / 1e9, words);
}
