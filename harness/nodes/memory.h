/*
 * A bound on the memory of a node's processes: a memory cgroup of its own, of the first or the second version. When
 * they need more, the kernel ends one of them. The group is removed with the node.
 */
#ifndef LASTACK_NODES_MEMORY_H
#define LASTACK_NODES_MEMORY_H

#include "base/cgroup.h"

struct la_memory {
    struct la_cgroup group; /* none: there is no bound */
};

/* NULL: a group can be made here. Otherwise why not. */
const char *la_memory_missing(void);

/* Makes a group with room for so many MiB, without swap where that can be said. -1 with `error` filled. */
int la_memory_create(struct la_memory *memory, unsigned int mib, struct la_error *error);

/* The calling process, and its children, belong to the group from now on. Safe after fork. -1: errno. */
int la_memory_join(const struct la_memory *memory);

/* How many of its processes the kernel has ended so far for want of memory. */
unsigned long long la_memory_kills(const struct la_memory *memory);

/* Once none of its processes is left. */
void la_memory_free(struct la_memory *memory);

#endif
