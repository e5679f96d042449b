/*
 * What a server replied when it was read back, kept in a bundle in the file `replies`, so that a later judge can judge
 * it again. Little-endian, one head and then one record a key, in the order in which the keys were read:
 *
 *   head    magic "LASTKEPT" (8 bytes), version 1 (uint32), 1 where times to live say nothing, else 0 (uint32), by how
 * much deadlines may be elsewhere, in ns (uint64) record  session, key (uint32 each), asked_ns, answered_ns (uint64,
 * CLOCK_MONOTONIC), bytes (uint64), then so many bytes of RESP: the replies to the reads of the key's type
 *
 * Of more than 256 MiB nothing is kept.
 */
#ifndef LASTACK_VERIFY_KEPT_H
#define LASTACK_VERIFY_KEPT_H

#include <hiredis/hiredis.h>
#include <stdio.h>

#include "base/util.h"
#include "types/types.h"

struct la_kept {
    FILE *file; /* NULL: nothing is kept */
    char path[LA_PATH_MAX];
    uint64_t bytes;
};

struct la_kept_key {
    uint32_t session;
    uint32_t key;
    uint64_t asked_ns;
    uint64_t answered_ns;
};

/* A new file for writing; one that is there is replaced. */
int la_kept_create(struct la_kept *kept, const char *path, bool timeless, uint64_t lenient_ns, struct la_error *error);
void la_kept_add(struct la_kept *kept, const struct la_kept_key *key, redisReply *const *replies, int count);

/* An existing file for reading. 1: there is none; -1 with `error` filled: it is damaged. */
int la_kept_open(struct la_kept *kept, const char *path, bool *timeless, uint64_t *lenient_ns, struct la_error *error);

/* The next key; its replies with la_kept_replies. False at the end, or where a record is cut off. */
bool la_kept_next(struct la_kept *kept, struct la_kept_key *key);

/* `count` replies of the key, to be freed with freeReplyObject. -1: they are not all there, and none is given. */
int la_kept_replies(struct la_kept *kept, redisReply *replies[LA_READS_MAX], int count);

/* -1 with `error` filled when something was not written. */
int la_kept_close(struct la_kept *kept, struct la_error *error);

#endif
