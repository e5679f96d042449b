/* The names of a crash state: which files, directories and links there are, and what content each file has. */
#ifndef LASTACK_CRASH_NAMES_H
#define LASTACK_CRASH_NAMES_H

#include "crash/model.h"

enum la_entry_kind { LA_ENTRY_FILE, LA_ENTRY_DIR, LA_ENTRY_LINK };

struct la_entry {
    char *path; /* below the data directory */
    enum la_entry_kind kind;
    uint32_t file;      /* index; FI_NO_FILE: an empty one */
    const char *target; /* of a link; belongs to the trail */
};

/* In order of path, so that a directory comes before what is in it. */
struct la_names {
    struct la_entry *entries;
    size_t count;
};

/* How many of the trail's changes of names and truncates any state has: those that a completed sync forced. */
size_t la_names_forced(const struct la_trail *trail, enum la_fs profile);

/*
 * The names after the changes before `upto` (an index into the trail's changes), all of them applied. Released with
 * la_names_free.
 */
void la_names_apply(const struct la_trail *trail, size_t upto, struct la_names *names);

/*
 * Under posix each path for itself is what it durably was, or anything since. Which of so many is asked for the
 * how-many-th path, in the order of paths: 0 is the durable one, the last the newest.
 */
typedef size_t (*la_names_pick)(void *context, size_t path, size_t values);

/* The names so picked; NULL: the durable ones. */
void la_names_choose(const struct la_trail *trail, la_names_pick pick, void *context, struct la_names *names);

/* Under posix: whether these names can be left, with what cannot in `why`. */
bool la_names_possible(const struct la_trail *trail, const struct la_names *names, struct la_error *why);

const struct la_entry *la_names_find(const struct la_names *names, const char *path);
void la_names_free(struct la_names *names);

#endif
