#include "crash/state.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash/content.h"
#include "crash/names.h"

const char *la_crash_class_name(enum la_crash_class class)
{
    static const char *const names[LA_CRASH_CLASSES] = {
        [LA_CRASH_NAME_UNDONE] = "create or mkdir undone",
        [LA_CRASH_RENAME_UNDONE] = "rename undone",
        [LA_CRASH_UNLINK_UNDONE] = "unlink undone",
        [LA_CRASH_TRUNCATE_UNDONE] = "truncate undone",
        [LA_CRASH_NAME_KEPT] = "unforced metadata kept",
        [LA_CRASH_APPEND_LOST] = "append lost",
        [LA_CRASH_APPEND_KEPT] = "append kept",
        [LA_CRASH_APPEND_PARTLY] = "append kept in part",
        [LA_CRASH_HOLE] = "hole of zeros",
        [LA_CRASH_OVERWRITE_LOST] = "overwrite lost",
        [LA_CRASH_OVERWRITE_KEPT] = "overwrite kept",
    };
    return names[class];
}

const char *const la_policy_names[LA_POLICY_COUNT] = {
    [LA_POLICY_DROP] = "drop", [LA_POLICY_SUBSET] = "subset", [LA_POLICY_TEAR] = "tear"};

static uint64_t unit_of(enum la_fs profile, enum la_policy policy)
{
    return policy == LA_POLICY_TEAR ? LA_SECTOR : la_filesystems[profile].unit;
}

/* ---- what a cut did, for the statistics ---- */

static void classify_names(const struct la_trail *trail, size_t forced, size_t upto, uint32_t *classes)
{
    for (size_t i = forced; i < trail->count; i++) {
        const struct la_change *change = &trail->changes[i];
        if (change->failed || !la_change_is_meta(change))
            continue;
        enum la_crash_class class = LA_CRASH_NAME_UNDONE;
        if (i < upto)
            class = LA_CRASH_NAME_KEPT;
        else if (change->op == FI_OP_RENAME)
            class = LA_CRASH_RENAME_UNDONE;
        else if (change->op == FI_OP_UNLINK)
            class = LA_CRASH_UNLINK_UNDONE;
        else if (change->op == FI_OP_TRUNCATE)
            class = LA_CRASH_TRUNCATE_UNDONE;
        *classes |= 1U << class;
    }
}

static void classify_size(const struct la_content *content, uint64_t size, uint32_t *classes)
{
    if (content->most <= content->least)
        return;
    *classes |= 1U << (size == content->least  ? LA_CRASH_APPEND_LOST
                       : size == content->most ? LA_CRASH_APPEND_KEPT
                                               : LA_CRASH_APPEND_PARTLY);
}

static bool touched(const struct la_content *content, uint64_t unit)
{
    for (size_t i = 0; i < content->pending_count; i++) {
        const struct la_change *change = &content->trail->changes[content->pending[i]];
        if (change->op == FI_OP_WRITE && change->offset < (unit + 1) * content->unit &&
            change->offset + change->length > unit * content->unit)
            return true;
    }
    return false;
}

static void classify_unit(const struct la_content *content, uint64_t unit, unsigned int version, uint32_t *classes)
{
    if (!touched(content, unit))
        return;
    bool durable = unit * content->unit < content->solid;
    if (durable)
        *classes |= 1U << (version ? LA_CRASH_OVERWRITE_KEPT : LA_CRASH_OVERWRITE_LOST);
    else if (!version)
        *classes |= 1U << LA_CRASH_HOLE;
}

/* ---- making a state ---- */

struct maker {
    const struct la_trail *trail;
    const struct la_crash_spec *spec;
    const char *out;
    uint64_t random;
    size_t upto;
    uint32_t classes;
    struct la_error *error;
};

struct pick {
    unsigned int wanted; /* how many versions to pass over; UINT_MAX while they are being counted */
    unsigned int seen;
    unsigned int version;
    uint8_t *to;
};

static bool pick_version(void *context, const uint8_t *bytes, uint64_t length, unsigned int version)
{
    struct pick *pick = context;
    if (pick->seen++ != pick->wanted)
        return false;
    memcpy(pick->to, bytes, length);
    pick->version = version;
    return true;
}

static void fill_unit(struct maker *maker, const struct la_content *content, uint64_t unit, uint64_t size, uint8_t *to)
{
    struct pick pick = {.wanted = 0, .to = to};
    if (maker->spec->policy != LA_POLICY_DROP) {
        struct pick count = {.wanted = UINT_MAX};
        la_content_versions(content, unit, size, pick_version, &count);
        pick.wanted = (unsigned int)(la_random(&maker->random) % count.seen);
    }
    la_content_versions(content, unit, size, pick_version, &pick);
    classify_unit(content, unit, pick.version, &maker->classes);
}

