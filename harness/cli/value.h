/* Values of options. What is none ends the program with a line that says why, and exit status 2. */
#ifndef LASTACK_CLI_VALUE_H
#define LASTACK_CLI_VALUE_H

#include <argp.h>
#include <stdint.h>

#include "base/util.h"

long la_value_number(struct argp_state *state, const char *text, const char *what, long min, long max);

/* In ms. */
int la_value_duration(struct argp_state *state, const char *text, const char *what);

/* K/N, the K-th of N. */
void la_value_shard(struct argp_state *state, const char *text, unsigned int *number, unsigned int *of);

/* A path as given: nothing further on has to reckon with an empty or an endless one. */
char *la_value_path(char *value, const char *what);

uint64_t la_value_seed(struct argp_state *state, const char *text);

/* Makes the path of --out absolute. An empty one becomes that of a folder that is made here: then, true. */
bool la_value_out(char out[LA_PATH_MAX]);

#endif
