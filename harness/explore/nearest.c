#include "explore/nearest.h"

#include <stdlib.h>
#include <string.h>

enum { FOUND_MAX = 4096, LOOKS_MAX = 40, CONTENTS_MAX = 20 };
#define PATIENCE_NS UINT64_C(20000000000)

struct candidate {
    struct la_choice choice;
    uint64_t hash;
    size_t distance; /* of its names from all of them: 0, the same */
    size_t order;
};

struct nearest {
    struct candidate items[FOUND_MAX];
    size_t count;
};

/* While they are looked for. */
struct search {
    struct nearest *nearest;
    const struct la_namings *namings;
    size_t changes; /* that the trail has */
};

/* Where names come in an order, by how many changes of them are missing. */
static size_t distance_of(const struct search *search, const struct la_naming *naming)
{
    if (!naming->changes)
        return 0;
    return naming->upto ? 1 + search->changes - naming->upto : 1;
}

static void add(void *context, const struct la_choice *choice, uint64_t hash, uint64_t likeness)
{
    const struct search *search = context;
    struct nearest *nearest = search->nearest;
    (void)likeness;
    if (!choice->all || nearest->count == FOUND_MAX)
        return;
    const size_t distance = distance_of(search, &search->namings->items[choice->naming]);
    nearest->items[nearest->count] = (struct candidate){*choice, hash, distance, nearest->count};
    nearest->count++;
}

static int by_distance(const void *one, const void *other)
{
    const struct candidate *a = one;
    const struct candidate *b = other;
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static void find_candidates(const struct la_trail *trail, uint32_t cut, enum la_ending ending, struct nearest *nearest)
{
    struct la_trail at;
    struct la_namings namings;
    la_trail_at(trail, cut, &at);
    la_namings_of(&at, ending, 1, &namings);
    struct search search = {nearest, &namings, at.count};
    la_space_walk(&at, cut, ending, 1, add, &search);
    la_namings_free(&namings);
    la_trail_free(&at);
    if (nearest->count)
        qsort(nearest->items, nearest->count, sizeof *nearest->items, by_distance);
}

static bool is_known(const struct nearest *nearest, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (nearest->items[i].hash == nearest->items[index].hash)
            return true;
    return false;
}

static bool is_about_loss(const char *kinds)
{
    return strstr(kinds, "lost") || strstr(kinds, "hole");
}

static bool shows(const struct la_examined *examined, const char *wanted)
{
    char kinds[LA_EXAMINED_KINDS_MAX];
    la_examined_kinds(examined, kinds);
    return !strcmp(kinds, wanted);
}

/* Whether this candidate shows the same; then it takes the place of the state. */
static bool try_one(struct la_examiner *examiner, const struct candidate *one, enum la_ending ending, const char *kinds,
                    struct la_state *state, char **reason)
{
    struct la_error ignored;
    struct la_examined examined = {LA_INCONCLUSIVE, {0}, {0}};
    struct la_state candidate = {.hash = one->hash};
    candidate.choices[ending] = one->choice;
    candidate.due_ns[ending] = state->due_ns[ending];
    const bool same = la_examine_plainly(examiner, &candidate, ending, NULL, &examined, &ignored) == 0 &&
                      examined.reasons.count && shows(&examined, kinds);
    if (same) {
        *reason = la_strdup(examined.reasons.items[0]);
        *state = candidate;
    }
    la_examined_free(&examined);
    return same;
}

void la_nearest(struct la_examiner *examiner, uint32_t cut, enum la_ending ending, const char *kinds,
                struct la_state *state, char **reason)
{
    if (!is_about_loss(kinds))
        return;
    const uint64_t until_ns = la_now_ns() + PATIENCE_NS;
    struct nearest *nearest = la_alloc(1, sizeof *nearest);
    find_candidates(examiner->recorded->trail, cut, ending, nearest);
    unsigned int looks = 0;
    unsigned int contents = 0;
    bool found = false;
    for (size_t i = 0; i < nearest->count && !found && looks < LOOKS_MAX; i++) {
        const bool names = nearest->items[i].distance;
        if (la_interrupted() || la_now_ns() > until_ns)
            break;
        if ((!names && contents == CONTENTS_MAX) || is_known(nearest, i))
            continue;
        contents += !names;
        looks++;
        found = try_one(examiner, &nearest->items[i], ending, kinds, state, reason);
    }
    free(nearest);
}
