#include "explore/states.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SLOTS = LA_STATES_MAX * 2 };

static void *reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "lastack: out of memory\n");
        abort();
    }
    return memory;
}

/* The slot of a tree, or the free one where it belongs. */
static uint32_t *slot_of(const struct la_states *states, uint64_t hash)
{
    uint64_t at = hash % SLOTS;
    while (states->slots[at] && states->items[states->slots[at] - 1].hash != hash)
        at = (at + 1) % SLOTS;
    return &states->slots[at];
}

struct found {
    struct la_states *states;
    uint64_t due_ns;
    uint32_t later; /* the last that is new, or can be left later than was known; UINT32_MAX: none is */
};

/* The index of a tree, which is entered if it is new; UINT32_MAX: there is no room. */
static uint32_t enter(struct la_states *states, uint64_t hash, uint64_t likeness)
{
    uint32_t *slot = slot_of(states, hash);
    if (!*slot && states->count == LA_STATES_MAX) {
        states->full = true;
        return UINT32_MAX;
    }
    if (!*slot) {
        states->items[states->count++] = (struct la_state){.hash = hash, .likeness = likeness};
        *slot = states->count;
    }
    return *slot - 1;
}

/* A kill leaves a part of a write only until that is done. When it began is all that is known of it. */
static uint64_t due_of(const struct found *found, const struct la_choice *choice)
{
    if (choice->ending != LA_ENDING_KILL || !choice->count || !choice->cut)
        return found->due_ns;
    const uint64_t began_ns = found->states->trail->journal->records[choice->cut - 1].time_ns;
    return began_ns && began_ns < found->due_ns ? began_ns : found->due_ns;
}

static void add(void *context, const struct la_choice *choice, uint64_t hash, uint64_t likeness)
{
    struct found *found = context;
    struct la_states *states = found->states;
    const uint64_t due_ns = due_of(found, choice);
    states->possible[choice->ending]++;
    const uint32_t index = enter(states, hash, likeness);
    struct la_state *state = index == UINT32_MAX ? NULL : &states->items[index];
    if (!state || due_ns <= state->due_ns[choice->ending])
        return;
    found->later = index;
    state->due_ns[choice->ending] = due_ns;
    state->choices[choice->ending] = *choice;
}

/* ---- moments ---- */

/* After it something is durable that was not: a sync, or a write that is one by itself. */
static bool is_sync(const struct fi_record *record)
{
    return fi_record_syncs(record) && record->state == FI_RECORD_DONE;
}

/*
 * Until when what a cut at each moment leaves can be left: until the next sync is done that was not done then. One that
 * overlaps what comes after it is not done at the moments that it overlaps.
 */
static uint64_t *find_syncs(const struct la_trail *trail, uint64_t end_ns)
{
    uint64_t *done_ns = la_alloc(trail->count + 1, sizeof *done_ns);
    done_ns[trail->count] = end_ns;
    for (size_t i = trail->count; i-- > 0;) {
        const struct fi_record *record = &trail->journal->records[i];
        done_ns[i] = is_sync(record) && record->done_ns < done_ns[i + 1] ? record->done_ns : done_ns[i + 1];
    }
    for (size_t i = 0; i < trail->count; i++) {
        const struct fi_record *record = &trail->journal->records[i];
        for (size_t k = i + 1; is_sync(record) && k < record->end && k <= trail->count; k++)
            done_ns[k] = record->done_ns < done_ns[k] ? record->done_ns : done_ns[k];
    }
    return done_ns;
}

/* After a kill everything is there that was begun: until another operation begins, whichever is the first by the clock.
 */
static uint64_t *find_begins(const struct la_trail *trail, uint64_t end_ns)
{
    uint64_t *begin_ns = la_alloc(trail->count + 1, sizeof *begin_ns);
    begin_ns[trail->count] = end_ns;
    for (size_t i = trail->count; i-- > 0;) {
        const uint64_t own_ns = trail->journal->records[i].time_ns; /* 0: it was killed before it could note it */
        begin_ns[i] = own_ns && own_ns < begin_ns[i + 1] ? own_ns : begin_ns[i + 1];
    }
    return begin_ns;
}

