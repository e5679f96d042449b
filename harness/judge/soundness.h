/* Whether a run can say anything: the grounds for doubt, and whether what came back can be held against the server. */
#ifndef LASTACK_JUDGE_SOUNDNESS_H
#define LASTACK_JUDGE_SOUNDNESS_H

#include "run/run.h"

/*
 * Adds the run's doubts. Where the steps came to their end without any, what makes a run sound is looked at: load,
 * rules, library, journal, evictions. (What ended a run early explains the rest.)
 */
void la_soundness(const struct la_run *run, struct la_strings *doubts);

/*
 * What a server makes of its files is its own doing: no simulated power cut dropped what it did not see being written,
 * and the run that a replay repeats was sound itself.
 */
bool la_state_speaks(const struct la_run *run);

/* So is data that is wrong or missing: moreover, no keys may have been evicted by order. */
bool la_data_speaks(const struct la_run *run);

/* A simulated cut that did not see all that was written. */
bool la_cut_unseen(const struct la_run *run);

#endif
