/*
 * The model: what a file system may leave of a data directory after a power cut. Used twice (state.h): to make a
 * state, and to tell whether a state that a real file system left is one that the model allows.
 *
 * What each profile says, and why:
 *
 *   posix  What the standard promises and nothing more. Every sector that no completed fsync of its file
 *          covers has any of the contents it had since, or zeros; the size is any since. Every directory entry
 *          is what the last fsync of its directory left, or anything it was since. (POSIX, fsync: "all data for
 *          the open file descriptor"; of the name it says nothing.)
 *   ext4   data=ordered, as mounted by default. Names and truncates reach the disk in the order they were made
 *          (jbd2 commits whole transactions in order): some prefix is there. An fsync of a file commits whatever
 *          came before that file's own last change of name or size; fdatasync does not count changes that leave the
 *          size on disk as it was. Each page has any content since the last fsync; a file that grew may have grown
 *          to any page or to its full size then, with holes of zeros (delayed allocation). A rename over an existing
 *          file starts writing the data out (auto_da_alloc) but does not wait until it can be read: with
 *          dioread_nolock, the default since Linux 5.6, zeros were seen behind a durable rename.
 *   xfs    As ext4 (log items are committed in order, sizes are logged when the data is on disk), but every change
 *          of size is logged, delayed or not.
 */
#ifndef LASTACK_CRASH_MODEL_H
#define LASTACK_CRASH_MODEL_H

#include "crash/filesystem.h"
#include "crash/trail.h"

enum la_policy {
    LA_POLICY_DROP,   /* nothing that is not durable */
    LA_POLICY_SUBSET, /* at random, whatever the profile allows */
    LA_POLICY_TEAR,   /* the same, and pages torn at sectors: what a disk may do to the page it was writing */
    LA_POLICY_COUNT
};
extern const char *const la_policy_names[LA_POLICY_COUNT];

/* Kinds of things that a power cut did to a directory; bits. */
enum la_crash_class {
    LA_CRASH_NAME_UNDONE, /* a create, mkdir or link is gone */
    LA_CRASH_RENAME_UNDONE,
    LA_CRASH_UNLINK_UNDONE,
    LA_CRASH_TRUNCATE_UNDONE,
    LA_CRASH_NAME_KEPT,      /* something of these is there that nothing forced to be */
    LA_CRASH_APPEND_LOST,    /* bytes beyond the durable size are gone */
    LA_CRASH_APPEND_KEPT,    /* or there */
    LA_CRASH_APPEND_PARTLY,  /* the size lies in between */
    LA_CRASH_HOLE,           /* zeros below the size where data was written */
    LA_CRASH_OVERWRITE_LOST, /* a durable page has its old content */
    LA_CRASH_OVERWRITE_KEPT, /* a durable page has newer content */
    LA_CRASH_CLASSES
};

/* Which state is wanted. */
struct la_crash_spec {
    enum la_fs profile;
    enum la_policy policy;
    uint64_t seed;
};

#endif
