/*
 * Where the parts of a server's data lie, by what they are: versions and settings give them other names. A glob
 * relative to the data directory.
 *
 *   aof           the append-only file that is being written
 *   aof-all       all of its files
 *   aof-base      what it begins with: since Redis 7.0 a file of its own, before the same one
 *   manifest      the list of its files; before 7.0 there is none
 *   rdb           the snapshot
 *   rdb-temp      a snapshot while it is being saved
 *   rewrite-result  what a rewrite gives its name last, and takes effect by: the manifest, or the append-only file
 *   rewrite-temp  an append-only file while it is being rewritten
 */
#ifndef LASTACK_REDIS_PARTS_H
#define LASTACK_REDIS_PARTS_H

#include <stdbool.h>

struct la_layout {
    bool folder;          /* the append-only file is a folder of several: since Redis 7.0 */
    const char *aof_dir;  /* appenddirname */
    const char *aof_file; /* appendfilename */
    const char *rdb_file; /* dbfilename */
};

/* As a server has it that nobody has configured. */
extern const struct la_layout la_layout_standard;

/* The names of all parts, for messages. */
extern const char la_part_names[];

/* To be freed; NULL: there is no such part, or (manifest) not in this layout. */
char *la_part_glob(const struct la_layout *layout, const char *part);

#endif
