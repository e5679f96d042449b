/* The steps of a scenario, in the order of its file. */
#ifndef LASTACK_RUN_STEPS_H
#define LASTACK_RUN_STEPS_H

#include "run/run.h"

/* Carries out one step. 0: go on. -1: the scenario ends here; the reason stands in the run's doubts or findings. */
int la_step(struct la_run *run, const struct la_step *step);

/* Ends the load and waits for it, so that the ledger stands still. */
void la_step_stop_load(struct la_run *run);

/* Carries out kill_child; see step_kill_child.c. */
int la_step_kill_child(struct la_run *run, const struct la_step_kill_child *step);

/* Sends a command line; the reply is the caller's, NULL with `error` filled when there is none. */
redisReply *la_step_send(struct la_node *node, const char *line, struct la_error *error);

#endif
