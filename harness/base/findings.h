/* What a run found that should not be: the list that goes into the result, capped, with true counts. */
#ifndef LASTACK_BASE_FINDINGS_H
#define LASTACK_BASE_FINDINGS_H

#include <stdint.h>

enum la_finding_kind {
    LA_LOST,        /* acknowledged, and gone */
    LA_HOLE,        /* lost, although a later write survived */
    LA_TORN,        /* a part of a transaction */
    LA_PHANTOM,     /* a value or key that nobody wrote */
    LA_RESURRECTED, /* deleted, yet back although something later survived */
    LA_CORRUPT,     /* damaged, misplaced, of a wrong type, or a reply that cannot be */
    LA_WRONG_TTL,   /* it is there, with a time to live that nobody gave it */
    LA_DIVERGED,    /* replica and primary differ */
    LA_REFUSED,     /* the server does not start */
    LA_UNAVAILABLE, /* it is up and does not serve */
    LA_FINDING_KINDS
};

enum { LA_FINDINGS_KEPT = 5 }; /* of each kind, in full */

struct la_finding {
    char node[32];
    char detail[256];
    char evidence[256];
};

struct la_findings {
    uint64_t count[LA_FINDING_KINDS];
    struct la_finding kept[LA_FINDING_KINDS][LA_FINDINGS_KEPT];
    const char *node; /* whom the next findings are about */
};

const char *la_finding_name(enum la_finding_kind kind);

/* `evidence` may be NULL. */
__attribute__((format(printf, 4, 5))) void la_findings_add(struct la_findings *findings, enum la_finding_kind kind,
                                                           const char *evidence, const char *format, ...);

/* Findings of all kinds but `lost`, whose number is judged by itself. */
uint64_t la_findings_defects(const struct la_findings *findings);

#endif
