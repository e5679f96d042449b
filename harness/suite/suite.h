/*
 * One call of `lastack run` or `lastack certify`, inside the sandbox: prepares the
 * output folder and the configuration, probes the server, runs each scenario in a
 * process of its own, and writes the report.
 */
#ifndef LASTACK_SUITE_SUITE_H
#define LASTACK_SUITE_SUITE_H

#include "suite/options.h"
#include "suite/sandbox.h"

/* Returns the exit status. A context for la_sandbox_run. */
int la_suite_run(void *suite, const struct la_sandbox *sandbox, struct la_strings *limits);

#endif
