#include "explore/nearest.h"

#include <stdlib.h>
#include <string.h>

enum { NEAREST_MAX = 40 };

struct nearest {
    struct la_state items[NEAREST_MAX];
    unsigned int count;
    uint64_t due_ns;
};

/* Everything itself comes first of those that deviate from it. */
static void add(void *context, const struct la_choice *choice, uint64_t hash, uint64_t likeness)
{
    struct nearest *nearest = context;
    bool known = !choice->all || nearest->count == NEAREST_MAX;
    for (unsigned int i = 0; i < nearest->count; i++)
        known = known || nearest->items[i].hash == hash;
    if (known)
        return;
    struct la_state *state = &nearest->items[nearest->count++];
    *state = (struct la_state){.hash = hash, .likeness = likeness};
    state->choices[choice->ending] = *choice;
    state->due_ns[choice->ending] = nearest->due_ns;
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

bool la_nearest(struct la_examiner *examiner, uint32_t cut, enum la_ending ending, const char *kinds,
                struct la_state *state, char **reason)
{
    struct la_trail at;
    struct la_error ignored;
    if (!is_about_loss(kinds))
        return false;
    struct nearest *nearest = la_alloc(1, sizeof *nearest);
    nearest->due_ns = state->due_ns[ending];
    la_trail_at(examiner->recorded->trail, cut, &at);
    la_space_walk(&at, cut, ending, 1, add, nearest);
    la_trail_free(&at);
    bool found = false;
    for (unsigned int i = 0; i < nearest->count && !found; i++) {
        struct la_examined examined = {LA_INCONCLUSIVE, {0}, {0}};
        found = la_examine_plainly(examiner, &nearest->items[i], ending, NULL, &examined, &ignored) == 0 &&
                shows(&examined, kinds);
        if (found && examined.reasons.count)
            *reason = la_strdup(examined.reasons.items[0]);
        if (found)
            *state = nearest->items[i];
        la_examined_free(&examined);
    }
    free(nearest);
    return found;
}
