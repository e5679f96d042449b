/*
 * Verification: reads every key of the ledger back from a node and decides for every
 * acknowledged operation whether it is there. What it says of loss:
 *
 *   lost  acknowledged, and its effect is gone
 *   hole  lost, although something survived that came later: later on the same
 *         connection, or sent by any client after the lost one was acknowledged.
 *         Only within one life of the server: writes after a recovery prove nothing.
 */
#ifndef LASTACK_VERIFY_H
#define LASTACK_VERIFY_H

#include "client.h"
#include "findings.h"
#include "ledger.h"

/* Lives of a server that are told apart; a run with more cannot be judged. */
enum { LA_EPOCHS_MAX = 256 };

/* Ages of operations at the fault, in classes of 1-2-5; the last one takes all that are older. */
enum { LA_AGES = 14 };
extern const uint32_t la_age_ms[LA_AGES - 1]; /* upper bounds */

struct la_verify {
    uint64_t acked;   /* acknowledged operations */
    uint64_t checked; /* of them judged; all, or the verdict is inconclusive */
    uint64_t lost;
    uint64_t lost_marked; /* of them acknowledged before the ledger's mark */
    uint64_t promised;    /* acknowledged with a promise (WAIT, WAITAOF) */
    uint64_t lost_promised;
    uint64_t lost_bytes;                      /* of values */
    uint64_t earliest_lost_ns[LA_EPOCHS_MAX]; /* ack time of the earliest lost operation of each life; 0: none */
    uint64_t acked_by_age[LA_AGES];           /* of the lives that ended by a fault */
    uint64_t lost_by_age[LA_AGES];
    uint64_t read_ns;   /* when the node was read back */
    uint64_t survivors; /* operations of the server's earlier lives whose effect is there to see */
    uint64_t unknown;   /* operations without a reply */
    uint64_t keys;      /* keys in the whole server */
    bool complete;      /* everything was read back */
    char why[256];      /* why not */
};

struct la_verify_options {
    const struct la_strings *ignore; /* key names that are not the load's, sorted; NULL: none */
    const uint64_t *fault_ns;        /* of each life of the server, LA_EPOCHS_MAX of them, 0: none; NULL: unknown */
    const char *reads_path;          /* what was read goes there, see reads.h; NULL: nowhere */
    bool timeless;                   /* the clock was changed: times to live are not judged */
};

/*
 * Judges `ledger` (not written to meanwhile) against the node. Findings are added to `findings`. Returns 0 when
 * complete.
 */
int la_verify_node(const struct la_ledger *ledger, const struct la_address *address,
                   const struct la_verify_options *options, struct la_findings *findings, struct la_verify *result);

/* The judging alone, from fates already set per operation; for tests and for verify itself. */
void la_verify_judge(const struct la_ledger *ledger, const uint64_t *fault_ns, uint64_t count, const uint8_t *fates,
                     struct la_findings *findings, struct la_verify *result);

#endif
