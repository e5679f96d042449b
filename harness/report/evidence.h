/*
 * What a bundle holds is evidence: a damaged one must not convict a server. When a run has ended, the checksums of all
 * files of its bundle are written to the file `sums` in it, as `xxh128sum` writes them and checks them.
 */
#ifndef LASTACK_REPORT_EVIDENCE_H
#define LASTACK_REPORT_EVIDENCE_H

#include "base/util.h"

/* Of one file, in hexadecimal. -1 with `error` filled. */
enum { LA_SUM_LENGTH = 32 };
int la_evidence_sum(const char *path, char sum[LA_SUM_LENGTH + 1], struct la_error *error);

/* Writes the checksums of a bundle whose run has ended, its result included. */
int la_evidence_seal(const char *bundle, struct la_error *error);

enum la_seal {
    LA_SEAL_WHOLE,      /* everything is as it was when the run ended */
    LA_SEAL_UNFINISHED, /* the run was killed, or goes on, or the checksums are gone: nothing can be checked */
    LA_SEAL_OLD,        /* of a version without checksums: nothing can be checked */
};

/*
 * Checks what a verdict may rest on: all but logs, control blocks and the nodes' last data, which may be gone. Files
 * that somebody has added are passed over, but in a crash state. -1 with
 * `error` filled: something is damaged, missing, or was not there.
 */
int la_evidence_check(const char *bundle, enum la_seal *seal, struct la_error *error);

#endif
