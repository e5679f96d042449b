/* Lines of configuration that may make it lose less (fixtures/remedies.yaml): what certify tries before it proposes. */
#ifndef LASTACK_SUITE_REMEDIES_H
#define LASTACK_SUITE_REMEDIES_H

#include "base/util.h"

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

#endif
