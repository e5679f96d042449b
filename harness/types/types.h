/*
 * Data types of the workload, one small file each (type_*.c): how a type is written,
 * how it is read back, and what a recovered value says about the history of its key.
 * A new type is such a file and a row in types.c.
 */
#ifndef LASTACK_TYPES_TYPES_H
#define LASTACK_TYPES_TYPES_H

#include <hiredis/hiredis.h>

#include "base/findings.h"
#include "ledger/ledger.h"
#include "ledger/value.h"
#include "redis/client.h"

enum { LA_KEY_NAME_MAX = 48, LA_FIELDS = 8, LA_READS_MAX = 4 /* as LA_REPLIES */, LA_KINDS_MAX = 6 };

/* The load's own memory of a key. */
struct la_key_state {
    uint32_t invoked; /* operations sent: the last seq */
    uint32_t applied; /* of them acknowledged */
    union {
        uint32_t fields;    /* fields that exist, as bits, as the acknowledged operations left them */
        uint32_t delivered; /* of a group: the entry that it was given last */
    };
    bool exists;               /* as the operations sent so far will leave it */
    uint32_t slots[LA_FIELDS]; /* what can be removed or acknowledged: seq of the operation that made it; 0: nothing */
};

/* One write on its way. */
struct la_write {
    redisContext *client;
    const struct la_address *address;
    const struct la_plan *plan;
    const struct la_op *op;
    char name[LA_KEY_NAME_MAX];
    const struct la_recording *recording; /* what type replay sends; NULL: it is not in the load */
    unsigned int *database;               /* that the connection is in; for type replay */
    int *lead;   /* how many of the first replies are not the operation's own: a SELECT; 0 at first */
    char *value; /* room for the largest value and its NUL; holds that of op->seq where the kind writes one */
};

/* What an operation is called, and what it does to what is there. */
struct la_kind {
    const char *name;
    bool value;   /* it writes la_value_make(op->seq) */
    bool removes; /* it takes something away: when it is lost, something comes back */
    bool blocks;  /* sent on a connection of its own, where it waits for what others send */
};

struct la_history;
struct la_recording;

struct la_type {
    const char *name;
    const char *commands;               /* that the server must know, blank-separated; NULL: every server does */
    const char *probe;                  /* a command line that must not fail; NULL: none */
    struct la_kind kinds[LA_KINDS_MAX]; /* op->kind is a position here, plus 1 */
    const char *parts;                  /* letters of the keys that one consists of, NAME:LETTER; NULL: NAME itself */
    int reads;                          /* a key is read back with so many commands */
    bool alone;                         /* only in a mix that names it */
    bool expires;                       /* its keys may have a time to live */
    bool single;                        /* one key in a session: operations touch more than their key */
    /* Chooses kind (and field) of an operation whose session, key and seq are set, before it enters the ledger. */
    void (*choose)(struct la_op *op, struct la_key_state *state, uint64_t dice);
    /* Appends the commands to the client's output buffer; how many there are. The last reply is the operation's. */
    int (*write)(const struct la_write *write);
    /* Takes a success reply into `state` and op->field and op->result; false when it says something impossible. */
    bool (*accept)(struct la_key_state *state, struct la_op *op, const redisReply *reply);
    /* In which database the keys of a session are; NULL: in the first. */
    unsigned int (*database)(uint32_t session);
    /* Whether the reply promised more than that the write was accepted; NULL: never. */
    bool (*promised)(const struct la_plan *plan, const struct la_op *op);
    /* Appends the commands that read the key back. NULL: it is judged otherwise. */
    void (*read)(redisContext *client, const struct la_address *address, const char *name);
    /* Sets the fates from the replies; reports what should not be. See fates.h. */
    void (*judge)(struct la_history *history, redisReply *const *replies);
};

/* In the order of la_plan.keys; la_type_count of them. */
extern const struct la_type *const la_types[];
extern const unsigned int la_type_count;

/* The type of that name as an index into la_types; -1: there is none. */
int la_type_find(const char *name);

/* The kind of an operation of a sound ledger. */
const struct la_kind *la_op_kind(const struct la_op *op);

/* It is to wait (BLPOP, WAIT, WAITAOF): how long it takes says nothing about the server. */
bool la_op_waits(const struct la_op *op);

/* The name of key `key` of session `session`: la:000012:00345. A ledger is read by these names (its version). */
void la_key_name(char out[LA_KEY_NAME_MAX], uint32_t session, uint32_t key);

/* Appends one command; the words end with NULL, at most 16. A command that is renamed is sent under its new name. */
__attribute__((sentinel)) void la_send(redisContext *client, const struct la_address *address, ...);

/* ---- For the types ---- */

/* A reply that is this status, or an integer from `low` to `high`. */
bool la_is_status(const redisReply *reply, const char *text);
bool la_is_text(const redisReply *reply, const char *text); /* a string of exactly these bytes */
bool la_is_between(const redisReply *reply, long long low, long long high);

/* A string that is a number as the server itself writes it: no sign, blank or leading zero, nothing behind it. */
bool la_is_number(const redisReply *reply, unsigned long long *number);

/* Members that several types share (common.c). Always the first kind; for one of LA_FIELDS fields the first, and
 * now and then the second, which removes it; of items that were added one by one, taking back one that is there. */
void la_choose_only(struct la_op *op, struct la_key_state *state, uint64_t dice);
void la_choose_field(struct la_op *op, struct la_key_state *state, uint64_t dice);
void la_choose_item(struct la_op *op, struct la_key_state *state, uint64_t dice);
/* The reply is how many fields came or went; how many operations there were so far; a length. */
bool la_accept_field(struct la_key_state *state, struct la_op *op, const redisReply *reply);
bool la_accept_count(struct la_key_state *state, struct la_op *op, const redisReply *reply);
bool la_accept_length(struct la_key_state *state, struct la_op *op, const redisReply *reply);
void la_read_string(redisContext *client, const struct la_address *address, const char *name);
void la_read_list(redisContext *client, const struct la_address *address, const char *name);
/* Of one value that each operation replaces or removes. See type_string.c. */
void la_string_judge(struct la_history *history, redisReply *const *replies);

/* A part of a key that consists of several: NAME:WHICH. */
struct la_subkey {
    char text[LA_KEY_NAME_MAX + 2];
};
struct la_subkey la_subkey_of(const char *name, char which);

/*
 * Transactions and scripts do the same three writes (SET a, INCR b, RPUSH c) in one; what the parts must show is one
 * thing for both. See type_transaction.c.
 */
bool la_triple_accept(struct la_key_state *state, struct la_op *op, const redisReply *reply);
void la_triple_read(redisContext *client, const struct la_address *address, const char *name);
void la_triple_judge(struct la_history *history, redisReply *const *replies);

/* An entry of a stream has the number of its operation as its id, and one field. See type_stream.c. */
#define LA_ENTRY_FIELD "v"
struct la_entry_id {
    char text[16];
};
struct la_entry_id la_entry_id(uint32_t number);
uint32_t la_entry_number(const redisReply *id); /* 0: no such id */
/* Entries of a stream, kept as they are found. False: it is no stream. */
bool la_stream_entries(struct la_history *history, const redisReply *entries);

#endif
