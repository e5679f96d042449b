/*
 * Values: text that names session, key and number of the writing operation and its own length, then filler that
 * follows from them. So a value that is damaged, cut off, stale, or somebody else's can be told from the right one.
 */
#ifndef LASTACK_LEDGER_VALUE_H
#define LASTACK_LEDGER_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "ledger/plan.h"

enum { LA_VALUE_MIN = 48, LA_VALUE_MAX = 64 << 20 };

/* The length of the value that operation `seq` of a key writes. */
size_t la_value_size(const struct la_plan *plan, uint32_t seq);

/* The length of the longest value in a load. */
size_t la_value_largest(const struct la_plan *plan);

/* Fills `out` with exactly `size` bytes (LA_VALUE_MIN or more) and a NUL. */
void la_value_make(char *out, size_t size, uint32_t session, uint32_t key, uint32_t seq);

enum la_value_kind {
    LA_VALUE_GOOD,    /* written by operation *seq on this key */
    LA_VALUE_FOREIGN, /* whole, but another key's */
    LA_VALUE_CORRUPT  /* no operation wrote this */
};
enum la_value_kind la_value_read(const char *value, size_t length, const struct la_plan *plan, uint32_t session,
                                 uint32_t key, uint32_t *seq);

/* The number of the operation that a value names, without a look at the rest. */
bool la_value_seq(const char *value, size_t length, uint32_t *seq);

/* The length that a value states at its beginning, where several stand in a row; 0 when none begins here. */
size_t la_value_stated(const char *value, size_t length);

#endif
