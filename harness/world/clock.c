#include "world/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "shared/clock.h"

#define LIBRARY LA_WORLD_CLOCK "/libfaultinject.so"
#define CONTROL LA_WORLD_CLOCK "/control"

/* A new block, in which nothing is armed, in the world: whoever a command runs as may write there, as the shim does. */
static int place_block(const struct la_world *world, const char *folder, struct la_error *error)
{
    char path[LA_PATH_MAX];
    la_path(path, "%s/clock", folder);
    const struct fi_control_plan plan = {.data_dir = folder}; /* nothing of which is seen in the world */
    struct fi_control *control = fi_control_create(path, &plan, error->text, sizeof error->text);
    if (!control)
        return -1;
    fi_control_close(control);
    int failed = la_world_bring(world, path, CONTROL, "666", error);
    unlink(path);
    return failed;
}

int la_world_clock_place(struct la_world_clock *clock, const struct la_world *world, const char *shim,
                         const char *folder, struct la_error *error)
{
    char path[64];
    *clock = (struct la_world_clock){0};
    if (la_world_bring(world, shim, LIBRARY, "755", error) || place_block(world, folder, error))
        return -1;
    int file = la_world_open(world, CONTROL, O_RDWR | O_NOFOLLOW);
    if (file < 0)
        return la_fail(error, CONTROL ": %m");
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    clock->control = fi_control_open(path, error->text, sizeof error->text);
    close(file);
    return clock->control ? 0 : -1;
}

void la_world_clock_free(struct la_world_clock *clock)
{
    fi_control_close(clock->control);
    clock->control = NULL;
}

void la_world_clock_set(struct la_world_clock *clock, int64_t ahead_ms)
{
    fi_clock_change(&clock->control->clock, FI_CLOCK_JUMP, (uint64_t)(ahead_ms - clock->ahead_ms), fi_control_now_ns());
    clock->ahead_ms = ahead_ms;
}
