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
    char folder[LA_PATH_MAX]; /* of its own files, */
    char snapshot[256];       /* and what they are called there */
    char log[256];
    char *seen;  /* names, sizes and times of the files at the last look; NULL: there was none */
    int keys;    /* what that gave back, at least */
    bool packed; /* there were archives, which are not looked into */
};

/* Looks at the files of the world again, if any has changed. The number of keys. */
int la_recoverable_look(struct la_recoverable *recoverable);

/*
 * How many keys the newest of the files that match a glob of the world's gives back as it is, unpacked where it is an
 * archive (gzip, tar). -1: there is none, or no server loads it.
 */
int la_recoverable_newest(const struct la_recoverable *recoverable, const char *glob);

/*
 * The most that a file gives back, as it is, which was written since that file of the world's was touched: below
 * `below`, or (NULL) anywhere: the server's own files, and places where nothing is kept, are left out. -1: there is
 * none.
 */
int la_recoverable_since(const struct la_recoverable *recoverable, const char *mark, const char *below);

void la_recoverable_free(struct la_recoverable *recoverable);

#endif