/* The first records are the directory as it was found, and at their end stands a sync of everything. */
static size_t first_moment(const struct la_trail *trail)
{
    for (size_t i = 0; i < trail->count; i++)
        if (trail->changes[i].file == FI_ALL_FILES)
            return i + 1;
    return 0;
}

void la_states_begin(struct la_states *states, const struct la_trail *trail, unsigned int endings, uint64_t end_ns)
{
    *states = (struct la_states){.trail = trail, .endings = endings, .first = first_moment(trail)};
    states->moments = trail->count + 1 - states->first;
    states->kills_ns = find_begins(trail, end_ns);
    states->cuts_ns = find_syncs(trail, end_ns);
    states->items = reserve(LA_STATES_MAX * sizeof *states->items);
    states->slots = reserve(SLOTS * sizeof *states->slots);
}

void la_states_end(struct la_states *states)
{
    if (!states->items)
        return;
    munmap(states->items, LA_STATES_MAX * sizeof *states->items);
    munmap(states->slots, SLOTS * sizeof *states->slots);
    free(states->kills_ns);
    free(states->cuts_ns);
    *states = (struct la_states){0};
}

static uint64_t due_at(const struct la_states *states, size_t cut, int ending)
{
    return ending == LA_ENDING_KILL ? states->kills_ns[cut] : states->cuts_ns[cut];
}

void la_states_find(struct la_states *states, unsigned int most)
{
    for (int ending = 0; ending < LA_ENDINGS; ending++)
        states->whole[ending] = states->endings >> ending & 1;
    for (size_t cut = states->first; cut <= states->trail->count && !states->full; cut++) {
        struct la_trail at;
        la_trail_at(states->trail, cut, &at);
        for (int ending = 0; ending < LA_ENDINGS; ending++) {
            if (!(states->endings >> ending & 1))
                continue;
            struct found found = {states, due_at(states, cut, ending), UINT32_MAX};
            const bool whole = la_space_walk(&at, (uint32_t)cut, (enum la_ending)ending, most, add, &found);
            states->whole[ending] = states->whole[ending] && whole;
        }
        la_trail_free(&at);
    }
    for (int ending = 0; ending < LA_ENDINGS; ending++)
        states->whole[ending] = states->whole[ending] && !states->full;
}

uint32_t la_states_keep(struct la_states *states, const struct la_state *known)
{
    const uint32_t index = enter(states, known->hash, known->likeness);
    for (int ending = 0; index != UINT32_MAX && ending < LA_ENDINGS; ending++) {
        struct la_state *state = &states->items[index];
        if (!(states->endings >> ending & 1) || known->due_ns[ending] <= state->due_ns[ending])
            continue;
        state->due_ns[ending] = known->due_ns[ending];
        state->choices[ending] = known->choices[ending];
    }
    return index;
}

/* A cut by one of the endings that leave more than one state. */
static int draw_ending(unsigned int endings, uint64_t *random)
{
    const unsigned int cuts = endings & ~(1U << LA_ENDING_KILL);
    if (!cuts)
        return -1;
    int ending;
    do
        ending = (int)(la_random(random) % LA_ENDINGS);
    while (!(cuts >> ending & 1));
    return ending;
}

uint32_t la_states_draw(struct la_states *states, uint64_t *random)
{
    const int ending = draw_ending(states->endings, random);
    if (ending < 0 || states->full)
        return UINT32_MAX;
    const size_t cut = states->first + la_random(random) % states->moments;
    struct found found = {states, due_at(states, cut, ending), UINT32_MAX};
    struct la_trail at;
    la_trail_at(states->trail, cut, &at);
    la_space_draw(&at, (uint32_t)cut, (enum la_ending)ending, random, add, &found);
    states->possible[ending]--; /* which of them are drawn is chance */
    la_trail_free(&at);
    return found.later;
}

uint32_t la_states_last_moment(const struct la_states *states, uint32_t cut, enum la_ending ending)
{
    while (cut < states->trail->count && due_at(states, cut + 1, ending) == due_at(states, cut, ending))
        cut++;
    return cut;
}

uint32_t la_states_distinct(const struct la_states *states, enum la_ending ending)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < states->count; i++)
        count += states->items[i].due_ns[ending] != 0;
    return count;
}
