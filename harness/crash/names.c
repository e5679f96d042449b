#include "crash/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct la_entry *)a)->path, ((const struct la_entry *)b)->path);
}

static size_t place_of(const struct la_names *names, const char *path)
{
    size_t i = 0;
    while (i < names->count && strcmp(names->entries[i].path, path) != 0)
        i++;
    return i;
}

const struct la_entry *la_names_find(const struct la_names *names, const char *path)
{
    size_t at = place_of(names, path);
    return at < names->count ? &names->entries[at] : NULL;
}

static void drop(struct la_names *names, const char *path)
{
    size_t at = place_of(names, path);
    if (!names->entries || at == names->count)
        return;
    free(names->entries[at].path);
    names->entries[at] = names->entries[--names->count];
}

static void put(struct la_names *names, const char *path, struct la_entry entry)
{
    drop(names, path);
    names->entries = la_realloc(names->entries, names->count + 1, sizeof *names->entries);
    entry.path = la_strdup(path);
    names->entries[names->count++] = entry;
}

/* What lies below a directory moves with it. */
static void move_below(struct la_names *names, const char *from, const char *to)
{
    size_t length = strlen(from);
    for (size_t i = 0; i < names->count; i++) {
        char *path = names->entries[i].path;
        if (strncmp(path, from, length) != 0 || path[length] != '/')
            continue;
        names->entries[i].path = la_format("%s%s", to, path + length);
        free(path);
    }
}

static void apply(struct la_names *names, const struct la_change *change)
{
    struct la_entry entry = {NULL, LA_ENTRY_FILE, change->file, NULL};
    const struct la_entry *old;
    switch (change->op) {
    case FI_OP_OPEN: put(names, change->name, entry); break;
    case FI_OP_MKDIR: put(names, change->name, (struct la_entry){NULL, LA_ENTRY_DIR, FI_NO_FILE, NULL}); break;
    case FI_OP_UNLINK: drop(names, change->name); break;
    case FI_OP_LINK:
        if (change->file < FI_FILES_MAX)
            put(names, change->name2, entry);
        else
            put(names, change->name, (struct la_entry){NULL, LA_ENTRY_LINK, FI_NO_FILE, change->name2});
        break;
    case FI_OP_RENAME:
        old = la_names_find(names, change->name);
        if (!old)
            break;
        entry = *old;
        drop(names, change->name);
        put(names, change->name2, entry);
        if (entry.kind == LA_ENTRY_DIR)
            move_below(names, change->name, change->name2);
        break;
    default: break;
    }
}

void la_names_apply(const struct la_trail *trail, size_t upto, struct la_names *names)
{
    *names = (struct la_names){0};
    for (size_t i = 0; i < upto && i < trail->count; i++)
        if (!trail->changes[i].failed && la_change_is_meta(&trail->changes[i]))
            apply(names, &trail->changes[i]);
    if (names->count)
        qsort(names->entries, names->count, sizeof *names->entries, by_path);
}

void la_names_free(struct la_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->entries[i].path);
    free(names->entries);
    *names = (struct la_names){0};
}

/* ---- ordered file systems: what is forced ---- */

/* Whether `path` is in the directory `dir` ("." is the top). */
static bool lies_in(const char *path, const char *dir)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (!*path)
        return false;
    if (!strcmp(dir, ".") || !*dir)
        return !slash;
    return strlen(dir) == length && !strncmp(path, dir, length);
}

/* A symbolic link's second text is where it points, not a name. */
static bool changes_entry_in(const struct la_change *change, const char *dir)
{
    bool second = change->op == FI_OP_RENAME || (change->op == FI_OP_LINK && change->file < FI_FILES_MAX);
    bool first = change->op != FI_OP_LINK || change->file >= FI_FILES_MAX;
    return (first && lies_in(change->name, dir)) || (second && lies_in(change->name2, dir));
}

