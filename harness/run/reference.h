/* A second server of the same kind, which begins as the first one did, and has no fault: what recorded traffic does is
 * asked of it. */
#ifndef LASTACK_RUN_REFERENCE_H
#define LASTACK_RUN_REFERENCE_H

#include "run/run.h"

struct la_reference {
    struct la_server server; /* the node keeps a pointer to it */
    struct la_node node;
    struct la_node_spec spec; /* and one to this */
    char *config;
};

/* Starts it below the run's folder and waits until it serves. -1 with a doubt. Ended with la_reference_end, in any
 * case. */
int la_reference_start(struct la_run *run, struct la_reference *reference);
void la_reference_end(struct la_reference *reference);

#endif
