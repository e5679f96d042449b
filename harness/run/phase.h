/*
 * What servers are about while a scenario goes on, by its steps: an operation that fails in a snapshot is another thing
 * than the same one in a start. campaigns/tour.py has the same words.
 */
#ifndef LASTACK_RUN_PHASE_H
#define LASTACK_RUN_PHASE_H

#include <stdint.h>

#include "scenario/kinds.h"

enum { LA_PHASES_MAX = 64 };

struct la_phases {
    struct la_phase {
        uint64_t began_ns; /* CLOCK_MONOTONIC */
        const char *name;
    } items[LA_PHASES_MAX];
    unsigned int count;
};

/*
 * A phase begins now, if the step of that index begins one: writes, snapshot, rewrite, switch, resync, shutdown, start
 * or admin. A load beside a command is part of its phase, and what is armed before a step belongs to it. What comes
 * after the last for which there is room is of none.
 */
void la_phases_begin(struct la_phases *phases, const struct la_scenario *scenario, unsigned int index);

/* The phase of that moment. Before the first one: start. NULL: there was no room for it. */
const char *la_phases_at(const struct la_phases *phases, uint64_t ns);

#endif
