#include "explore/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/rule.h"
#include "explore/parts.h"

struct walk {
    const struct la_trail *trail;
    struct la_parts_of_state parts;
    struct la_choice choice;
    unsigned int most; /* deviations in contents */
    uint64_t hash;
    uint64_t likeness;
    la_state_visit visit;
    void *context;
};

/* Goes another way, and brings the hashes along. */
static void turn(struct walk *walk, const struct la_dim *dim, size_t way)
{
    walk->hash ^= la_part_hash(dim->file);
    walk->likeness ^= la_part_likeness(dim->file);
    la_dim_go(dim, way);
    walk->hash ^= la_part_hash(dim->file);
    walk->likeness ^= la_part_likeness(dim->file);
}

/* The state as it is, and those that deviate in one thing more, of the dimensions from `first` on. */
static void go_on(struct walk *walk, size_t first)
{
    walk->visit(walk->context, &walk->choice, walk->hash, walk->likeness);
    if (walk->choice.count == walk->most)
        return;
    struct la_deviation *deviation = &walk->choice.deviations[walk->choice.count++];
    for (size_t d = first; d < walk->parts.dim_count; d++) {
        const struct la_dim *dim = &walk->parts.dims[d];
        const size_t usual = la_dim_way(dim);
        for (size_t way = 0; way < dim->ways; way++) {
            if (!la_dim_may_go(walk->trail, dim, way, (enum la_ending)walk->choice.ending))
                continue;
            *deviation = (struct la_deviation){(uint16_t)d, (uint16_t)way};
            turn(walk, dim, way);
            go_on(walk, d + 1);
            turn(walk, dim, usual);
        }
    }
    walk->choice.count--;
}

static void begin_naming(struct walk *walk, const struct la_naming *naming)
{
    la_parts_of_state(walk->trail, naming, (enum la_ending)walk->choice.ending, &walk->parts);
    walk->hash = walk->parts.hash;
    walk->likeness = walk->parts.likeness;
    for (size_t i = 0; i < walk->parts.file_count; i++) {
        walk->hash ^= la_part_hash(&walk->parts.files[i]);
        walk->likeness ^= la_part_likeness(&walk->parts.files[i]);
    }
}

/* Whether that was all: nothing is left that could deviate beyond. */
static bool walk_naming(struct walk *walk, const struct la_naming *naming)
{
    begin_naming(walk, naming);
    const bool whole =
        walk->choice.ending == LA_ENDING_KILL || (walk->parts.dim_count <= walk->most && !walk->parts.more);
    go_on(walk, 0);
    la_parts_of_state_free(&walk->parts);
    return whole;
}

bool la_space_walk(const struct la_trail *trail, uint32_t cut, enum la_ending ending, unsigned int most,
                   la_state_visit visit, void *context)
{
    struct la_namings namings;
    struct walk walk = {.trail = trail, .visit = visit, .context = context};
    most = most < LA_DEVIATIONS_MAX ? most : LA_DEVIATIONS_MAX;
    la_namings_of(trail, ending, most, &namings);
    bool whole = namings.whole && namings.count < UINT16_MAX;
    for (size_t i = 0; i < namings.count && i < UINT16_MAX; i++) {
        const struct la_naming *naming = &namings.items[i];
        walk.choice = (struct la_choice){.cut = cut,
                                         .naming = (uint16_t)i,
                                         .ending = (uint8_t)ending,
                                         .all = naming->from_all,
                                         .most = (uint8_t)most};
        walk.most = ending == LA_ENDING_KILL ? 1 : most - naming->changes;
        whole = walk_naming(&walk, naming) && whole;
    }
    la_namings_free(&namings);
    return whole;
}

/* One thing more, of the dimensions from `first` on; where the next ones begin. */
static size_t deviate(struct walk *walk, size_t first, uint64_t *random)
{
    const size_t d = first + la_random(random) % (walk->parts.dim_count - first);
    const struct la_dim *dim = &walk->parts.dims[d];
    const size_t way = la_random(random) % dim->ways;
    if (!la_dim_may_go(walk->trail, dim, way, (enum la_ending)walk->choice.ending))
        return d + 1;
    walk->choice.deviations[walk->choice.count++] = (struct la_deviation){(uint16_t)d, (uint16_t)way};
    turn(walk, dim, way);
    return d + 1;
}

void la_space_draw(const struct la_trail *trail, uint32_t cut, enum la_ending ending, uint64_t *random,
                   la_state_visit visit, void *context)
{
    struct la_namings namings;
    struct walk walk = {.trail = trail};
    la_namings_of(trail, ending, 2, &namings);
    const size_t naming = la_random(random) % (namings.count < UINT16_MAX ? namings.count : UINT16_MAX);
    walk.choice = (struct la_choice){.cut = cut,
                                     .naming = (uint16_t)naming,
                                     .ending = (uint8_t)ending,
                                     .all = namings.items[naming].from_all,
                                     .most = 2};
    begin_naming(&walk, &namings.items[naming]);
    const unsigned int wanted = 3 + (unsigned int)(la_random(random) % (LA_DEVIATIONS_MAX - 2));
    for (size_t d = 0; d < walk.parts.dim_count && walk.choice.count < wanted;)
        d = deviate(&walk, d, random);
    visit(context, &walk.choice, walk.hash, walk.likeness);
    la_parts_of_state_free(&walk.parts);
    la_namings_free(&namings);
}

/* ---- in words ---- */

