/*
 * The rule grammar: one line of blank-separated key=value pairs.
 *
 *   op=OP[,OP...]   write fsync fdatasync fsync-dir sync-range open rename unlink truncate mkdir fork,
 *                   or a class: any-write (write, truncate), namespace (open, rename, unlink, mkdir), any
 *                   `fsync` means every kind: fsync, fdatasync, and both on directories.
 *   path=GLOB       relative to the data directory; `*` stops at `/`, `**` does not, `.` is the
 *                   directory itself. Default: every file. Not with op=fork.
 *   role=ROLE       any (default), server, child, or a role the driver named
 *   nth=N           the N-th matching operation only          (1 and up)
 *   every=N         every N-th                                (1 and up)
 *   after=N         not before N have passed                  (1 and up)
 *   do=ACTION       error:ERRNO short:BYTES torn:BYTES kill kill:group delay:MS disk-full:BYTES
 *
 * BYTES take the suffixes k, m, g (powers of 1024). op and do are required.
 */
#ifndef FAULTINJECT_RULE_H
#define FAULTINJECT_RULE_H

#include <stddef.h>
#include <stdint.h>

#include "contract.h"

struct fi_rule_error {
    int column;        /* 1-based, where in the text */
    char message[160]; /* what is wrong and what would be right */
};

/*
 * Parses `text` into `rule`, disarmed, with its counters at zero. Role names are
 * looked up in `roles` (role_count rows). Returns 0, or -1 with `error` filled;
 * `rule` is then unspecified. Allocates nothing.
 */
int fi_rule_parse(const char *text, const struct fi_role *roles, uint32_t role_count, struct fi_rule *rule,
                  struct fi_rule_error *error);

/* The name of one operation, e.g. "fdatasync"; "?" when out of range. */
const char *fi_op_name(uint32_t op);

/* The bits of an operation or class name, 0 when there is none of that name. */
uint32_t fi_op_bits(const char *name, size_t length);

#endif