/*
 * Lazy sizes (ext4): what was delayed has no size on disk yet. To cut it off changes none, and fdatasync then has
 * nothing to commit for this file.
 */
static bool cuts_short(const struct la_change *change, const struct la_change *sync, enum la_fs profile)
{
    return la_filesystems[profile].lazy_sizes && sync->op == FI_OP_FDATASYNC && change->file == sync->file &&
           change->op == FI_OP_TRUNCATE && change->length < change->old_size;
}

/* A change after which a sync of the file has something to commit to the log. */
static bool dirties(const struct la_change *change, const struct la_change *sync, bool cut_short)
{
    bool lightly = sync->op == FI_OP_FDATASYNC; /* leaves alone what only touches the times */
    if (change->failed || change->file != sync->file)
        return false;
    switch (change->op) {
    case FI_OP_OPEN: return true;
    case FI_OP_TRUNCATE: return change->length != change->old_size && !cut_short;
    case FI_OP_WRITE: return change->offset + change->length > change->old_size && !cut_short;
    case FI_OP_RENAME:
    case FI_OP_LINK:
    case FI_OP_UNLINK: return !lightly;
    default: return false;
    }
}

/* The last change that a sync has forced into the log, as an index into the trail plus 1; 0: none. */
static size_t forced_by(const struct la_trail *trail, size_t at, enum la_fs profile)
{
    const struct la_change *sync = &trail->changes[at];
    bool cut_short = false;
    if (!sync->finished || sync->failed)
        return 0;
    for (size_t i = at; i-- > 0;) {
        const struct la_change *change = &trail->changes[i];
        if (change->end > sync->begin)
            continue;
        bool meta = !change->failed && la_change_is_meta(change);
        cut_short = cut_short || cuts_short(change, sync, profile);
        if (sync->file == FI_ALL_FILES && meta)
            return i + 1;
        if (sync->op == FI_OP_FSYNC_DIR && meta && changes_entry_in(change, sync->name))
            return i + 1;
        if (sync->op != FI_OP_FSYNC_DIR && sync->file < FI_FILES_MAX && dirties(change, sync, cut_short))
            return i + 1;
    }
    return 0;
}

size_t la_names_forced(const struct la_trail *trail, enum la_fs profile)
{
    size_t forced = 0;
    if (!la_filesystems[profile].ordered)
        return 0;
    for (size_t i = trail->count; i-- > forced;) { /* a sync forces nothing later than itself */
        const struct la_change *change = &trail->changes[i];
        if (!(FI_OPS_SYNC >> change->op & 1))
            continue;
        size_t by = forced_by(trail, i, profile);
        forced = by > forced ? by : forced;
    }
    return forced;
}

/* ---- posix: every name for itself ---- */

/* What one change makes of one path; false: it does not touch it. */
static bool makes_of(const struct la_change *change, const char *path, struct la_entry *value, bool *there)
{
    bool hard = change->op == FI_OP_LINK && change->file < FI_FILES_MAX;
    bool new_name = (change->op == FI_OP_RENAME || hard) && !strcmp(change->name2, path);
    bool name = !hard && !strcmp(change->name, path);
    if (change->failed || !(FI_OPS_NAMES >> change->op & 1) || !(name || new_name))
        return false;
    *value = (struct la_entry){NULL, LA_ENTRY_FILE, change->file, NULL};
    *there = new_name || (change->op != FI_OP_UNLINK && change->op != FI_OP_RENAME);
    if (change->op == FI_OP_MKDIR || (change->op == FI_OP_RENAME && change->file == FI_NO_FILE))
        value->kind = LA_ENTRY_DIR;
    if (change->op == FI_OP_LINK && !hard) {
        value->kind = LA_ENTRY_LINK;
        value->target = change->name2;
    }
    return true;
}

