/*
 * Incidents that a runbook can be tried on: a server in a world, with 2000 keys, of which a backup in /backup/redis has
 * the first half, and what then befell it.
 */
#ifndef LASTACK_PLAYBOOK_INCIDENT_H
#define LASTACK_PLAYBOOK_INCIDENT_H

#include "unit/unit_world.h"

enum { LA_PLAYBOOK_KEYS = 2000, LA_PLAYBOOK_IN_BACKUP = 1000 };

struct la_incident {
    const char *name;
    const char *page;     /* what has happened */
    const char *alarm;    /* what a monitor sees of it: all that whoever is called is told */
    const char *settings; /* that it takes, below all others */
    /* Befalls a server that serves; what chance has a part in follows from the seed. -1 with `error` filled. */
    int (*stage)(struct la_unit_world *unit, uint64_t seed, struct la_error *error);
};

extern const struct la_incident la_incidents[]; /* ends with a name of NULL */

/* NULL: there is none of that name, or the name is NULL. */
const struct la_incident *la_incident_find(const char *name);

/* One of them. */
const struct la_incident *la_incident_draw(uint64_t seed);

/* "crash, torn-aof, ..." */
void la_incident_names(char *out, size_t size);

/* Writes the keys, and makes the backup after the first half of them. */
int la_incident_fill(struct la_unit_world *unit, struct la_error *error);

/* How many of the keys a server has, with their values; -1: it does not say. */
int la_incident_count(const struct la_address *address);

#endif
