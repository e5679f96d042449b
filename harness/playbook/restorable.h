/*
 * What a backup gives back on a second server, as it is: a snapshot, an append-only file, or the folder of one,
 * whatever it is called; packed by gzip, xz, zstd or bzip2, and by tar.
 */
#ifndef LASTACK_PLAYBOOK_RESTORABLE_H
#define LASTACK_PLAYBOOK_RESTORABLE_H

#include "playbook/recoverable.h"

struct la_restored {
    int keys;         /* -1: there is nothing, or nothing that a server loads */
    char unread[256]; /* a file that cannot be read here: encrypted, say; empty: none */
};

/* The newest of the files that match a glob of the world's. */
void la_restorable_newest(const struct la_recoverable *recoverable, const char *glob, struct la_restored *restored);

/* From now on is what la_restorable_since looks at; `folder` is where a disk's files are that may be cut. */
int la_restorable_mark(const struct la_recoverable *recoverable, const char *folder);

/* Deletes it, but for what lies in `own`. */
void la_restorable_forget(const struct la_recoverable *recoverable, const char *own);

/*
 * The best of what was written since: below `below`, to where the files of that disk were brought, or (NULL) anywhere
 * but in `own`, the server's folder, and where nothing is kept (/tmp, /run, /etc, /var/log and the like). The
 * first 32.
 */
void la_restorable_since(const struct la_recoverable *recoverable, const char *own, const char *below,
                         struct la_restored *restored);

#endif
