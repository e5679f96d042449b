/*
 * What a configuration loses at worst: what certify answers first. Each scenario with a situation says what it has
 * seen; for each situation the worst of them stands.
 */
#ifndef LASTACK_REPORT_ANSWER_H
#define LASTACK_REPORT_ANSWER_H

#include <jansson.h>

#include "run/run.h"

/* "worst" of a scenario's result; null where it looks for no worst case. `sound`: the run proves what it shows. */
json_t *la_answer_of(const struct la_run *run, bool sound);

/* The same of one that could not be run. */
json_t *la_answer_failed(const struct la_scenario *scenario);

/*
 * Of several runs of one scenario, the one whose loss reaches back furthest, with the most that any has lost, the
 * longest that any took to serve, and whether all came back by themselves; a new reference.
 */
json_t *la_answer_worst_of(const json_t *runs);

/* "answers" of the result: of each situation that scenarios were in, the worst of them. */
json_t *la_answers(const json_t *scenarios);

/* An answer of that situation; NULL: there is none. */
const json_t *la_answer_find(const json_t *answers, const char *situation);

/* How bad an answer's loss is, ms: infinite where nothing ends it, or all is gone; NAN: it is not known. */
double la_answer_loss(const json_t *answer);

/* How long the server is away, ms: infinite where it does not come back by itself; NAN: it is not known. */
double la_answer_away(const json_t *answer);

/* In words: "everything", "3600 s", "0 ms"; to be freed. */
char *la_answer_words(const json_t *answer);

#endif
