/* Whether a replica holds what its primary holds: the same keys, contents and times to live. */
#ifndef LASTACK_RUN_COMPARE_H
#define LASTACK_RUN_COMPARE_H

#include "run/run.h"

/*
 * Compares two nodes that nobody writes to. Differences become findings about `replica`; of times to live, those
 * of more than `ttl_ms` and what the machine adds. -1 with a doubt when they cannot be read.
 */
int la_identical(struct la_run *run, struct la_node *primary, struct la_node *replica, unsigned int ttl_ms);

#endif
