/*
 * The processes that examine states, side by side, and what they have found. States are taken in the order in which
 * they were handed in, so that a crew that is stopped has done a beginning of it.
 */
#ifndef LASTACK_EXPLORE_CREW_H
#define LASTACK_EXPLORE_CREW_H

#include "explore/states.h"

enum { LA_CREW_MAX = 64, LA_PLAIN_FIRST = 16, LA_PLAIN_EVERY = 20 };

/* What became of a state by one ending. */
enum la_outcome { LA_UNSEEN, LA_SEEN_WELL, LA_SEEN_VIOLATED, LA_SEEN_OPEN };

struct la_crew_plan {
    const struct la_basis *recorded;
    const struct la_states *states;
    const char *dir; /* there each works in a folder of its own */
    unsigned int jobs;
    bool plain; /* no fork server */
};

struct la_crew_board; /* shared with its processes */

struct la_crew {
    const struct la_crew_plan *plan;
    struct la_crew_board *board;
    pid_t pids[LA_CREW_MAX];
};

/* A violation, as it was written down; or that nothing can be said, and why: then that is its kind. */
#define LA_OPEN_KIND "?"
struct la_violation {
    uint32_t state;
    enum la_ending ending;
    char *kinds; /* joined by commas */
    char *reason;
};

struct la_violations {
    struct la_violation *items;
    size_t count;
};

/* Starts the processes, which wait for states. Ended with la_crew_end. -1 with `error` filled. */
int la_crew_begin(struct la_crew *crew, const struct la_crew_plan *plan, struct la_error *error);

/* Hands in one more state. */
void la_crew_hand_in(struct la_crew *crew, uint32_t state);

/*
 * Waits until all that was handed in is done. False: `until_ns` has come first, or a signal, or a process has failed;
 * then nothing more is begun.
 */
bool la_crew_wait(struct la_crew *crew, uint64_t until_ns);

/* So far: states done in all, of them by a forked server first; recovered both ways, and those of which the two say
 * different things; why none is forked. */
struct la_crew_counts {
    uint32_t done;
    uint32_t forked;
    uint32_t compared;
    uint32_t differ;
    uint32_t failed;   /* processes */
    char no_fork[256]; /* empty: states were recovered by a forked server */
};
void la_crew_count(const struct la_crew *crew, struct la_crew_counts *counts);

enum la_outcome la_crew_outcome(const struct la_crew *crew, uint32_t state, enum la_ending ending);

/* Ends the processes; then what they have written down can be read, in the order of the states. */
void la_crew_stop(struct la_crew *crew);
int la_crew_violations(const struct la_crew *crew, struct la_violations *violations, struct la_error *error);
void la_violations_free(struct la_violations *violations);

void la_crew_end(struct la_crew *crew);

#endif
