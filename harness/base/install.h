/* Where lastack's own parts are: beside the build tree's binary, or where cmake --install put them. */
#ifndef LASTACK_BASE_INSTALL_H
#define LASTACK_BASE_INSTALL_H

#include "base/util.h"

struct la_parts {
    char shim[LA_PATH_MAX];
    char forkserver[LA_PATH_MAX]; /* libforkserver.so */
    char scenarios[LA_PATH_MAX];
    char fixtures[LA_PATH_MAX];
    char playbooks[LA_PATH_MAX]; /* runbooks, one for each incident */
    char reporting[LA_PATH_MAX]; /* the programs in python3: one that makes reports, */
    char campaigns[LA_PATH_MAX]; /* and those that make many runs */
};

int la_parts_find(struct la_parts *parts, struct la_error *error);

/* Makes a command name or path absolute, through PATH as a shell does. Checks that it can be executed. */
int la_parts_program(const char *name, char out[LA_PATH_MAX], struct la_error *error);

#endif
