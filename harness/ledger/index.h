/*
 * A ledger by keys: the histories of all of its keys, without what the server refused. Takes 4 bytes an operation and
 * 8 bytes a key of a session.
 */
#ifndef LASTACK_LEDGER_INDEX_H
#define LASTACK_LEDGER_INDEX_H

#include "ledger/ledger.h"

struct la_index {
    uint64_t keys;    /* sessions * keys in a session */
    uint64_t *start;  /* keys + 1 positions in `order` */
    uint32_t *order;  /* indices into the ledger, by key, in order within each */
    uint64_t longest; /* operations on one key, at most */
};

/* Of the first `count` operations. Released with la_index_free. */
void la_index_make(struct la_index *index, const struct la_ledger *ledger, uint64_t count);
void la_index_free(struct la_index *index);

/* The operations on one key go to `ops`, which has room for `longest`; how many they are. */
uint32_t la_index_ops(const struct la_index *index, const struct la_ledger *ledger, uint64_t key,
                      const struct la_op **ops);

#endif
