/*
 * The sum over all operations: how many were acknowledged, how many of them are lost and how old they were, and which
 * losses are holes:
 *
 *   lost  acknowledged, and its effect is gone
 *   hole  lost, although something survived that came later: later on the same
 *         connection, or sent by any client after the lost one was acknowledged.
 *         Only within one life of the server: writes after a recovery prove nothing.
 */
#ifndef LASTACK_VERIFY_TALLY_H
#define LASTACK_VERIFY_TALLY_H

#include "types/fates.h"

/* Ages of operations at the fault, in classes of 1-2-5; the last one takes all that are older. */
enum { LA_AGES = 14 };
extern const uint32_t la_age_ms[LA_AGES - 1]; /* upper bounds */

struct la_verify {
    uint64_t acked;   /* acknowledged operations */
    uint64_t checked; /* of them judged; all, or the verdict is inconclusive */
    uint64_t lost;
    uint64_t acked_before; /* acknowledged in lives of the server that have ended */
    uint64_t acked_marked; /* acknowledged before the ledger's mark */
    uint64_t lost_marked;  /* of them acknowledged before the ledger's mark */
    uint64_t promised;     /* acknowledged with a promise (WAIT, WAITAOF) */
    uint64_t lost_promised;
    uint64_t lost_bytes;                     /* of values */
    uint64_t earliest_lost_ns[LA_LIVES_MAX]; /* ack time of the earliest lost operation of each life; 0: none */
    uint64_t acked_by_age[LA_AGES];          /* of the lives that ended by a fault */
    uint64_t lost_by_age[LA_AGES];
    uint64_t acked_by_type[LA_TYPES_MAX]; /* by place in la_types */
    uint64_t lost_by_type[LA_TYPES_MAX];
    uint64_t first_lost; /* where the first lost operation stands in the ledger; of no meaning when none is */
    uint64_t slowest_ns; /* the longest that a client waited for a reply, or had waited when the server went down */
    uint64_t read_ns;    /* when the node was read back */
    uint64_t survivors;  /* operations of the server's earlier lives whose effect is there to see */
    uint64_t unknown;    /* operations without a reply */
    uint64_t keys;       /* keys in the whole server */
    bool complete;       /* everything was read back */
    char unlisted[256];  /* why keys that nobody wrote were not looked for; "": they were */
    char why[256];       /* why not */
};

struct la_tally {
    const struct la_ledger *ledger;
    const uint64_t *fault_ns; /* see la_verify_options */
    struct la_findings *findings;
    struct la_verify *result;
    uint64_t *kept_by_session;     /* ledger index + 1 of the last operation kept; 0: none */
    uint64_t *answered_by_session; /* ledger index + 1 of the last operation answered; 0: none */
    uint64_t *followed_ns; /* by session: when its client first sent by the next one in the same life; 0: never */
    uint64_t kept_invoked[LA_LIVES_MAX]; /* by life of the server: invocation of the youngest kept */
    uint64_t *lost;                      /* ledger indices */
    uint64_t lost_room;
};

/* Adds to what stands in `result` already. Released with la_tally_end. */
void la_tally_begin(struct la_tally *tally, const struct la_ledger *ledger, const uint64_t *fault_ns,
                    struct la_findings *findings, struct la_verify *result);

/* One operation of the ledger that was not refused, in any order, each once. */
void la_tally_add(struct la_tally *tally, const struct la_op *op, enum la_fate fate);

/* Which losses are holes can be said only when everything is known. */
void la_tally_end(struct la_tally *tally);

#endif
