/*
 * Results made from results: what the scenarios' entries say together (claims, health, write commands) is reckoned
 * anew, everything else is as it was.
 */
#ifndef LASTACK_REPORT_AGAIN_H
#define LASTACK_REPORT_AGAIN_H

#include "report/claims.h"

/* The same result with other entries of scenarios, which are taken over. The caller's. */
json_t *la_again(const json_t *result, json_t *scenarios, const struct la_claims *claims);

/* result.json of a report: its folder, or the file itself. NULL with `error` filled: it is none. The caller's. */
json_t *la_again_read(const char *report, struct la_error *error);

/*
 * One result of those of several shards: the first one's, with the scenarios of all, finished when all are. A scenario
 * whose runs were dealt out is one again. The caller's. NULL with `error` filled.
 */
json_t *la_again_merge(const struct la_strings *reports, const struct la_claims *claims, struct la_error *error);

#endif
