/*
 * A drill: an incident happens to a server in a world of its own (world/world.h), and a person at the terminal, who is
 * told what a pager would say, has a shell there. What the person did, how long it took and what it cost is judged.
 */
#ifndef LASTACK_SUITE_DRILL_H
#define LASTACK_SUITE_DRILL_H

#include "base/install.h"
#include "suite/sandbox.h"

#define LA_DRILL_ANY "any" /* in place of an incident: one that the seed draws */

struct la_drill {
    struct la_parts parts;
    const char *incident; /* a name, or LA_DRILL_ANY */
    const char *server;   /* as in la_playbook */
    const char *config;
    const char *data;
    const char *json;
    uint64_t seed;
    unsigned int time_ms; /* that the person has */
    char out[LA_PATH_MAX];
    bool made_out;
};

/* For la_sandbox_run: `context` is a la_drill. An exit status. */
int la_drill_run(void *context, const struct la_sandbox *sandbox, struct la_strings *limits);

#endif
