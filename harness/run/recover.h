/* Recovery: from a dead node to one that serves, with the time of each phase. */
#ifndef LASTACK_RUN_RECOVER_H
#define LASTACK_RUN_RECOVER_H

#include "run/run.h"

/*
 * Follows a node that has just been started until it has answered PING, a read and (on a primary) a write. `recovery`
 * may be NULL. Returns 0 when it serves; -1 with a doubt or a finding otherwise.
 */
int la_recover_follow(struct la_run *run, struct la_node *node, struct la_recovery *recovery, unsigned int timeout_ms);

/* A step of it repairs what a server does not start on. */
bool la_recover_repairs(const struct la_scenario *scenario);

/* Notes a recovery that has ended with `result`, and gives that back: the longest of a run is what is told. */
int la_recover_note(struct la_run *run, const struct la_recovery *recovery, int result);

/* Where a check of the user's is judged: gives it the time to look at what a fault has done, before that is ended. */
void la_recover_wait_check(struct la_run *run);

#endif
