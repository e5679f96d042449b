/*
 * Data types of the workload, one small file each (type_*.c): how a type is written,
 * how it is read back, and what a recovered value says about the history of its key.
 */
#ifndef LASTACK_TYPES_H
#define LASTACK_TYPES_H

#include <hiredis/hiredis.h>

#include "client.h"
#include "findings.h"
#include "ledger.h"

enum { LA_VALUE_MIN = 48, LA_VALUE_MAX = 1 << 20, LA_KEY_NAME_MAX = 48, LA_FIELDS = 8 };

/* Values: text that names session, key and number of the writing operation, then filler that follows from them. */

/* Fills `out` with exactly `size` bytes (LA_VALUE_MIN or more). */
void la_value_make(char *out, size_t size, uint32_t session, uint32_t key, uint32_t seq);

enum la_value_kind {
    LA_VALUE_GOOD,    /* written by operation *seq on this key */
    LA_VALUE_FOREIGN, /* whole, but another key's */
    LA_VALUE_CORRUPT  /* no operation wrote this */
};
enum la_value_kind la_value_read(const char *value, size_t length, size_t size, uint32_t session, uint32_t key,
                                 uint32_t *seq);

/* What became of an operation, as far as the recovered state tells. */
enum la_fate {
    LA_FATE_NONE,    /* not acknowledged, and not there */
    LA_FATE_KEPT,    /* its effect is there to see */
    LA_FATE_IMPLIED, /* nothing to see, and nothing missing: overwritten or deleted later */
    LA_FATE_LOST     /* acknowledged, and its effect is gone */
};

/*
 * The history of one key, in order, without operations that the server refused.
 * Operations without a reply stand only at the end. The judge sets a fate for each.
 */
struct la_history {
    const struct la_plan *plan;
    const char *name; /* the key as the server knows it */
    uint32_t session;
    uint32_t key;
    uint32_t count;
    const struct la_op **ops;
    uint8_t *fates; /* enum la_fate, zeroed */
    struct la_findings *findings;
};

/* The load's own memory of a key. */
struct la_key_state {
    uint32_t invoked; /* operations sent: the last seq */
    uint32_t applied; /* of them acknowledged */
    uint32_t fields;  /* hash: fields that exist, as bits */
    bool exists;      /* string: as the acknowledged operations left it */
};

/* One write on its way. */
struct la_write {
    redisContext *client;
    const struct la_address *address;
    const struct la_plan *plan;
    struct la_op *op;
    char name[LA_KEY_NAME_MAX];
    char *value;   /* value_size bytes, made for op->seq */
    uint64_t dice; /* random bits for the type's own choices */
};

struct la_type {
    const char *name;
    int replies; /* a write is answered by so many; the last one counts */
    int reads;   /* a key is read back with so many commands */
    /* Chooses the operation (kind, field) before it is entered in the ledger. */
    void (*choose)(struct la_op *op, uint64_t dice);
    /* Appends the commands to the client's output buffer. */
    void (*write)(const struct la_write *write);
    /* Takes a success reply into `state`; false when it says something impossible. */
    bool (*accept)(struct la_key_state *state, const struct la_op *op, const redisReply *reply);
    /* Appends the commands that read the key back. */
    void (*read)(redisContext *client, const struct la_address *address, const char *name);
    /* Sets the fates from the replies; reports what should not be. */
    void (*judge)(struct la_history *history, redisReply *const *replies);
};

/* In the order of la_plan.keys; la_type_count of them. */
extern const struct la_type *const la_types[];
extern const unsigned int la_type_count;

extern const struct la_type la_type_string;
extern const struct la_type la_type_counter;
extern const struct la_type la_type_list;
extern const struct la_type la_type_hash;
extern const struct la_type la_type_transaction;

/* The name of key `key` of session `session`. */
void la_key_name(char out[LA_KEY_NAME_MAX], uint32_t session, uint32_t key);

/* Appends one command with arguments given by length. */
void la_append(redisContext *client, const struct la_address *address, int argc, const char **argv,
               const size_t *lengths);

/* For judges. */

/* True for a list of elements: keeps those found in order, marks the gaps lost. Reports what no operation wrote. */
bool la_judge_elements(struct la_history *history, const redisReply *list);

/* Operations [from, to) are LOST where they were acknowledged. */
void la_judge_lost(struct la_history *history, uint32_t from, uint32_t to);

/* The position of the operation with that seq, or history->count. */
uint32_t la_judge_find(const struct la_history *history, uint32_t seq);

/* Reports a value that should not be there. */
void la_judge_bad_value(struct la_history *history, enum la_value_kind kind, const char *value, size_t length);

#endif
