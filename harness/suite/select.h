/* Which scenarios are run: files, folders, and names of those that come with lastack. */
#ifndef LASTACK_SUITE_SELECT_H
#define LASTACK_SUITE_SELECT_H

#include "scenario/scenario.h"

/*
 * Adds those that `name` means: a file, all below a folder, or by its name one that comes with lastack, below `own`. Of
 * `own` itself those that a certification takes. -1 with `error` filled.
 */
int la_select(struct la_scenarios *list, const char *name, const char *own, struct la_error *error);

#endif
