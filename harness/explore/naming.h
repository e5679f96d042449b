/* The namings that a cut at one moment may leave: which files, directories and links there are. */
#ifndef LASTACK_EXPLORE_NAMING_H
#define LASTACK_EXPLORE_NAMING_H

#include "crash/names.h"

/* How the node ended. After a kill the page cache is whole: all that was written is there. */
enum la_ending { LA_ENDING_KILL, LA_ENDING_EXT4, LA_ENDING_XFS, LA_ENDING_POSIX, LA_ENDINGS };
extern const char *const la_ending_names[LA_ENDINGS];

struct la_naming {
    struct la_names names;
    size_t upto;          /* file systems that keep an order: the changes before it are there */
    unsigned int changes; /* that it is away from nothing or everything, whichever it deviates from */
    bool from_all;        /* everything; else nothing */
};

struct la_namings {
    struct la_naming *items;
    size_t count;
    bool whole; /* there are no others */
};

/* Those at most `most` changes away. Released with la_namings_free. */
void la_namings_of(const struct la_trail *trail, enum la_ending ending, unsigned int most, struct la_namings *namings);
void la_namings_free(struct la_namings *namings);

/* The rules by which a file system goes; of a kill, in which they do not matter, those of any. */
enum la_fs la_ending_profile(enum la_ending ending);

#endif
