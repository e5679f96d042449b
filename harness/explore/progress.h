/*
 * How far an exploration has come, in a folder of its own, under checksums: what became of each state that was
 * recovered. Another exploration of the same recording need not recover them again, if it is of the same server with
 * the same configuration.
 */
#ifndef LASTACK_EXPLORE_PROGRESS_H
#define LASTACK_EXPLORE_PROGRESS_H

#include "explore/crew.h"

#define LA_PROGRESS_FOLDER "progress"

/* A state, and what came of it; or that it was drawn, and nothing is known yet. */
struct la_known {
    struct la_state state;
    uint64_t judged_ns[LA_ENDINGS];
    uint8_t outcomes[LA_ENDINGS]; /* enum la_outcome */
    uint8_t plainly;              /* by a plain start */
    uint8_t unused[3];
};

/* What was known before. All zeros: nothing. Released with la_progress_free. */
struct la_progress {
    struct la_known *items; /* in the order of their hashes */
    size_t count;
    uint64_t random; /* state of la_random: what is drawn next follows from it */
    struct la_crew_counts counts;
    double seconds;
    struct la_violations violations; /* `state` is an index into items */
    uint32_t *states;                /* of each item: its index + 1, once it was taken up */
    size_t known;                    /* of those that were taken up: nothing is left to be looked at */
};

/* Reads what is known; a folder that is not there knows nothing. -1 with `error` filled: it is damaged, or of another
 * server or configuration. */
int la_progress_read(struct la_progress *progress, const char *folder, const struct la_options *options,
                     struct la_error *error);
void la_progress_free(struct la_progress *progress);

/* Adds all that is known to the states and to the crew, which has not been handed in anything yet. */
void la_progress_take_up(struct la_progress *progress, struct la_states *states, struct la_crew *crew);

/* What was known of the states that were taken up goes to what the crew has found, and is in the order of the states.
 */
void la_progress_add(const struct la_progress *progress, const struct la_states *states,
                     struct la_violations *violations);

/* Adds what was counted before to what a crew has counted. */
void la_progress_count(const struct la_progress *before, struct la_crew_counts *counts);

/* What is to be written down. */
struct la_progress_now {
    const struct la_progress *before;
    const struct la_crew *crew; /* its processes have been stopped */
    const struct la_violations *violations;
    const struct la_options *options;
    uint32_t enumerated; /* states before this one are found again by everybody */
    uint64_t random;
    double seconds;
};

/* Writes down all that is known now. -1 with `error` filled. */
int la_progress_write(const struct la_progress_now *now, const char *folder, struct la_error *error);

#endif
