/*
 * lastack rejudge: what bundles kept as read back, judged again with today's judge. No server runs. Of a verdict that
 * is done anew which can be told from the replies and the ledger: what the data types say (hole, torn transaction,
 * resurrected, corrupt, wrong ttl) and the expectation `lost`. Everything else stays as it was.
 */
#ifndef LASTACK_SUITE_REJUDGE_H
#define LASTACK_SUITE_REJUDGE_H

#include "base/install.h"

struct la_rejudge {
    struct la_parts parts;
    struct la_strings reports; /* folders */
    const char *json;          /* where the result of the last one goes; "-": standard output; NULL: nowhere */
};

/* Returns the exit status: that of the runs with their new verdicts, the worst one. */
int la_rejudge_run(const struct la_rejudge *rejudge);

#endif
