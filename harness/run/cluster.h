/* Clusters: as small as can be, one node owns all slots, the others replicate it or own nothing. */
#ifndef LASTACK_RUN_CLUSTER_H
#define LASTACK_RUN_CLUSTER_H

#include "run/run.h"

/*
 * A node that has just been started becomes part of the cluster: the first takes all slots, another meets it and
 * replicates whom it is to replicate. Returns when the node finds the cluster well; -1 with a doubt.
 */
int la_cluster_join(struct la_run *run, struct la_node *node);

#endif
