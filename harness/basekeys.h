/* The user's own data (--data): that what was there before the load is there after recovery, unchanged. */
#ifndef LASTACK_BASEKEYS_H
#define LASTACK_BASEKEYS_H

#include "run.h"

/* Remembers name and digest of every key of the node. 0, or -1 with a doubt. */
int la_basekeys_remember(struct la_run *run, struct la_node *node);

/* Reports remembered keys that are gone or changed. Keys with a time to live are not judged. */
void la_basekeys_check(struct la_run *run, struct la_node *node);

#endif
