/*
 * What was there before the load: keys of the server's own, and the user's data (--data), which is to be there after
 * recovery, unchanged.
 */
#ifndef LASTACK_RUN_GIVEN_KEYS_H
#define LASTACK_RUN_GIVEN_KEYS_H

#include "run/run.h"

/* Remembers the name of every key of the node, with --data its digest too. 0, or -1 with a doubt. */
int la_basekeys_remember(struct la_run *run, struct la_node *node);

/* Reports keys of the given data that are gone or changed. Keys with a time to live are not judged. */
void la_basekeys_check(struct la_run *run, struct la_node *node);

#endif
