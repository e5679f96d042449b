/*
 * lastack replay: a bundle is the folder that a run leaves for a scenario: scenario,
 * ledger, seed, configuration, and the data directory as the crash left it. Replay
 * gives a server a copy of that crash state and judges what comes back. What the run doubted stays in doubt: the replay
 * of an inconclusive run is inconclusive.
 */
#ifndef LASTACK_SUITE_REPLAY_H
#define LASTACK_SUITE_REPLAY_H

#include "suite/sandbox.h"

struct la_replay {
    struct la_parts parts;
    const char *bundle;
    const char *server; /* NULL: the one of the bundle */
    char out[LA_PATH_MAX];
    bool made_out; /* the folder has been made for this replay */
};

/* Returns the exit status: 1 when more is lost than the scenario allows or data is wrong. For la_sandbox_run. */
int la_replay_run(void *replay, const struct la_sandbox *sandbox, struct la_strings *limits);

#endif
