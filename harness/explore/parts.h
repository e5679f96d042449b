/*
 * The files of a state under one naming, in parts of which each has one content or another: the page or sector that a
 * disk writes as one. With the hashes by which a state is known (space.h).
 */
#ifndef LASTACK_EXPLORE_PARTS_H
#define LASTACK_EXPLORE_PARTS_H

#include "crash/content.h"
#include "explore/naming.h"

struct la_unit {
    uint64_t start;
    uint32_t versions; /* oldest first */
    uint8_t *bytes;    /* of each, as many as a unit has */
    uint64_t *hashes;  /* of each, whole */
};

struct la_part_file {
    const struct la_entry *entry;
    struct la_content content;
    struct la_sizes sizes;
    struct la_unit *units;
    size_t unit_count;
    uint64_t path;     /* hash of the name, */
    uint64_t likeness; /* and without its digits */
    bool is_log;       /* it was written again and again */
    /* as it is in the state that is looked at */
    size_t size;       /* index into sizes */
    uint32_t *version; /* of each unit */
    uint32_t manner;   /* in which it deviates: see la_part_likeness */
    uint64_t sum;      /* of the hashes of its units */
};

/* What may be one or the other. */
struct la_dim {
    struct la_part_file *file;
    size_t unit; /* LA_DIM_SIZE: it is the size */
    size_t ways;
};
#define LA_DIM_SIZE SIZE_MAX

struct la_parts_of_state {
    struct la_part_file *files;
    size_t file_count;
    uint64_t hash; /* of directories and links, */
    uint64_t likeness;
    struct la_dim *dims; /* sizes first: what a unit shows depends on them */
    size_t dim_count;
    bool more; /* there are dimensions, or ways, that have no room */
};

/* Everything as it is in the state from which the others deviate. Released with la_parts_of_state_free. */
void la_parts_of_state(const struct la_trail *trail, const struct la_naming *naming, enum la_ending ending,
                       struct la_parts_of_state *parts);
void la_parts_of_state_free(struct la_parts_of_state *parts);

/* The way that a dimension goes in the state that is looked at; and makes it go another one. */
size_t la_dim_way(const struct la_dim *dim);
void la_dim_go(const struct la_dim *dim, size_t way);

/* Whether that is another content at all, and one that the ending may leave. */
bool la_dim_may_go(const struct la_trail *trail, const struct la_dim *dim, size_t way, enum la_ending ending);

/* Of a file as it is now: what it adds to the hash, and to the likeness, of the state. */
uint64_t la_part_hash(const struct la_part_file *file);
uint64_t la_part_likeness(const struct la_part_file *file);

#endif
