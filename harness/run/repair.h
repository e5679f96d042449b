/*
 * What an operator does about a log that ends in zeros. A file system may leave them after a power cut: the new size is
 * on disk, the page that it speaks of is not (ext4, when its log is committed between the two). No server writes them.
 */
#ifndef LASTACK_RUN_REPAIR_H
#define LASTACK_RUN_REPAIR_H

#include "run/run.h"

/*
 * Of a node that is down: runs `redis-check-aof --fix` (the one beside its server, or else in PATH) on its append-only
 * file, if that ends in zeros, and notes it in run->repairs. Returns whether it did and the tool ended well.
 */
bool la_repair_log(struct la_run *run, struct la_node *node);

#endif
