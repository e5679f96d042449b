/* What process 1 of a world does before it is systemd. */
#ifndef LASTACK_WORLD_BOOT_H
#define LASTACK_WORLD_BOOT_H

#define LA_WORLD_INIT "/usr/lib/systemd/systemd"

/*
 * In the first process of new process, mount, uts and ipc namespaces, which is in its cgroup: `root`, furnished by
 * la_world_create, becomes /. NULL, or what could not be done, with errno.
 */
const char *la_world_enter(const char *root);

#endif
