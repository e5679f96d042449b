/*
 * What is known beyond the scenarios, as data in fixtures/: what certify tries (remedies.yaml, strategies.yaml), and
 * how long scenarios take (seconds.yaml).
 */
#ifndef LASTACK_SUITE_CATALOGUES_H
#define LASTACK_SUITE_CATALOGUES_H

#include "base/util.h"

/* A line of configuration that may make it lose less: certify tries it before it proposes it. */
struct la_remedy {
    char *line;
    char **where; /* "NAME VALUE" each: it is worth a try where the configuration has all of them */
    unsigned int where_count;
};

struct la_remedies {
    struct la_remedy *items;
    unsigned int count;
};

/* A way of persisting, as lines of configuration: certify --matrix sets them side by side. */
struct la_strategy {
    char *name;
    bool replica; /* it is a primary's, which has a replica of the same lines: what is judged is the failover */
    char **lines;
    unsigned int line_count;
};

struct la_strategies {
    struct la_strategy *items;
    unsigned int count;
};

/* About how long a scenario takes, as it was seen once. */
struct la_duration {
    char *name;
    unsigned int seconds;
};

struct la_durations {
    struct la_duration *items;
    unsigned int count;
};

/* -1 with `error` filled, and nothing to be freed. */
int la_remedies_read(const char *path, struct la_remedies *remedies, struct la_error *error);
void la_remedies_free(struct la_remedies *remedies);
int la_strategies_read(const char *path, struct la_strategies *strategies, struct la_error *error);
void la_strategies_free(struct la_strategies *strategies);
int la_durations_read(const char *path, struct la_durations *durations, struct la_error *error);
void la_durations_free(struct la_durations *durations);

/* NULL: it is not known. */
const struct la_duration *la_durations_find(const struct la_durations *durations, const char *name);

#endif
