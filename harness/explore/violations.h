/* What was found to be violated, state by state, as processes write it down: a line of each. */
#ifndef LASTACK_EXPLORE_VIOLATIONS_H
#define LASTACK_EXPLORE_VIOLATIONS_H

#include <stdio.h>

#include "explore/naming.h"

/* A violation; or that nothing can be said, and why: then that is its kind. */
#define LA_OPEN_KIND "?"
struct la_violation {
    uint32_t state;
    enum la_ending ending;
    char *kinds; /* joined by commas; empty: those of one that looks like it */
    char *reason;
};

struct la_violations {
    struct la_violation *items;
    size_t count;
};

/* `kinds` and `reason` are one line, without tabs. */
void la_violation_write(FILE *out, uint32_t state, enum la_ending ending, const char *kinds, const char *reason);

/* Adds those of a file. -1 with `error` filled: it cannot be read. */
int la_violations_read(struct la_violations *violations, const char *path, struct la_error *error);

/* Texts are copied. Released with la_violations_free. */
void la_violations_add(struct la_violations *violations, uint32_t state, enum la_ending ending, const char *kinds,
                       const char *reason);
void la_violations_free(struct la_violations *violations);

/* In the order of the states. */
void la_violations_sort(struct la_violations *violations);

#endif