static int write_content(struct maker *maker, const struct la_content *content, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    uint64_t size =
        maker->spec->policy == LA_POLICY_DROP ? content->least : la_content_random_size(content, &maker->random);
    if (fd < 0 || ftruncate(fd, (off_t)size)) {
        la_fail(maker->error, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    classify_size(content, size, &maker->classes);
    uint64_t units = (size + content->unit - 1) / content->unit;
    uint8_t bytes[LA_PAGE];
    int result = 0;
    for (uint64_t unit = 0; !result && unit < units; unit++) {
        uint64_t at = unit * content->unit;
        uint64_t length = size - at < content->unit ? size - at : content->unit;
        fill_unit(maker, content, unit, size, bytes);
        if (pwrite(fd, bytes, length, (off_t)at) != (ssize_t)length)
            result = la_fail(maker->error, "%s: %s", path, strerror(errno));
    }
    close(fd);
    return result;
}

static int write_entry(struct maker *maker, const struct la_entry *entry)
{
    char path[LA_PATH_MAX];
    struct la_content content;
    la_path(path, "%s/%s", maker->out, entry->path);
    if (entry->kind == LA_ENTRY_DIR)
        return mkdir(path, 0755) ? la_fail(maker->error, "%s: %s", path, strerror(errno)) : 0;
    if (entry->kind == LA_ENTRY_LINK)
        return symlink(entry->target, path) ? la_fail(maker->error, "%s: %s", path, strerror(errno)) : 0;
    la_content_of(&content, maker->trail, entry->file, maker->spec->profile, maker->upto,
                  unit_of(maker->spec->profile, maker->spec->policy));
    int result = write_content(maker, &content, path);
    la_content_free(&content);
    return result;
}

/* The next moment, from `from` on, at which the metadata changes. */
static size_t next_meta(const struct la_trail *trail, size_t from)
{
    while (from < trail->count && (trail->changes[from].failed || !la_change_is_meta(&trail->changes[from])))
        from++;
    return from;
}

static size_t choose_prefix(struct maker *maker, size_t forced)
{
    size_t choices = 1;
    for (size_t at = next_meta(maker->trail, forced); at < maker->trail->count; at = next_meta(maker->trail, at + 1))
        choices++;
    size_t upto = forced;
    for (size_t left = la_random(&maker->random) % choices; left; left--)
        upto = next_meta(maker->trail, upto) + 1;
    return upto;
}

static size_t pick_name(void *random, size_t path, size_t values)
{
    (void)path;
    return la_random(random) % values;
}

int la_crash_write(const struct la_trail *trail, const struct la_crash_spec *spec, const char *out, uint32_t *classes,
                   struct la_error *error)
{
    struct maker maker = {trail, spec, out, spec->seed, 0, 0, error};
    struct la_names names;
    bool drop = spec->policy == LA_POLICY_DROP;
    if (!la_filesystems[spec->profile].ordered) {
        la_names_choose(trail, drop ? NULL : pick_name, &maker.random, &names);
    } else {
        size_t forced = la_names_forced(trail, spec->profile);
        maker.upto = drop ? forced : choose_prefix(&maker, forced);
        classify_names(trail, forced, maker.upto, &maker.classes);
        la_names_apply(trail, maker.upto, &names);
    }
    int result = 0;
    for (size_t i = 0; !result && i < names.count; i++)
        result = write_entry(&maker, &names.entries[i]);
    la_names_free(&names);
    if (classes)
        *classes = maker.classes;
    return result;
}

/* ---- judging a state ---- */

struct checker {
    const struct la_trail *trail;
    enum la_fs profile;
    const char *real;
    size_t upto;
    uint32_t classes;
    bool inside; /* `why` speaks of a file's content */
    struct la_error *why;
};

struct compare {
    const uint8_t *real;
    unsigned int version;
};

static bool same_bytes(void *context, const uint8_t *bytes, uint64_t length, unsigned int version)
{
    struct compare *compare = context;
    compare->version = version;
    return !memcmp(compare->real, bytes, length);
}

static bool content_possible(struct checker *checker, const struct la_content *content, const struct la_entry *entry,
                             const uint8_t *bytes, uint64_t size)
{
    if (!la_content_size_possible(content, size)) {
        la_fail(checker->why, "'%s' has %llu bytes; durable are %llu, and it never had more than %llu since",
                entry->path, (unsigned long long)size, (unsigned long long)content->least,
                (unsigned long long)content->most);
        return false;
    }
    classify_size(content, size, &checker->classes);
    for (uint64_t unit = 0; unit * content->unit < size; unit++) {
        struct compare compare = {bytes + unit * content->unit, 0};
        if (!la_content_versions(content, unit, size, same_bytes, &compare)) {
            unsigned long long from = unit * content->unit;
            la_fail(checker->why, "'%s', bytes %llu to %llu: neither what is durable nor what was written since",
                    entry->path, from, from + content->unit - 1);
            return false;
        }
        classify_unit(content, unit, compare.version, &checker->classes);
    }
    return true;
}

static bool file_possible(struct checker *checker, const struct la_entry *entry)
{
    char path[LA_PATH_MAX];
    struct stat st;
    struct la_content content;
    la_path(path, "%s/%s", checker->real, entry->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st)) {
        la_fail(checker->why, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    uint8_t *bytes = la_alloc((size_t)st.st_size + 1, 1);
    bool possible = read(fd, bytes, (size_t)st.st_size) == st.st_size;
    close(fd);
    la_content_of(&content, checker->trail, entry->file, checker->profile, checker->upto,
                  unit_of(checker->profile, LA_POLICY_SUBSET));
    possible = possible && content_possible(checker, &content, entry, bytes, (uint64_t)st.st_size);
    la_content_free(&content);
    free(bytes);
    return possible;
}

static int read_real(const char *real, struct la_names *names, struct la_error *error)
{
    char *paths[] = {(char *)real, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    size_t skip = strlen(real) + 1;
    *names = (struct la_names){0};
    if (!walk)
        return la_fail(error, "%s: %s", real, strerror(errno));
    for (FTSENT *found; (found = fts_read(walk));) {
        bool file = found->fts_info == FTS_F;
        bool dir = found->fts_info == FTS_D && found->fts_level > 0;
        bool link = found->fts_info == FTS_SL || found->fts_info == FTS_SLNONE;
        if (!file && !dir && !link)
            continue;
        names->entries = la_realloc(names->entries, names->count + 1, sizeof *names->entries);
        struct la_entry *entry = &names->entries[names->count++];
        *entry = (struct la_entry){la_strdup(found->fts_path + skip),
                                   file  ? LA_ENTRY_FILE
                                   : dir ? LA_ENTRY_DIR
                                         : LA_ENTRY_LINK,
                                   FI_NO_FILE, NULL};
        char target[PATH_MAX] = "";
        ssize_t length = link ? readlink(found->fts_path, target, sizeof target - 1) : -1;
        if (length >= 0)
            entry->target = la_strdup(target);
    }
    fts_close(walk);
    return 0;
}

static void free_real(struct la_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free((char *)names->entries[i].target);
    la_names_free(names);
}

/* The same names of the same kinds; the first difference goes to `why`. */
static bool same_names(const struct la_names *real, const struct la_names *model, struct la_error *why)
{
    for (size_t i = 0; i < real->count; i++) {
        const struct la_entry *mine = &real->entries[i];
        const struct la_entry *theirs = la_names_find(model, mine->path);
        bool same = theirs && theirs->kind == mine->kind &&
                    (mine->kind != LA_ENTRY_LINK || !strcmp(mine->target, theirs->target));
        if (!same) {
            la_fail(why, "'%s' is there, and cannot be", mine->path);
            return false;
        }
    }
    for (size_t i = 0; i < model->count; i++)
        if (!la_names_find(real, model->entries[i].path)) {
            la_fail(why, "'%s' is gone, and cannot be", model->entries[i].path);
            return false;
        }
    return true;
}

static bool files_possible(struct checker *checker, const struct la_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->entries[i].kind == LA_ENTRY_FILE && !file_possible(checker, &names->entries[i]))
            return false;
    return true;
}

/* Under posix the files that a name may stand for are told apart by content alone: any of them will do. */
static bool posix_possible(struct checker *checker, struct la_names *real)
{
    if (!la_names_possible(checker->trail, real, checker->why))
        return false;
    for (size_t i = 0; i < real->count; i++) {
        struct la_entry *entry = &real->entries[i];
        bool possible = entry->kind != LA_ENTRY_FILE;
        for (size_t c = 0; !possible && c < checker->trail->count; c++) {
            const struct la_change *change = &checker->trail->changes[c];
            bool names_it = !strcmp(change->name, entry->path) || !strcmp(change->name2, entry->path);
            entry->file = change->file;
            possible = names_it && change->file < FI_FILES_MAX && file_possible(checker, entry);
        }
        if (!possible)
            return false;
    }
    return true;
}

static bool prefix_possible(struct checker *checker, const struct la_names *real, size_t forced, size_t upto)
{
    struct la_names names;
    struct la_error before = *checker->why;
    checker->upto = upto;
    checker->classes = 0;
    la_names_apply(checker->trail, upto, &names);
    bool same = same_names(real, &names, checker->why);
    bool possible = same && files_possible(checker, &names);
    /* what is wrong inside a file says more than that the names are those of another moment */
    if (checker->inside)
        *checker->why = before;
    checker->inside = checker->inside || same;
    if (possible)
        classify_names(checker->trail, forced, upto, &checker->classes);
    la_names_free(&names);
    return possible;
}

bool la_crash_allows(const struct la_trail *trail, enum la_fs profile, const char *real, uint32_t *classes,
                     struct la_error *why)
{
    struct checker checker = {.trail = trail, .profile = profile, .real = real, .why = why};
    struct la_names names;
    why->text[0] = '\0';
    bool possible = false;
    if (read_real(real, &names, why) == 0) {
        size_t forced = la_names_forced(trail, profile);
        if (!la_filesystems[profile].ordered) {
            possible = posix_possible(&checker, &names);
        } else {
            for (size_t upto = forced; !possible; upto = next_meta(trail, upto) + 1) {
                possible = prefix_possible(&checker, &names, forced, upto);
                if (next_meta(trail, upto) == trail->count)
                    break;
            }
        }
    }
    free_real(&names);
    if (classes)
        *classes = checker.classes;
    return possible;
}
