/*
 * A clock for commands of a world (world/world.h): they run at whatever time they are told that it is. It is the shim's
 * own, in a control block that lies in the world; a command follows it that has the library loaded and that block
 * named. Used by one process.
 */
#ifndef LASTACK_WORLD_CLOCK_H
#define LASTACK_WORLD_CLOCK_H

#include "driver/control.h"
#include "world/world.h"

/* The folder in it that has the library, libfaultinject.so, and the block, control. */
#define LA_WORLD_CLOCK "/lastack/clock"

struct la_world_clock {
    struct fi_control *control;
    int64_t ahead_ms;
};

/* Once the world is booted. `folder` is one of ours, for the moment. -1 with `error` filled: there is nothing to free.
 */
int la_world_clock_place(struct la_world_clock *clock, const struct la_world *world, const char *shim,
                         const char *folder, struct la_error *error);
void la_world_clock_free(struct la_world_clock *clock);

/* The wall clock is that far ahead of the machine's from now on. */
void la_world_clock_set(struct la_world_clock *clock, int64_t ahead_ms);

#endif
