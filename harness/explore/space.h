/*
 * The states that a cut at one moment may leave, as the model (crash/model.h) has it, in numbers: what may differ, and
 * how many ways each of it has. From these a state is told by what it deviates in from the two that are simplest:
 * nothing is there that is not durable, or everything is.
 *
 * A state is known by a hash of its tree (names, kinds, contents), which is worked out without making it. Another hash,
 * its likeness, is the same for states that look alike to a server: the same names but for digits, files cut off or
 * torn in the same manner, the same small files.
 */
#ifndef LASTACK_EXPLORE_SPACE_H
#define LASTACK_EXPLORE_SPACE_H

#include "explore/naming.h"

enum { LA_DEVIATIONS_MAX = 6 };

/* One state: what has to be known to make it again. */
struct la_choice {
    uint32_t cut;    /* the moment, as an index into the journal */
    uint16_t naming; /* which of the namings of that moment */
    uint8_t ending;  /* enum la_ending */
    uint8_t all;     /* deviates from everything, else from nothing */
    uint8_t most;    /* deviations that were asked for: the numbers depend on it */
    uint8_t count;   /* of those in contents */
    struct la_deviation {
        uint16_t dim; /* which size or page of which file */
        uint16_t way; /* which of its sizes, or versions */
    } deviations[LA_DEVIATIONS_MAX];
};

/* Called with each state. */
typedef void (*la_state_visit)(void *context, const struct la_choice *choice, uint64_t hash, uint64_t likeness);

/*
 * Visits every state of a cut at this moment that deviates in at most `most` things from nothing or from everything, in
 * an order that is always the same; some more than once. `trail` is as of the moment (la_trail_at). Returns whether
 * these are all that there are.
 */
bool la_space_walk(const struct la_trail *trail, uint32_t cut, enum la_ending ending, unsigned int most,
                   la_state_visit visit, void *context);

/* Visits one state that is drawn: it deviates in three things or more, as far as there are so many. */
void la_space_draw(const struct la_trail *trail, uint32_t cut, enum la_ending ending, uint64_t *random,
                   la_state_visit visit, void *context);

/* Makes the state in the empty folder `out`. `trail` is as of choice->cut. */
int la_space_make(const struct la_trail *trail, const struct la_choice *choice, const char *out,
                  struct la_error *error);

/* The state in words: what is there of what the cut need not have left. */
void la_space_words(const struct la_trail *trail, const struct la_choice *choice, char *out, size_t size);

#endif
