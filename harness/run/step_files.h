/* Files of a node that is down, as steps name them: by a glob below its data directory. */
#ifndef LASTACK_RUN_STEP_FILES_H
#define LASTACK_RUN_STEP_FILES_H

#include <glob.h>

#include "run/run.h"

/* All that fit, at least one, to be released with globfree; -1 with a doubt. */
int la_step_glob(struct la_run *run, const struct la_node *node, const char *file, glob_t *found);

/* The one that fits, to be freed; NULL with a doubt. */
char *la_step_one_file(struct la_run *run, const struct la_node *node, const char *file);

#endif
