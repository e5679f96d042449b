/* What a node is started with: a port, and the configuration that it has for its part in the run. */
#ifndef LASTACK_NODES_CONFIGURE_H
#define LASTACK_NODES_CONFIGURE_H

#include "nodes/node.h"

/*
 * Fills config, address and socket of a node whose folders are there. `primary` is whom it replicates or watches, or
 * NULL. -1 with `error` filled.
 */
int la_node_configure(struct la_node *node, const struct la_scenario *scenario, const struct la_node *primary,
                      struct la_error *error);

#endif
