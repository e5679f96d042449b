/*
 * A scenario that was run several times, as one result: that of the worst run, with what the runs together say. Worst
 * is the verdict, among equal ones the loss, then its window. Each claim has its own worst run. What was put together
 * on several machines can be put together again.
 *
 *   repeats  runs, violated, inconclusive; violation_rate_upper_95: with 95 % confidence the server violates in no
 *            more than this share of runs (of those that could be judged; Clopper and Pearson); rpo and rto figures
 *            as median, min, max and all values; seeds and verdicts of the runs, in the order of their seeds
 */
#ifndef LASTACK_REPORT_REPEAT_H
#define LASTACK_REPORT_REPEAT_H

#include <jansson.h>

/* The worst of several runs; -1: none has ended. `runs`: results of la_runner_run, null where one has not ended. */
int la_repeat_worst(const json_t *runs);

/* `runs`: results of la_runner_run, or of this, at least one; the reference is taken. */
json_t *la_repeat_merge(json_t *runs);

/* With 95 % confidence, the highest rate at which `hits` or fewer of `runs` can be seen. 1 when there were no runs. */
double la_repeat_upper_95(unsigned int hits, unsigned int runs);

#endif
