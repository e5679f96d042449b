/* What process 1 of a world does before it is systemd. */
#ifndef LASTACK_WORLD_BOOT_H
#define LASTACK_WORLD_BOOT_H

#include <stdbool.h>

#define LA_WORLD_INIT "/usr/lib/systemd/systemd"

/*
 * In the first process of new process, mount, uts and ipc namespaces, which is in its cgroup: `root`, furnished by
 * la_world_create, becomes /. NULL, or what could not be done, with errno.
 */
const char *la_world_enter(const char *root);

/* What the calling process starts never has the right to change the machine; `confined`: nor to mount or to set up. */
void la_world_confine(bool confined);

#endif
