/* The catalogue of claims (fixtures/claims.yaml): ids, sentences and sources of what the documents say. */
#ifndef LASTACK_REPORT_CLAIMS_H
#define LASTACK_REPORT_CLAIMS_H

#include <jansson.h>

#include "judge/judge.h"

struct la_claim {
    char *id;
    char *text;
    char *source;
    char *needs;        /* what it takes to try it that no machine here has: it is untestable; NULL: nothing */
    bool from_document; /* it takes the document itself, --document, to try it */
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

/* What a scenario's run says of a claim: an entry of claim_verdicts. */
json_t *la_claim_said(const struct la_claim_ref *claim, const struct la_claim_judgement *judgement);

/*
 * "claims" of the result, by id: of each claim that scenarios name what each of them says (its sides), and together:
 * the worst (violated, inconclusive, holds); or qualified, where it is seen to hold, and each side on which it does not
 * has a condition with a name.
 */
json_t *la_claims_result(const struct la_claims *claims, const json_t *scenarios);

/* Adds those that nothing here can try, with what it would take. */
void la_claims_untestable(const struct la_claims *claims, json_t *result);

#endif
