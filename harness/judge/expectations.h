/*
 * The expectations of a scenario, one descriptor each (scenario/kinds.h), in the file that judges it. Each is looked at
 * once, and changes nothing. A new one is a file, a line here and in the table of expectations.c, and a row in
 * docs/scenarios.md.
 */
#ifndef LASTACK_JUDGE_EXPECTATIONS_H
#define LASTACK_JUDGE_EXPECTATIONS_H

#include "scenario/check.h"
#include "scenario/kinds.h"

/* What those say that count something of a node. */
struct la_count {
    char *node;
    unsigned int *min;
    unsigned int *max;
};
extern const cyaml_schema_field_t la_count_fields[];

extern const struct la_expect_kind la_expect_lost;
extern const struct la_expect_kind la_expect_window;
extern const struct la_expect_kind la_expect_start;
extern const struct la_expect_kind la_expect_replies;
extern const struct la_expect_kind la_expect_keys;
extern const struct la_expect_kind la_expect_restarts;
extern const struct la_expect_kind la_expect_full_syncs;
extern const struct la_expect_kind la_expect_log;
extern const struct la_expect_kind la_expect_exit;
extern const struct la_expect_kind la_expect_files;
extern const struct la_expect_kind la_expect_figure;
extern const struct la_expect_kind la_expect_line;
extern const struct la_expect_kind la_expect_says;
extern const struct la_expect_kind la_expect_honest;

/* Every step and every expectation there is: what scenarios are read with. */
extern const struct la_kinds la_kinds;

/* The node must not start on what it left behind: the scenario expects so. */
bool la_expects_refusal(const struct la_scenario *scenario, const char *node);

/* Something must be lost: a replay, which sees a part of it, cannot say that it is. */
bool la_expects_loss(const struct la_scenario *scenario);

#endif