static void say_dim(const struct la_dim *dim, size_t way, FILE *to)
{
    const struct la_part_file *file = dim->file;
    const unsigned long long unit = file->content.unit;
    if (dim->unit == LA_DIM_SIZE)
        fprintf(to, ", %s has %llu of %llu bytes", file->entry->path, (unsigned long long)file->sizes.items[way],
                (unsigned long long)file->sizes.items[file->sizes.all]);
    else
        fprintf(to, ", bytes %llu to %llu of %s are %s", dim->unit * unit, (dim->unit + 1) * unit - 1,
                file->entry->path,
                way ? way + 1 < dim->ways ? "those of a moment between" : "the newest"
                    : "those of the last fsync, or zeros");
}

static bool is_same(const struct la_entry *one, const struct la_entry *other)
{
    return other && one->kind == other->kind && one->file == other->file;
}

static bool lies_in(const char *path, const char *folder)
{
    const size_t length = strlen(folder);
    return length && !strncmp(path, folder, length) && path[length] == '/';
}

/* What is not there that would be, of the names that this naming deviates from, or is another file than it would be. */
static void say_names(const struct la_names *usual, const struct la_names *names, FILE *to)
{
    const char *gone = ""; /* said last: what was in it is not */
    for (size_t i = 0; i < usual->count; i++) {
        const struct la_entry *here = la_names_find(names, usual->entries[i].path);
        if (is_same(&usual->entries[i], here) || lies_in(usual->entries[i].path, gone))
            continue;
        fprintf(to, ", %s %s", here ? "with another" : "without", usual->entries[i].path);
        gone = here ? gone : usual->entries[i].path;
    }
    for (size_t i = 0; i < names->count; i++)
        if (!la_names_find(usual, names->entries[i].path))
            fprintf(to, ", with %s", names->entries[i].path);
}

static const struct la_names *usual_names(const struct la_namings *namings, const struct la_naming *naming)
{
    size_t i = 0;
    while (namings->items[i].changes || namings->items[i].from_all != naming->from_all)
        i++;
    return &namings->items[i].names;
}

static void say(const struct la_trail *trail, const struct la_choice *choice, const struct la_namings *namings,
                FILE *to)
{
    const struct la_naming *naming = &namings->items[choice->naming];
    struct la_parts_of_state parts;
    la_parts_of_state(trail, naming, (enum la_ending)choice->ending, &parts);
    const struct la_change *last = choice->cut ? &trail->changes[choice->cut - 1] : NULL;
    fprintf(to, "%s after operation %u", la_ending_names[choice->ending], choice->cut);
    if (last)
        fprintf(to, " (%s %s)", fi_op_name(last->op), *last->name2 ? last->name2 : last->name);
    fprintf(to, ": %s is there", choice->all ? "all that was written" : "only what was made durable");
    if (naming->changes)
        say_names(usual_names(namings, naming), &naming->names, to);
    for (unsigned int i = 0; i < choice->count; i++)
        say_dim(&parts.dims[choice->deviations[i].dim], choice->deviations[i].way, to);
    la_parts_of_state_free(&parts);
}

void la_space_words(const struct la_trail *trail, const struct la_choice *choice, char *out, size_t size)
{
    struct la_namings namings;
    FILE *to = fmemopen(out, size, "w");
    la_namings_of(trail, (enum la_ending)choice->ending, choice->most, &namings);
    if (to)
        say(trail, choice, &namings, to);
    if (to)
        fclose(to);
    out[size - 1] = '\0';
    la_namings_free(&namings);
}

/* ---- making one ---- */

static int write_file(const struct la_part_file *file, const char *path, struct la_error *error)
{
    const uint64_t size = file->sizes.items[file->size];
    const uint64_t unit = file->content.unit;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool good = fd >= 0;
    for (size_t i = 0; good && i < file->unit_count && file->units[i].start < size; i++) {
        const uint64_t left = size - file->units[i].start;
        const size_t length = left < unit ? left : unit;
        good = write(fd, file->units[i].bytes + file->version[i] * unit, length) == (ssize_t)length;
    }
    int why = errno;
    if (fd >= 0)
        close(fd);
    return good ? 0 : la_fail(error, "%s: %s", path, strerror(why));
}

static int make_names(const struct la_names *names, const char *out, struct la_error *error)
{
    char path[LA_PATH_MAX];
    for (size_t i = 0; i < names->count; i++) {
        const struct la_entry *entry = &names->entries[i];
        la_path(path, "%s/%s", out, entry->path);
        if ((entry->kind == LA_ENTRY_DIR && mkdir(path, 0755)) ||
            (entry->kind == LA_ENTRY_LINK && symlink(entry->target, path)))
            return la_fail(error, "%s: %s", path, strerror(errno));
    }
    return 0;
}

static int make(const struct la_trail *trail, const struct la_choice *choice, const struct la_naming *naming,
                const char *out, struct la_error *error)
{
    char path[LA_PATH_MAX];
    struct la_parts_of_state parts;
    la_parts_of_state(trail, naming, (enum la_ending)choice->ending, &parts);
    for (unsigned int i = 0; i < choice->count; i++)
        la_dim_go(&parts.dims[choice->deviations[i].dim], choice->deviations[i].way);
    int result = make_names(&naming->names, out, error);
    for (size_t i = 0; !result && i < parts.file_count; i++) {
        la_path(path, "%s/%s", out, parts.files[i].entry->path);
        result = write_file(&parts.files[i], path, error);
    }
    la_parts_of_state_free(&parts);
    return result;
}

int la_space_make(const struct la_trail *trail, const struct la_choice *choice, const char *out, struct la_error *error)
{
    struct la_namings namings;
    la_namings_of(trail, (enum la_ending)choice->ending, choice->most, &namings);
    int result = make(trail, choice, &namings.items[choice->naming], out, error);
    la_namings_free(&namings);
    return result;
}
