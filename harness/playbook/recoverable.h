/*
 * What could still be got back, whatever a runbook does: the most keys that some copy of the files in a world gives
 * back on a second server, as it is, repaired with redis-check-aof, or with a FLUSHALL and all behind it cut off.
 */
#ifndef LASTACK_PLAYBOOK_RECOVERABLE_H
#define LASTACK_PLAYBOOK_RECOVERABLE_H

#include "world/world.h"

struct la_recoverable {
    char server[LA_PATH_MAX];  /* the program */
    char scratch[LA_PATH_MAX]; /* a folder of ours, emptied each time */
    char *seen;                /* names, sizes and times of the files at the last look; NULL: there was none */
    int keys;                  /* what that gave back */
};

/* Looks at the files of the world again, if any has changed. The number of keys. */
int la_recoverable_look(struct la_recoverable *recoverable, const struct la_world *world);

void la_recoverable_free(struct la_recoverable *recoverable);

#endif
