/* A second server of the same kind, with no fault and nothing on disk: what recorded traffic does is asked of it. */
#ifndef LASTACK_REFERENCE_H
#define LASTACK_REFERENCE_H

#include "run.h"

/* Starts it below the run's folder and waits until it serves. -1 with a doubt. Ended with la_reference_end. */
int la_reference_start(struct la_run *run, struct la_node *node);
void la_reference_end(struct la_node *node);

#endif
