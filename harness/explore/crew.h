/*
 * The processes that examine states, side by side, and what they have found. States are taken in the order in which
 * they were handed in, so that a crew that is stopped has done a beginning of it.
 */
#ifndef LASTACK_EXPLORE_CREW_H
#define LASTACK_EXPLORE_CREW_H

#include "explore/states.h"
#include "explore/violations.h"

enum { LA_CREW_MAX = 64, LA_PLAIN_FIRST = 16, LA_PLAIN_EVERY = 20 };

/* What became of a state by one ending. */
enum la_outcome { LA_UNSEEN, LA_SEEN_WELL, LA_SEEN_VIOLATED, LA_SEEN_OPEN };

struct la_crew_plan {
    const struct la_basis *recorded;
    const struct la_states *states;
    const char *dir; /* there each works in a folder of its own */
    unsigned int jobs;
    bool plain;      /* no fork server */
    bool distrusted; /* it is known that forked servers do not do as others */
};

struct la_crew_board; /* shared with its processes */

struct la_crew {
    const struct la_crew_plan *plan;
    struct la_crew_board *board;
    pid_t pids[LA_CREW_MAX];
};

/* Starts the processes, which wait for states. Ended with la_crew_end. -1 with `error` filled. */
int la_crew_begin(struct la_crew *crew, const struct la_crew_plan *plan, struct la_error *error);

/* Hands in one more state. */
void la_crew_hand_in(struct la_crew *crew, uint32_t state);

/*
 * What came of a state by an ending is known, at the moment at which it was judged. While no process looks at it. What
 * was open is not known.
 */
void la_crew_know(struct la_crew *crew, uint32_t state, enum la_ending ending, enum la_outcome outcome,
                  uint64_t judged_ns, bool plainly);

/* It is known what came of it by each ending that may leave it, at the last moment at which that can be. */
bool la_crew_knows(const struct la_crew *crew, uint32_t state);

/*
 * Waits until all that was handed in is done. False: `until_ns` has come first, or a signal, or a process has failed;
 * then nothing more is begun.
 */
bool la_crew_wait(struct la_crew *crew, uint64_t until_ns);

/* So far: states of which something is known; looked at by this crew; by a forked server first; recovered both ways,
 * and those of which the two say different things; why none is forked. */
struct la_crew_counts {
    uint32_t done;
    uint32_t looked_at;
    uint32_t forked;
    uint32_t compared;
    uint32_t differ;
    uint32_t failed;   /* processes */
    bool distrusted;   /* a forked server was content, and a plain start was not */
    char no_fork[256]; /* empty: states were recovered by a forked server */
};
void la_crew_count(const struct la_crew *crew, struct la_crew_counts *counts);

/* What came of a state, at the last moment at which it can be left, or a violation at an earlier one; when that was;
 * and whether a plain start has decided, for every ending. */
enum la_outcome la_crew_outcome(const struct la_crew *crew, uint32_t state, enum la_ending ending);
uint64_t la_crew_judged_ns(const struct la_crew *crew, uint32_t state, enum la_ending ending);
bool la_crew_was_plain(const struct la_crew *crew, uint32_t state);

/* Ends the processes; then what they have written down can be read, in the order of the states. */
void la_crew_stop(struct la_crew *crew);
int la_crew_violations(const struct la_crew *crew, struct la_violations *violations, struct la_error *error);

void la_crew_end(struct la_crew *crew);

#endif
