/*
 * From observations to a verdict.
 *
 *   violated      a finding that the scenario does not expect, or an expectation not
 *                 met although the run was sound
 *   inconclusive  the run was not sound: load too thin, a rule that did not fire, a
 *                 key that was not read back, a server that did not start at first
 *   holds         sound, and everything as expected
 *
 * Data found lost, torn or invented stays a violation even in a run that was not
 * sound in another respect; unmet expectations do not.
 */
#ifndef LASTACK_JUDGE_JUDGE_H
#define LASTACK_JUDGE_JUDGE_H

#include "run/run.h"

struct la_judgement {
    enum la_verdict verdict;
    struct la_strings reasons; /* for a verdict other than holds: what was not met, or why nothing can be said */
    struct la_claim_judgement {
        enum la_verdict verdict;
        char *measured;
    } * claims; /* one for each of scenario->claims */
    unsigned int claim_count;
};

struct la_judgement la_judge(struct la_run *run);
void la_judgement_free(struct la_judgement *judgement);

/* The window of loss in ms: the fault minus the ack of the earliest lost operation. 0 when nothing is lost. */
double la_judge_window_ms(const struct la_run *run);

#endif
