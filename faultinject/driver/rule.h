/*
 * The rule grammar: one line of blank-separated key=value pairs.
 *
 *   op=OP[,OP...]   on files: write fsync fdatasync fsync-dir sync-range open rename unlink truncate mkdir
 *                   link read; on sockets: connect accept send recv; fork; clock.
 *                   Or a class: any-write (write, truncate), namespace (open, rename, unlink, mkdir, link),
 *                   any (all on files but read), network.
 *                   `fsync` means every kind: fsync, fdatasync, and both on directories.
 *   path=GLOB       relative to the data directory; `*` stops at `/`, `**` does not, `.` is the
 *                   directory itself. Default: every file. A rename is looked up by its new name.
 *   role=ROLE       any (default), server, child, or a role the driver named
 *   peer=PORT       sockets: the TCP port of the other end; for accept, the listening port
 *   offset=FROM-TO  read and write: those that touch the bytes FROM up to, not including, TO of the file
 *   nth=N           the N-th matching operation only          (1 and up)
 *   every=N         every N-th                                (1 and up)
 *   after=N         not before N have passed                  (1 and up)
 *   p=X             with probability X, above 0 and below 1: a pure function of the seed, the file and the
 *                   operation's number on that file
 *   during=FROM-TO  only in this window, ms after arming; TO may be left out
 *   do=ACTION       error:ERRNO revert:ERRNO short:BYTES torn:BYTES kill kill:group power-cut delay:MS hang lie
 *                   flip[:BIT] file-limit:BYTES disk-full:BYTES clock:CHANGE
 *
 * `flip` inverts one bit, counted from the offset that `offset` names, else from where the operation begins.
 * `revert`, of fsync: it fails, and the file is what it was after its last fsync, as on btrfs; needs the journal.
 * `file-limit`: no file grows beyond BYTES: the write that would is cut off there, the next one fails with EFBIG.
 * CHANGE: xN (time runs N times as fast), +MS or -MS (the wall clock jumps), +Nppm or -Nppm (both clocks
 * run fast or slow). BYTES take the suffixes k, m, g (powers of 1024). op and do are required.
 */
#ifndef FAULTINJECT_DRIVER_RULE_H
#define FAULTINJECT_DRIVER_RULE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/control_block.h"

struct fi_rule_error {
    int column;        /* 1-based, where in the text */
    char message[320]; /* what is wrong and what would be right */
};

/*
 * Parses `text` into `rule`, disarmed, with its counters at zero. Role names are
 * looked up in `roles` (role_count rows). Returns 0, or -1 with `error` filled;
 * `rule` is then unspecified. Allocates nothing.
 */
int fi_rule_parse(const char *text, const struct fi_role *roles, uint32_t role_count, struct fi_rule *rule,
                  struct fi_rule_error *error);

/*
 * Why two rules cannot be armed together: the second could never fire, or one operation would
 * have to end in two ways. NULL when they can. A static text.
 */
const char *fi_rule_conflict(const struct fi_rule *armed, const struct fi_rule *added);

/* The name of one operation, e.g. "fdatasync"; "?" when out of range. */
const char *fi_op_name(uint32_t op);

/* The bits of an operation or class name, 0 when there is none of that name. */
uint32_t fi_op_bits(const char *name, size_t length);

#endif
