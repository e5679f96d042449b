/*
 * One state: a server is given it, and what comes back is judged by what had been acknowledged, and what the scenario
 * promises, at the last moment at which a cut could have left it. Used by one process.
 */
#ifndef LASTACK_EXPLORE_EXAMINE_H
#define LASTACK_EXPLORE_EXAMINE_H

#include "explore/forker.h"
#include "explore/space.h"
#include "judge/judge.h"

/* What was recorded, once, of which all states are. Not changed any more. */
struct la_basis {
    const struct la_run *run; /* its ledger, its first node, and what the scenario says */
    const struct la_trail *trail;
    const struct la_step *recover; /* the scenario's; NULL: it has none */
    const char *forkserver;        /* the library */
    bool repairs;                  /* ... and that mends what a server does not start on: a forked one cannot tell */
    uint64_t kept_ns;              /* what was acknowledged before the mark is promised from then on; 0: nothing is */
};

struct la_examiner {
    const struct la_basis *recorded;
    char dir[LA_PATH_MAX]; /* where it works */
    struct la_forker forker;
    unsigned int forkers;  /* that were started */
    char no_fork[256];     /* why states are recovered by plain starts; empty: they are not */
    struct la_trail trail; /* as of the moment that was looked at last */
    uint32_t cut;
};

/* A state and the last moments (CLOCK_MONOTONIC ns) at which it could be left, by each ending; 0: never. */
struct la_state {
    uint64_t hash;
    uint64_t likeness;
    uint64_t due_ns[LA_ENDINGS];
    struct la_choice choices[LA_ENDINGS]; /* by which it is made; the trees are all the same */
};

/* What came of it. Released with la_examined_free. */
struct la_examined {
    enum la_verdict verdict;
    struct la_strings kinds;   /* of what is violated */
    struct la_strings reasons; /* for a verdict other than holds */
};

/* Makes `dir`. With `fork` a fork server is tried. Ended with la_examiner_end. */
int la_examiner_begin(struct la_examiner *examiner, const struct la_basis *recorded, const char *dir, bool fork,
                      struct la_error *error);
void la_examiner_end(struct la_examiner *examiner);

/*
 * Whether by a forked server all is well with the state, by each ending: then a bit of `well` is set. False: there was
 * no forked server; then examiner->no_fork may say that there will be none.
 */
bool la_examine_forked(struct la_examiner *examiner, const struct la_state *state, unsigned int *well);

/* The first ending that leaves it at the same last moment as this one: what comes of it is the same. */
int la_state_same_moment(const struct la_state *state, int ending);

/* A way to make it. */
const struct la_choice *la_state_choice(const struct la_state *state);

/*
 * By a server that is started as usual, and followed as the scenario's step `recover` says. With `bundle` (NULL: none)
 * everything that it takes to replay it is left in that folder. -1 with `error` filled: it could not be done.
 */
int la_examine_plainly(struct la_examiner *examiner, const struct la_state *state, enum la_ending ending,
                       const char *bundle, struct la_examined *examined, struct la_error *error);
void la_examined_free(struct la_examined *examined);

enum { LA_EXAMINED_KINDS_MAX = 400 };

/* What is violated, separated by commas; empty: nothing is. */
void la_examined_kinds(const struct la_examined *examined, char kinds[LA_EXAMINED_KINDS_MAX]);

#endif
