/*
 * lastack explore: from one recorded run, every state that a kill or a power cut may leave of the node's data, at every
 * moment, each given to a server and judged.
 */
#ifndef LASTACK_EXPLORE_EXPLORE_H
#define LASTACK_EXPLORE_EXPLORE_H

#include "explore/states.h"

struct la_explore {
    const char *forkserver;  /* the library */
    unsigned int endings;    /* bits of enum la_ending */
    unsigned int deviations; /* of a state from nothing and from everything, before chance draws deeper ones */
    unsigned int minutes;    /* for each scenario */
    uint32_t states;         /* at most so many are recovered; 0: as many as the time allows */
    unsigned int jobs;
    bool plain;         /* no fork server */
    const char *resume; /* the output folder of an exploration to go on from; NULL: none */
};

/*
 * With `resume`, and where that folder has a recording of the scenario, that one is explored, and what is known of its
 * states counts. Else: runs the scenario up to where it would end the server, kills it, explores, and returns the
 * result object of that, as la_runner_run does. `explore` is a struct la_explore.
 */
json_t *la_explore_scenario(const struct la_scenario *scenario, const struct la_options *options, const char *dir,
                            const void *explore);

#endif
