/*
 * How far an exploration has come, in a folder of its own, under checksums: what became of each state that was
 * recovered. Another exploration of the same recording need not recover them again, if it is of the same server with
 * the same configuration.
 */
#ifndef LASTACK_EXPLORE_PROGRESS_H
#define LASTACK_EXPLORE_PROGRESS_H

#include "explore/crew.h"

#define LA_PROGRESS_FOLDER "progress"

/* A state that is known by its tree and by the moments at which it was judged. */
struct la_known {
    uint64_t hash;
    uint64_t due_ns[LA_ENDINGS];
    uint8_t outcomes[LA_ENDINGS]; /* enum la_outcome */
    uint8_t plainly;              /* by a plain start */
    uint8_t unused[3];
};

/* What was known before. All zeros: nothing. Released with la_progress_free. */
struct la_progress {
    struct la_known *items; /* in the order of their hashes */
    size_t count;
    struct la_crew_counts counts;
    double seconds;
    struct la_violations violations; /* `state` is an index into items */
    uint32_t *states;                /* of each item: its index + 1, once it was taken up */
};

/* Reads what is known; a folder that is not there knows nothing. -1 with `error` filled: it is damaged, or of another
 * server or configuration. */
int la_progress_read(struct la_progress *progress, const char *folder, const struct la_options *options,
                     struct la_error *error);
void la_progress_free(struct la_progress *progress);

/* Whether a state is known; then the crew need not look at it. */
bool la_progress_take(struct la_progress *progress, struct la_crew *crew, uint32_t state);

/* What was known of the states that were taken up goes to what the crew has found, and is in the order of the states.
 */
void la_progress_add(const struct la_progress *progress, struct la_violations *violations);

/* Adds what was counted before to what a crew has counted. */
void la_progress_count(const struct la_progress *before, struct la_crew_counts *counts);

/* Writes down all that is known now. -1 with `error` filled. */
int la_progress_write(const struct la_progress *before, const struct la_crew *crew,
                      const struct la_violations *violations, const struct la_options *options, const char *folder,
                      double seconds, struct la_error *error);

#endif
