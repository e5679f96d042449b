/*
 * The distinct states of a recording: each tree once, with the last moment at which each ending could leave it. It lies
 * in memory that processes forked later share.
 */
#ifndef LASTACK_EXPLORE_STATES_H
#define LASTACK_EXPLORE_STATES_H

#include "explore/examine.h"

enum { LA_STATES_MAX = 1 << 20 };

struct la_states {
    const struct la_trail *trail;
    unsigned int endings; /* bits of enum la_ending */
    size_t first;         /* the first moment: an index into the trail */
    uint64_t *kills_ns;   /* until when what each moment leaves can be left, by a kill */
    uint64_t *cuts_ns;    /* ... and by a cut */
    struct la_state *items;
    uint32_t count;
    uint32_t *slots; /* a hash table of indices + 1 */
    bool full;       /* there was no room for some */
    uint64_t possible[LA_ENDINGS];
    uint64_t moments;       /* at which a cut was thought of */
    bool whole[LA_ENDINGS]; /* the states of that ending are all that there are */
};

/* Of a trail that stays, and a node that lived until `end_ns`. Ended with la_states_end. */
void la_states_begin(struct la_states *states, const struct la_trail *trail, unsigned int endings, uint64_t end_ns);
void la_states_end(struct la_states *states);

/* Adds those of every moment that deviate in at most `most` things. */
void la_states_find(struct la_states *states, unsigned int most);

/*
 * Draws one that deviates in more: its index, where it is new, or can be left at a later moment than was known; else
 * UINT32_MAX. `random` is the state of la_random. While no process looks at them.
 */
uint32_t la_states_draw(struct la_states *states, uint64_t *random);

/*
 * Adds one that is known from another exploration of the recording, by the endings that are asked for: its index;
 * UINT32_MAX: there is no room.
 */
uint32_t la_states_keep(struct la_states *states, const struct la_state *known);

/* What a cut at this moment leaves can be left as long: the last moment before that is over. */
uint32_t la_states_last_moment(const struct la_states *states, uint32_t cut, enum la_ending ending);

/* How many there are by an ending. */
uint32_t la_states_distinct(const struct la_states *states, enum la_ending ending);

#endif
