/* A program that an operator runs on the files of a node that is down. */
#ifndef LASTACK_RUN_TOOL_H
#define LASTACK_RUN_TOOL_H

#include "run/run.h"

/*
 * Runs `words`, the first one a path, in the node's data directory, for 60 s at most. `text` (NULL: none) is its
 * standard input; what it says goes to the file `output`. Returns its wait status; -1 with a doubt.
 */
int la_tool_run(struct la_run *run, const struct la_node *node, char *const *words, const char *text,
                const char *output);

#endif
