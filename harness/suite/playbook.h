/*
 * A user's runbook, run as it is written on a server to which an incident has happened: does it bring the data back,
 * how long does it take, and which step is wrong? In a world of its own (world/world.h), with the real systemd.
 */
#ifndef LASTACK_SUITE_PLAYBOOK_H
#define LASTACK_SUITE_PLAYBOOK_H

#include "base/install.h"
#include "suite/sandbox.h"

struct la_playbook {
    struct la_parts parts;
    const char *runbook;
    const char *incident; /* a name; la_incident_find */
    const char *server;   /* a program, as given, in place of that which the unit starts; NULL: that */
    const char *config;   /* in place of the redis.conf that the unit names; NULL: that */
    const char *data;     /* a folder whose copy the server begins with; NULL: none */
    uint64_t seed;        /* la_place_with */
    const char *json;     /* where the result goes as well; NULL: nowhere */
    char out[LA_PATH_MAX];
    bool made_out; /* it has been made for this run */
    bool carry_on; /* after a step that failed, as whoever is in a hurry does */
};

/* For la_sandbox_run: `context` is a la_playbook. An exit status. */
int la_playbook_run(void *context, const struct la_sandbox *sandbox, struct la_strings *limits);

#endif
