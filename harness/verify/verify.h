/*
 * Verification: reads every key of the ledger back from a node and decides for every
 * acknowledged operation whether it is there. What it says of loss stands in tally.h.
 */
#ifndef LASTACK_VERIFY_VERIFY_H
#define LASTACK_VERIFY_VERIFY_H

#include "redis/client.h"
#include "redis/recording.h"
#include "verify/tally.h"

struct la_verify_options {
    const struct la_strings *ignore;      /* key names that are not the load's, sorted; never NULL */
    const struct la_strings *sent;        /* lines that the scenario sends, see sent.h */
    const uint64_t *fault_ns;             /* of each life of the server, LA_LIVES_MAX of them, 0: none; NULL: unknown */
    const char *reads_path;               /* what was read goes there, see reads.h; NULL: nowhere */
    const char *kept_path;                /* and what was replied, see kept.h; with reads_path */
    const struct la_recording *recording; /* that was sent; NULL: none */
    bool *changed;                        /* out, by recorded item: it changes data; NULL: nobody asks */
    const struct la_address *reference;   /* a server to send it to once more, empty */
    uint64_t lenient_ns;                  /* deadlines may be so far from where they are to be */
    bool timeless;                        /* the clock was changed: times to live are not judged */
};

/*
 * Judges `ledger` (not written to meanwhile) against the node. Findings are added to `findings`. Returns 0 when
 * complete.
 */
int la_verify_node(const struct la_ledger *ledger, const struct la_address *address,
                   const struct la_verify_options *options, struct la_findings *findings, struct la_verify *result);

/*
 * The same of what was replied once, in the file at `path`; of `address` only the names of commands count. Keys that
 * nobody wrote are not looked for. 1: nothing was kept; -1 with `error` filled: it is damaged, or not all of it is
 * there.
 */
int la_verify_kept(const struct la_ledger *ledger, const char *path, const struct la_address *address,
                   struct la_findings *findings, struct la_verify *result, struct la_error *error);

#endif
