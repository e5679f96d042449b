/* What the commands have in common that run scenarios: lastack run, certify and explore. */
#ifndef LASTACK_CLI_SUITE_H
#define LASTACK_CLI_SUITE_H

#include <argp.h>

#include "suite/options.h"

/*
 * Their options, as a child of a command's own (argp_child). Its input is the struct la_suite: the command's parser
 * hands it on at ARGP_KEY_INIT.
 */
extern const struct argp la_cli_suite_options;

/* Parses a command line, `argp` with `input`, and finds lastack's own parts. -1: that was said. */
int la_cli_suite_parse(struct la_suite *suite, const char *command, const struct argp *argp, int argc, char **argv,
                       void *input);

/* Runs it in its sandbox and releases its lists. The exit status. */
int la_cli_suite_run(struct la_suite *suite);

#endif
