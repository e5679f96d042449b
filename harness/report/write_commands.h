/*
 * Which of the server's write commands a run has put to the test. One counts when it was accepted, changed data, and
 * was judged after a fault.
 */
#ifndef LASTACK_REPORT_WRITE_COMMANDS_H
#define LASTACK_REPORT_WRITE_COMMANDS_H

#include <jansson.h>

#include "judge/judge.h"

/* Of one run: a list of {name, why}, `why` it was not, "" where it was; null: its load does not send them all. */
json_t *la_write_commands_of(const struct la_run *run, enum la_verdict verdict);

/* Of all together: {known, exercised, not: [{name, why}]}; null: none has sent them. */
json_t *la_write_commands_together(const json_t *scenarios);

#endif
