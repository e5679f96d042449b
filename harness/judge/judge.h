/*
 * From observations to a verdict. Every check (a finding, an expectation, a bound of the user's) is looked at once, in
 * a run that it cannot change, and says met, unmet or unknown, with its reason (opinion.h).
 *
 *   violated      something convicts; or the run was sound, and something is unmet
 *   inconclusive  else, when the run was not sound or something is unknown: load too thin, a rule that did not fire, a
 *                 key that was not read back, a server that did not start at first
 *   holds         sound, and everything met
 *
 * What convicts does so whatever else went amiss in the run: data lost beyond what is allowed, torn or invented, a
 * server that does not start on what it left behind, clients that were not served.
 */
#ifndef LASTACK_JUDGE_JUDGE_H
#define LASTACK_JUDGE_JUDGE_H

#include "judge/measured.h"
#include "run/run.h"

struct la_judgement {
    enum la_verdict verdict;
    bool sound;                 /* what was measured was measured, whatever is made of it */
    struct la_strings reasons;  /* for a verdict other than holds: all of them, what convicts first */
    struct la_strings violated; /* what is, by kind: findings, expectations, "step", "rpo", "rto"; none else */
    struct la_strings doubts;   /* why nothing more could be said; there may be some whatever the verdict */
    struct la_claim_judgement {
        enum la_verdict verdict;
        struct la_measured measured; /* what it rests on */
        char *why;                   /* where that says nothing: why there is no verdict; NULL: it does */
    } * claims;                      /* one for each of scenario->claims */
    unsigned int claim_count;
};

struct la_judgement la_judge(const struct la_run *run);
void la_judgement_free(struct la_judgement *judgement);

#endif
