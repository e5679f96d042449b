/*
 * The files of a systemd unit: where they lie here, and where they stand in a world (world/world.h), so that systemd
 * reads them as it would on the host, drop-ins included.
 */
#ifndef LASTACK_UNIT_UNIT_FILES_H
#define LASTACK_UNIT_UNIT_FILES_H

#include "world/world.h"

struct la_unit_files {
    char name[256];          /* "redis-server.service" */
    struct la_strings pairs; /* a file here, and its place in the world, in turn */
};

/*
 * `unit`: a file, with its drop-ins in FILE.d beside it; or a name, looked for as systemd does, with the drop-ins of
 * all its names and prefixes. `folder`, of a name, stands in for /etc/systemd/system; NULL: that itself. -1 with
 * `error` filled.
 */
int la_unit_find(struct la_unit_files *files, const char *unit, const char *folder, struct la_error *error);
void la_unit_files_free(struct la_unit_files *files);

/* Into a world that is not booted yet. */
int la_unit_place(const struct la_unit_files *files, const struct la_world *world, struct la_error *error);

/* Where a file stands here that is `path` in the world; `path` itself where it is none of ours. */
const char *la_unit_here(const struct la_unit_files *files, const char *path);

#endif
