/* Lines of configuration that may make it lose less (fixtures/remedies.yaml): what certify tries before it proposes. */
#ifndef LASTACK_SUITE_REMEDIES_H
#define LASTACK_SUITE_REMEDIES_H

#include "suite/probe.h"

struct la_remedy {
    char *line;
    char **where; /* "NAME VALUE" each: it is worth a try where the configuration has all of them */
    unsigned int where_count;
};

struct la_remedies {
    struct la_remedy *items;
    unsigned int count;
};

/* NULL with `error` filled. */
struct la_remedies *la_remedies_read(const char *path, struct la_error *error);
void la_remedies_free(struct la_remedies *remedies);

/* The configuration that the server was probed with has what the remedy is for. */
bool la_remedy_applies(const struct la_remedy *remedy, const struct la_probe *probe);

#endif
