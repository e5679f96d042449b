/*
 * The steps of a scenario, one descriptor each (scenario/kinds.h), in the file that carries it out. A new step is a
 * file, a line here and in the table of steps.c, and a row in docs/scenarios.md.
 */
#ifndef LASTACK_RUN_STEPS_H
#define LASTACK_RUN_STEPS_H

#include "run/run.h"
#include "scenario/check.h"
#include "scenario/kinds.h"

extern const struct la_step_kind *const la_step_kinds[]; /* all of them, in the order of the manual; ends with NULL */

extern const struct la_step_kind la_step_load;
extern const struct la_step_kind la_step_stop_load;
extern const struct la_step_kind la_step_arm;
extern const struct la_step_kind la_step_disarm;
extern const struct la_step_kind la_step_wait;
extern const struct la_step_kind la_step_sleep;
extern const struct la_step_kind la_step_kill;
extern const struct la_step_kind la_step_pause;
extern const struct la_step_kind la_step_command;
extern const struct la_step_kind la_step_truncate;
extern const struct la_step_kind la_step_append;
extern const struct la_step_kind la_step_zero;
extern const struct la_step_kind la_step_remove;
extern const struct la_step_kind la_step_backup;
extern const struct la_step_kind la_step_restore;
extern const struct la_step_kind la_step_tool;
extern const struct la_step_kind la_step_configure;
extern const struct la_step_kind la_step_kill_child;
extern const struct la_step_kind la_step_mark;
extern const struct la_step_kind la_step_power_cut;
extern const struct la_step_kind la_step_recover;
extern const struct la_step_kind la_step_promote;
extern const struct la_step_kind la_step_verify;
extern const struct la_step_kind la_step_compare;
extern const struct la_step_kind la_step_measure;
extern const struct la_step_kind la_step_descriptors;
extern const struct la_step_kind la_step_bench;
extern const struct la_step_kind la_step_fill;
extern const struct la_step_kind la_step_fork;
extern const struct la_step_kind la_step_reload;
extern const struct la_step_kind la_step_brink;
extern const struct la_step_kind la_step_shell;
extern const struct la_step_kind la_step_stage;
extern const struct la_step_kind la_step_script;
extern const struct la_step_kind la_step_restored;
extern const struct la_step_kind la_step_cut;
extern const struct la_step_kind la_step_cron;
extern const struct la_step_kind la_step_count;

/* Ends the load and waits for it, so that the ledger stands still. */
void la_stop_load(struct la_run *run);

/* Ends it at once, if it runs: what it has no answer to stays without one. */
void la_kill_load(struct la_run *run);

/* Arms a rule on the node, or, of the clock, on all; `optional`: it may never fire. -1 with a doubt. */
int la_arm(struct la_run *run, struct la_node *node, const char *rule, bool optional);

/* SIGKILL to the node and its children, or its power is cut; what a fault has ended already stays down. As a step. */
int la_kill_group(struct la_run *run, struct la_node *node);
int la_cut_power(struct la_run *run, struct la_node *node);

/*
 * Reads the node back by this address, and judges it by the run's ledger; of `options` what the run itself knows is
 * filled in. -1 with a doubt.
 */
int la_read_back(struct la_run *run, const struct la_node *node, const struct la_address *address,
                 struct la_verify_options options);

/* Notes how many of the keys of a world there are, as a figure and in words; -1: 0, and why in words. */
void la_note_keys(struct la_run *run, const char *name, int keys, const char *none);

/* Sends a command line; the reply is the caller's, NULL with `error` filled when there is none. */
redisReply *la_step_send(struct la_node *node, const char *line, struct la_error *error);

/* The name of the node that the scenario reads back; NULL: none. */
const char *la_scenario_verifies(const struct la_scenario *scenario);

/* A step of it measures a figure of that name. */
bool la_scenario_measures(const struct la_scenario *scenario, const char *name);

/* A step of it takes its commands from a document. */
bool la_scenario_quotes(const struct la_scenario *scenario);

/* Its load leaves a node for another. */
bool la_scenario_moves(const struct la_scenario *scenario);

#endif
