/* The host's devices, out of reach of whatever runs in a control group. */
#ifndef LASTACK_WORLD_DEVICES_H
#define LASTACK_WORLD_DEVICES_H

#include "base/cgroup.h"

/*
 * From now on no process in the group (of the second version), or below it, can open or make a device but terminals and
 * null, zero, full, random, urandom: whatever rights it has, and wherever the device's file lies. Lasts as long as the
 * group. -1 with `error` filled.
 */
int la_world_deny_devices(const struct la_cgroup *group, struct la_error *error);

#endif
