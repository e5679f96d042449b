/*
 * The server's time, from the state in the control block: the driver changes it, the library reads it, while the other
 * may be at it. Pure logic: no lock, no system call; "virtual" is what the server sees, "real" what the machine has.
 */
#ifndef FAULTINJECT_SHARED_CLOCK_H
#define FAULTINJECT_SHARED_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/control_block.h"

/* The state of the clock at one moment; see struct fi_clock. */
struct fi_clock_reading {
    uint64_t since_ns;
    uint64_t base_ns;
    uint64_t rate;
    int64_t jump_ns;
};

/* As of `now_ns`, real. `arg` is the new rate (FI_CLOCK_RATE), or a number of ms that may be negative (FI_CLOCK_JUMP).
 */
void fi_clock_change(struct fi_clock *clock, enum fi_clock_change change, uint64_t arg, uint64_t now_ns);

/* False while nobody has touched the clock. Retries while a driver is changing it. */
bool fi_clock_read(const struct fi_clock *clock, struct fi_clock_reading *reading);

/* A moment of the monotonic clock. One before the last change is taken for that change. */
uint64_t fi_clock_virtual(const struct fi_clock_reading *reading, uint64_t real_ns);
uint64_t fi_clock_real(const struct fi_clock_reading *reading, uint64_t virtual_ns);

/* A span of time, in whatever unit. */
uint64_t fi_clock_virtual_span(const struct fi_clock_reading *reading, uint64_t real);
uint64_t fi_clock_real_span(const struct fi_clock_reading *reading, uint64_t virtual);

#endif
