/* Goes through all keys of a node, in every database, and reports those that nobody wrote. */
#ifndef LASTACK_KEYSCAN_H
#define LASTACK_KEYSCAN_H

#include "client.h"
#include "findings.h"

#define LA_PROBE_KEY "la:probe" /* written by the harness itself to see whether a node accepts writes */

struct la_keyscan {
    redisContext *client;
    const struct la_address *address;
    const struct la_strings *ignore; /* as la_keyscan_names gives them: there before the load; NULL: none */
    bool (*written)(void *context, uint32_t database, uint32_t session, uint32_t key);
    void *context;
    struct la_findings *findings;
    uint64_t keys; /* out: keys, without the probe's and the ignored */
};

/* Returns 0, or -1 with `error` filled. */
int la_keyscan(struct la_keyscan *scan, struct la_error *error);

/* All keys of all databases as DATABASE:NAME, sorted; -1 with `error` filled. */
int la_keyscan_names(redisContext *client, const struct la_address *address, struct la_strings *names,
                     struct la_error *error);

#endif