/* A completed fsync of the directory, or of everything, began after the change. */
static bool name_is_durable(const struct la_trail *trail, size_t at, const char *path)
{
    for (size_t i = at + 1; i < trail->count; i++) {
        const struct la_change *sync = &trail->changes[i];
        bool all = sync->file == FI_ALL_FILES && sync->op == FI_OP_FSYNC;
        bool ours = all || (sync->op == FI_OP_FSYNC_DIR && lies_in(path, sync->name));
        if (ours && sync->finished && !sync->failed && trail->changes[at].end <= sync->begin)
            return true;
    }
    return false;
}

/* The values that a path can have: `count` of them, the durable one first. At most `max`. */
struct value {
    struct la_entry entry;
    bool there;
};

static size_t values_of(const struct la_trail *trail, const char *path, struct value *values, size_t max)
{
    size_t count = 1;
    values[0] = (struct value){{NULL, LA_ENTRY_FILE, FI_NO_FILE, NULL}, false};
    for (size_t i = 0; i < trail->count; i++) {
        struct value value;
        if (!makes_of(&trail->changes[i], path, &value.entry, &value.there))
            continue;
        if (name_is_durable(trail, i, path))
            count = 0;
        if (count < max)
            values[count++] = value;
    }
    return count;
}

enum { VALUES_MAX = 64 };

/* Every path that ever was, parents first. */
static void all_paths(const struct la_trail *trail, struct la_names *paths)
{
    struct la_entry any = {0};
    *paths = (struct la_names){0};
    for (size_t i = 0; i < trail->count; i++) {
        const struct la_change *change = &trail->changes[i];
        if (change->failed || !(FI_OPS_NAMES >> change->op & 1))
            continue;
        bool hard = change->op == FI_OP_LINK && change->file < FI_FILES_MAX;
        if (*change->name)
            put(paths, change->name, any);
        if (change->op == FI_OP_RENAME || hard)
            put(paths, change->name2, any);
    }
    if (paths->count)
        qsort(paths->entries, paths->count, sizeof *paths->entries, by_path);
}

static bool parent_is_there(const struct la_names *names, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return true;
    char *parent = la_format("%.*s", (int)(slash - path), path);
    const struct la_entry *entry = la_names_find(names, parent);
    free(parent);
    return entry && entry->kind == LA_ENTRY_DIR;
}

void la_names_choose(const struct la_trail *trail, la_names_pick pick, void *context, struct la_names *names)
{
    struct la_names paths;
    struct value values[VALUES_MAX];
    *names = (struct la_names){0};
    all_paths(trail, &paths);
    for (size_t i = 0; i < paths.count; i++) {
        const char *path = paths.entries[i].path;
        size_t count = values_of(trail, path, values, VALUES_MAX);
        const struct value *value = &values[pick ? pick(context, i, count) : 0];
        if (value->there && parent_is_there(names, path))
            put(names, path, value->entry);
    }
    if (names->count)
        qsort(names->entries, names->count, sizeof *names->entries, by_path);
    la_names_free(&paths);
}

static bool same_entry(const struct la_entry *a, const struct la_entry *b)
{
    return a->kind == b->kind && (a->kind != LA_ENTRY_LINK || !strcmp(a->target, b->target));
}

bool la_names_possible(const struct la_trail *trail, const struct la_names *names, struct la_error *why)
{
    struct la_names paths;
    struct value values[VALUES_MAX];
    bool possible = true;
    all_paths(trail, &paths);
    for (size_t i = 0; possible && i < paths.count; i++) {
        const char *path = paths.entries[i].path;
        const struct la_entry *real = la_names_find(names, path);
        size_t count = values_of(trail, path, values, VALUES_MAX);
        possible = !real && !parent_is_there(names, path);
        for (size_t v = 0; v < count; v++)
            possible = possible || (values[v].there ? real && same_entry(real, &values[v].entry) : !real);
        if (!possible)
            la_fail(why, "'%s' is %s, which it cannot be", path, real ? "there" : "gone");
    }
    la_names_free(&paths);
    return possible;
}
