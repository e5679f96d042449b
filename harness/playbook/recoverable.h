/*
 * What could still be got back, whatever a runbook does: the most keys that some copy of the files in a world gives
 * back on a second server, as it is, repaired with redis-check-aof, or with a FLUSHALL and all behind it cut off.
 *
 * Files, copies and the second server are in the world, confined, for a log may hold any command.
 */
#ifndef LASTACK_PLAYBOOK_RECOVERABLE_H
#define LASTACK_PLAYBOOK_RECOVERABLE_H

#include "world/world.h"

struct la_recoverable {
    const struct la_world *world;
    char server[LA_PATH_MAX]; /* the program */
    char *seen;               /* names, sizes and times of the files at the last look; NULL: there was none */
    int keys;                 /* what that gave back, at least */
    bool packed;              /* there were archives, which are not looked into */
};

/* Looks at the files of the world again, if any has changed. The number of keys. */
int la_recoverable_look(struct la_recoverable *recoverable);

/* Where a copy is laid out for a second server. */
#define LA_SCRATCH "/run/lastack-scratch"

/*
 * Keys that a second server has of that folder; -1: it does not load it. `log`: what its append-only file is called;
 * NULL: it has none.
 */
int la_recoverable_load(const struct la_recoverable *recoverable, const char *log);

/* A shell command in the world, which finds `path` as $1. Whether it succeeded. */
bool la_recoverable_do(const struct la_recoverable *recoverable, const char *command, const char *path);

void la_recoverable_free(struct la_recoverable *recoverable);

#endif
