/* The content of one file in a crash state: what it durably is, and what it may be instead. */
#ifndef LASTACK_CRASH_CONTENT_H
#define LASTACK_CRASH_CONTENT_H

#include "crash/model.h"

/* A file's possibilities, given that the metadata changes before `upto` are there and no others. */
struct la_content {
    const struct la_trail *trail;
    uint32_t file;
    enum la_fs profile;
    uint64_t unit; /* bytes that are written as one */
    size_t upto;
    uint8_t *base; /* what is durable */
    uint64_t base_size;
    uint64_t solid;  /* bytes [0, solid) were durable and stay: they are never zeros that nobody wrote */
    uint64_t least;  /* the size without anything that is not durable */
    uint64_t most;   /* the largest size */
    size_t *pending; /* changes that may be there, in order; and writes that an fsync failed to bring, see hidden() */
    size_t pending_count;
    size_t after;   /* of pending: how many belong before or to the last truncate that is there */
    size_t growing; /* of pending: how many come before the first truncate that is not there */
};

/* Works the possibilities out. `unit` in bytes. Released with la_content_free. */
void la_content_of(struct la_content *content, const struct la_trail *trail, uint32_t file, enum la_fs profile,
                   size_t upto, uint64_t unit);
void la_content_free(struct la_content *content);

/* Whether the file can have this size. */
bool la_content_size_possible(const struct la_content *content, uint64_t size);

/* All sizes that it can have, ascending; the first is not always the durable one. Released with free. */
struct la_sizes {
    uint64_t *items;
    size_t count;
    size_t none; /* index of the size when nothing is there that is not durable */
    size_t all;  /* ... and when everything is */
};
void la_content_sizes(const struct la_content *content, struct la_sizes *sizes);
uint64_t la_content_random_size(const struct la_content *content, uint64_t *random);

/*
 * The versions of one unit, oldest first: calls `visit` with each until it returns true, and returns whether it did.
 * `version` is 0 for the durable one.
 */
typedef bool (*la_unit_visit)(void *context, const uint8_t *bytes, uint64_t length, unsigned int version);
bool la_content_versions(const struct la_content *content, uint64_t unit, uint64_t size, la_unit_visit visit,
                         void *context);

#endif
