/*
 * Copies of files and folders. Content is copied, never names: a link is followed, a second name becomes a file of its
 * own, and whoever writes to a copy changes nothing but the copy.
 *
 * What the user points at is copied byte by byte (`given`). Copies of copies share their blocks where the file system
 * can (reflink), which the file system undoes at the first write.
 */
#ifndef LASTACK_BASE_COPY_H
#define LASTACK_BASE_COPY_H

#include "base/util.h"

/* How much a folder holds, links followed. */
struct la_extent {
    uint64_t bytes; /* of files */
    uint64_t files; /* and folders */
};

/* Copies a regular file; mode, owner (where that may be set) and time of its last change are kept. */
int la_copy_file(const char *from, const char *to, struct la_error *error);

/* Copies a folder's content into a folder that is there. */
int la_copy_tree(const char *from, const char *to, struct la_error *error);

/*
 * The same for a folder of the user's, which is named by `what` in errors. Refused: devices and FIFOs, links to nothing
 * or back to where they stand, /proc and its like, more than LA_GIVEN_MAX files. Sockets hold nothing and are left out.
 */
enum { LA_GIVEN_MAX = 100000 };
int la_copy_given(const char *what, const char *from, const char *to, struct la_error *error);

/* What la_copy_given would copy, and whether it would, to a folder in `avoid`. */
int la_measure_given(const char *what, const char *from, const char *avoid, struct la_extent *extent,
                     struct la_error *error);

/* Nothing in the folder leads out of it: no link, no file with a second name, nothing mounted. */
int la_check_own(const char *folder, struct la_error *error);

/* Whether copies in this folder can share their blocks. */
bool la_can_share(const char *folder);

#endif
