/*
 * Judging recorded traffic. Nobody knows what such commands do but a server: one that has not crashed is sent the same,
 * command by command, and after each its keys are compared with those that came back. Where all are the same, this
 * beginning of the recording is what survived; when that is nowhere so, what came back is no state that there ever was.
 */
#ifndef LASTACK_VERIFY_VERIFY_RECORDED_H
#define LASTACK_VERIFY_VERIFY_RECORDED_H

#include "redis/recording.h"
#include "verify/tally.h"

struct la_recorded_sides {
    const struct la_address *node;      /* what came back */
    const struct la_address *reference; /* a server that is as that one was when the recording began */
    const struct la_strings *sent;      /* lines that the scenario sends, see sent.h */
    bool *changed;                      /* out, by item: the reference's data have changed; NULL: nobody asks */
};

/* Adds every operation to `tally`, differences to `findings`. The number of keys, or -1 with `error` filled. */
long long la_recorded_judge(const struct la_ledger *ledger, const struct la_recording *recording,
                            const struct la_recorded_sides *sides, struct la_findings *findings, struct la_tally *tally,
                            struct la_error *error);

#endif
