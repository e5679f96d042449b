/*
 * A control group of our own: a folder in one of the kernel's hierarchies, held by a lock as long as it is somebody's.
 * One that a killed harness has left is empty, and is removed by the next one that makes one.
 */
#ifndef LASTACK_BASE_CGROUP_H
#define LASTACK_BASE_CGROUP_H

#include "base/util.h"

struct la_cgroup {
    char path[LA_PATH_MAX]; /* empty: there is none */
    bool second;            /* version of the hierarchy */
    int held;               /* the folder, open and locked; or -1 */
};

/* With that controller, in either version; NULL: in the second version, with none in particular. -1 with `error`. */
int la_cgroup_create(struct la_cgroup *group, const char *controller, struct la_error *error);

/* Writes to one of its files. Safe after fork. -1: errno. */
int la_cgroup_say(const struct la_cgroup *group, const char *file, const char *value);

/* The calling process, and its children, belong to the group from now on. Safe after fork. -1: errno. */
int la_cgroup_join(const struct la_cgroup *group);

/* Removes it, with groups that were made below it, once none of its processes is left. */
void la_cgroup_free(struct la_cgroup *group);

#endif
