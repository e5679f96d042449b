/*
 * What became of the operations on one key, as far as the recovered state tells. The
 * types' judges find out what is there; the rules for what follows from it are here:
 *
 *   fields   each field shows the operation that wrote it last
 *   items    each operation left something of its own, which another may take away
 *   elements the same, in a fixed order
 *   prefix   the state as a whole is one that some beginning of the history leads to
 *
 * Whenever more than one explanation fits, the one that is kindest to the server is taken.
 */
#ifndef LASTACK_TYPES_FATES_H
#define LASTACK_TYPES_FATES_H

#include "ledger/value.h"
#include "types/types.h"

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
    const char *name;                 /* the key as the server knows it */
    const struct la_address *address; /* names of commands as the load sent them */
    uint32_t session;
    uint32_t key;
    uint32_t count;
    const struct la_op **ops;
    uint8_t *fates; /* enum la_fate, zeroed */
    struct la_findings *findings;
    uint64_t asked_ns; /* when it was read back: between these two */
    uint64_t answered_ns;
    uint64_t lenient_ns;  /* deadlines may be so far from where they are to be */
    bool timeless;        /* the server's clock was changed: times to live say nothing */
    bool expires;         /* set by a judge that has seen a time to live */
    const char *unjudged; /* set by a judge that cannot say anything: why; NULL at first */
};

/* Position of the operation with that seq, or history->count. */
uint32_t la_fates_find(const struct la_history *history, uint32_t seq);

/* Position of the operation that wrote this value, or history->count, reported. `field`: on which; -1: any. */
uint32_t la_fates_value(struct la_history *history, const redisReply *value, int field);

/* A finding about the key: "KEY: ...". */
__attribute__((format(printf, 4, 5))) void la_fates_report(struct la_history *history, enum la_finding_kind kind,
                                                           const char *evidence, const char *format, ...);

/* True for an array; anything else is reported. */
bool la_fates_array(struct la_history *history, const redisReply *reply, const char *what);

/* Operations [from, to) are LOST where they were acknowledged. */
void la_fates_lost(struct la_history *history, uint32_t from, uint32_t to);

/* There to see, all the same: what was put there twice is reported. */
void la_fates_keep(struct la_history *history, uint32_t at);

/* `at[f]`: position of the operation that field f shows, or history->count: the field is not there. */
void la_fates_fields(struct la_history *history, const uint32_t at[LA_FIELDS]);

/* Enters in `at` that `field` shows operation `found`; that it shows two at once is reported. */
void la_fates_enter(struct la_history *history, uint32_t at[LA_FIELDS], unsigned int field, uint32_t found);

/* What is there has been kept with la_fates_keep; a removal's target lies op->field operations back. */
void la_fates_items(struct la_history *history);

/* True for a list of elements: keeps those found in order, marks the gaps lost. Reports what no operation wrote. */
bool la_fates_elements(struct la_history *history, const redisReply *list);

/*
 * `apply` takes the state (of `size` bytes, at first all zero) one operation further; `matches` compares it with what
 * was read. False when no beginning of the history leads there; nothing is reported then.
 */
struct la_fates_model {
    size_t size;
    void (*apply)(void *state, const struct la_op *op);
    bool (*matches)(const void *state, const void *read);
};
bool la_fates_prefix(struct la_history *history, const struct la_fates_model *model, const void *read);

#endif
