/* The catalogue of claims (fixtures/claims.yaml): ids, sentences and sources of what the documents say. */
#ifndef LASTACK_REPORT_CLAIMS_H
#define LASTACK_REPORT_CLAIMS_H

#include <jansson.h>

#include "base/util.h"

struct la_claim {
    char *id;
    char *text;
    char *source;
};

struct la_claims {
    struct la_claim *items;
    unsigned int count;
};

/* Reads the catalogue; NULL with `error` filled. */
struct la_claims *la_claims_read(const char *path, struct la_error *error);
void la_claims_free(struct la_claims *claims);

/* The claim of that id, or NULL. */
const struct la_claim *la_claims_find(const struct la_claims *claims, const char *id);

/*
 * "claims" of the result: for each claim that a scenario names its verdict, the worst
 * of its scenarios' (violated, inconclusive, qualified, holds), and what was measured.
 */
json_t *la_claims_result(const struct la_claims *claims, const json_t *scenarios);

#endif
