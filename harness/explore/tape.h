/*
 * A recording, kept in a folder of its own from which it can be explored again, also elsewhere: the journal with the
 * files it speaks of, the ledger, and the times that a judge goes by. Under checksums: it is evidence.
 */
#ifndef LASTACK_EXPLORE_TAPE_H
#define LASTACK_EXPLORE_TAPE_H

#include "crash/trail.h"
#include "run/run.h"

#define LA_TAPE_FOLDER "recording"

/* Keeps what the trail was read from, and what of the run is needed. The node is down. -1 with `error` filled. */
int la_tape_keep(const struct la_run *run, const struct la_trail *trail, const char *folder, struct la_error *error);

/* Whether a recording is whole. -1 with `error` filled: it is not. */
int la_tape_check(const char *folder, struct la_error *error);

/*
 * Makes of a run that has its node, and has not begun, one that was recorded: its ledger, its times, and the trail, to
 * be released by the caller. `seed` is what it was recorded with. -1 with `error` filled: it is damaged, say, or of
 * another scenario.
 */
int la_tape_play(const char *folder, struct la_run *run, struct la_trail *trail, uint64_t *seed,
                 struct la_error *error);

#endif
