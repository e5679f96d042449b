#include "explore/naming.h"

#include <stdlib.h>
#include <string.h>

const char *const la_ending_names[LA_ENDINGS] = {
    [LA_ENDING_KILL] = "kill", [LA_ENDING_EXT4] = "ext4", [LA_ENDING_XFS] = "xfs", [LA_ENDING_POSIX] = "posix"};

enum la_fs la_ending_profile(enum la_ending ending)
{
    static const enum la_fs profiles[LA_ENDINGS] = {
        [LA_ENDING_KILL] = LA_FS_EXT4,
        [LA_ENDING_EXT4] = LA_FS_EXT4,
        [LA_ENDING_XFS] = LA_FS_XFS,
        [LA_ENDING_POSIX] = LA_FS_POSIX,
    };
    return profiles[ending];
}

static struct la_naming *add(struct la_namings *namings, unsigned int changes, bool from_all)
{
    namings->items = la_realloc(namings->items, namings->count + 1, sizeof *namings->items);
    struct la_naming *naming = &namings->items[namings->count++];
    *naming = (struct la_naming){.changes = changes, .from_all = from_all};
    return naming;
}

static void add_prefix(const struct la_trail *trail, struct la_namings *namings, size_t upto, unsigned int changes,
                       bool from_all)
{
    struct la_naming *naming = add(namings, changes, from_all);
    naming->upto = upto;
    la_names_apply(trail, upto, &naming->names);
}

/* Names reach the disk in their order: how many of those are there that nothing forced to be. */
static void find_prefixes(const struct la_trail *trail, enum la_fs profile, unsigned int most,
                          struct la_namings *namings)
{
    size_t forced = la_names_forced(trail, profile);
    bool any = false;
    add_prefix(trail, namings, forced, 0, false);
    for (size_t i = forced; i < trail->count; i++) {
        if (trail->changes[i].failed || !la_change_is_meta(&trail->changes[i]))
            continue;
        any = true;
        if (most)
            add_prefix(trail, namings, i + 1, 1, false);
        if (most)
            add_prefix(trail, namings, i + 1, 1, true);
    }
    if (any && most)
        add_prefix(trail, namings, forced, 1, true);
    add_prefix(trail, namings, trail->count, 0, true);
    namings->whole = !any || most;
}

/* ---- every name for itself ---- */

enum { PATHS_MAX = 256 };

struct picks {
    size_t values[PATHS_MAX]; /* how many each path has */
    size_t count;
    bool more; /* there are paths that have no room */
    bool all;
    size_t paths[2]; /* that deviate, */
    size_t ways[2];  /* and how */
    unsigned int deviations;
};

static size_t pick(void *context, size_t path, size_t values)
{
    struct picks *picks = context;
    picks->more = picks->more || path >= PATHS_MAX;
    if (path < PATHS_MAX) {
        picks->values[path] = values;
        picks->count = path + 1 > picks->count ? path + 1 : picks->count;
    }
    for (unsigned int i = 0; i < picks->deviations; i++)
        if (picks->paths[i] == path)
            return picks->ways[i];
    return picks->all ? values - 1 : 0;
}

static void add_picked(const struct la_trail *trail, struct picks *picks, struct la_namings *namings)
{
    struct la_naming *naming = add(namings, picks->deviations, picks->all);
    la_names_choose(trail, pick, picks, &naming->names);
}

/* Those that deviate in one more path, from `first` on. */
static void deviate(const struct la_trail *trail, struct picks *picks, size_t first, unsigned int most,
                    struct la_namings *namings)
{
    unsigned int at = picks->deviations;
    if (at == most || at == sizeof picks->paths / sizeof *picks->paths)
        return;
    for (size_t path = first; path < picks->count; path++)
        for (size_t way = 0; way < picks->values[path]; way++) {
            if (way == (picks->all ? picks->values[path] - 1 : 0))
                continue;
            picks->paths[at] = path;
            picks->ways[at] = way;
            picks->deviations = at + 1;
            add_picked(trail, picks, namings);
            deviate(trail, picks, path + 1, most, namings);
            picks->deviations = at;
        }
}

static void find_picks(const struct la_trail *trail, unsigned int most, struct la_namings *namings)
{
    size_t open = 0;
    bool many = false;
    for (int all = 0; all < 2; all++) {
        struct picks picks = {.all = all};
        add_picked(trail, &picks, namings);
        deviate(trail, &picks, 0, most, namings);
        many = many || picks.more;
        open = 0;
        for (size_t i = 0; i < picks.count; i++)
            open += picks.values[i] > 1;
    }
    namings->whole = open <= most && open <= 2 && !many;
}

void la_namings_of(const struct la_trail *trail, enum la_ending ending, unsigned int most, struct la_namings *namings)
{
    *namings = (struct la_namings){.whole = true};
    if (ending == LA_ENDING_KILL)
        add_prefix(trail, namings, trail->count, 0, true);
    else if (la_filesystems[la_ending_profile(ending)].ordered)
        find_prefixes(trail, la_ending_profile(ending), most, namings);
    else
        find_picks(trail, most, namings);
}

void la_namings_free(struct la_namings *namings)
{
    for (size_t i = 0; i < namings->count; i++)
        la_names_free(&namings->items[i].names);
    free(namings->items);
    *namings = (struct la_namings){0};
}
