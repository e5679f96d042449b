/*
 * How often a scenario is run, and which of its runs this machine makes. Runs are numbered from 0 on, each has a seed
 * of its own: that of --seed and its number. With --shard the machines deal out the runs of all scenarios one by one,
 * so that one scenario that is repeated is everybody's.
 */
#ifndef LASTACK_SUITE_TURNS_H
#define LASTACK_SUITE_TURNS_H

#include "scenario/scenario.h"
#include "suite/options.h"

struct la_turns {
    bool shared;         /* with the other machines; false: all are made here */
    unsigned int before; /* how many runs of other scenarios were dealt out before its first one */
};

/* How often a scenario is run by all machines together: as the user says, or as often as it says that chance needs. */
unsigned int la_turns_all(const struct la_suite *suite, const struct la_scenario *scenario);

/* How many of its runs are made here; 0: none is. */
unsigned int la_turns_here(const struct la_turns *turns, const struct la_suite *suite,
                           const struct la_scenario *scenario);

/* The number of the how-many-th run that is made here, from 0 on. */
unsigned int la_turns_at(const struct la_turns *turns, const struct la_suite *suite, unsigned int which);

#endif
