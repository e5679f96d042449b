#include "crash/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/copy.h"
#include "base/thin.h"
#include "driver/journal_file.h"
#include "shared/file_table.h"

#define KEPT_NAME  "file.%u"
#define SIZE_LIMIT (UINT64_C(4) << 30) /* bytes of one file: all of it is held in memory */

/* A file's content while the journal is walked back. */
struct content {
    uint8_t *data;
    uint64_t size;
    uint64_t room;
    bool known;
};

struct reader {
    struct la_trail *trail;
    struct fi_journal *journal;
    struct content *contents; /* by file */
    const uint8_t *undo;
    uint64_t undo_size;
    uint64_t cut;
    struct la_error *error;
};

static int resize(struct reader *r, struct content *content, uint64_t size)
{
    if (size > SIZE_LIMIT)
        return la_fail(r->error, "journal: a file of %llu bytes", (unsigned long long)size);
    if (size > content->room) {
        content->data = la_realloc(content->data, size, 1);
        content->room = size;
    }
    if (size > content->size)
        memset(content->data + content->size, 0, size - content->size);
    content->size = size;
    return 0;
}

static int load_file(void *context, uint32_t file, const char *path, uint64_t size)
{
    struct reader *r = context;
    struct content *content = &r->contents[file];
    if (content->known)
        return 0;
    if (resize(r, content, size))
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return la_fail(r->error, "%s: %s", path, strerror(errno));
    uint64_t done = 0;
    ssize_t got = 1;
    for (; done < size && got > 0; done += got > 0 ? (uint64_t)got : 0)
        got = pread(fd, content->data + done, size - done, (off_t)done);
    int why = got < 0 ? errno : EIO;
    close(fd);
    content->known = true;
    if (done < size) /* zeros in place of it would be held against the server */
        return la_fail(r->error, "%s: read %llu of %llu bytes: %s", path, (unsigned long long)done,
                       (unsigned long long)size, strerror(why));
    return 0;
}

/* The index of a file by its inode; of a copy, which has another one, by its name. */
static uint32_t index_of(const struct fi_journal *journal, const FTSENT *entry, bool kept)
{
    unsigned int file;
    char name[32];
    if (entry->fts_info != FTS_F)
        return FI_NO_FILE;
    if (!kept)
        return fi_files_find(journal, entry->fts_statp->st_ino);
    if (entry->fts_level != 1 || sscanf(entry->fts_name, KEPT_NAME, &file) != 1 || file >= FI_FILES_MAX)
        return FI_NO_FILE;
    snprintf(name, sizeof name, KEPT_NAME, file);
    return strcmp(name, entry->fts_name) == 0 ? file : FI_NO_FILE;
}

typedef int (*visit_file)(void *context, uint32_t file, const char *path, uint64_t size);

/* Every regular file of the data directory, and every link that was kept of one that lost its name. */
static int visit_files(const struct fi_journal *journal, const char *side_dir, const char *data_dir, visit_file visit,
                       void *context, struct la_error *error)
{
    char *paths[] = {(char *)side_dir, (char *)data_dir, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int result = walk ? 0 : la_fail(error, "%s: %s", side_dir, strerror(errno));
    for (FTSENT *entry; !result && (entry = fts_read(walk));) {
        bool unread = entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS;
        if (unread)
            result = la_fail(error, "%s: %s", entry->fts_path, strerror(entry->fts_errno));
        uint32_t file = index_of(journal, entry, !data_dir);
        if (file != FI_NO_FILE)
            result = visit(context, file, entry->fts_path, (uint64_t)entry->fts_statp->st_size);
    }
    if (walk)
        fts_close(walk);
    return result;
}

static void map_undo(struct reader *r, const char *side_dir)
{
    char path[LA_PATH_MAX];
    struct stat st;
    la_path(path, "%s/%s", side_dir, FI_UNDO_NAME);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        r->undo = map == MAP_FAILED ? NULL : map;
        r->undo_size = map == MAP_FAILED ? 0 : (uint64_t)st.st_size;
    }
    close(fd);
}

/* Puts saved bytes back at `at`. */
static int restore(struct reader *r, const struct fi_record *record, struct content *content, uint64_t at)
{
    if (record->undo == FI_NO_UNDO)
        return 0;
    uint64_t length = record->undo_length;
    if (!r->undo || length > r->undo_size || record->undo > r->undo_size - length || length > content->size ||
        at > content->size - length)
        return la_fail(r->error, "journal: saved bytes are missing");
    memcpy(content->data + at, r->undo + record->undo, record->undo_length);
    return 0;
}

static int back_over_write(struct reader *r, const struct fi_record *record, struct content *content, uint64_t index)
{
    bool unknown = record->state != FI_RECORD_DONE; /* killed in it: as much of it as is there was written */
    uint64_t end = record->offset + record->length;
    if (unknown && record->offset > content->size)
        return 0;
    if (unknown && end > content->size)
        end = content->size;
    uint64_t length = end > record->offset ? end - record->offset : 0;
    if (record->offset > content->size || end > content->size)
        return la_fail(r->error, "journal: write %llu lies beyond its file", (unsigned long long)index);
    if (index < r->cut) {
        uint8_t *copy = la_alloc(length + 1, 1);
        memcpy(copy, content->data + record->offset, length);
        r->trail->owned[index] = copy;
        r->trail->changes[index].data = copy;
        r->trail->changes[index].length = length;
    }
    if (resize(r, content, record->old_size > content->size ? content->size : record->old_size))
        return -1;
    return record->undo == FI_NO_UNDO ? 0 : restore(r, record, content, record->offset);
}

static int back_over_truncate(struct reader *r, const struct fi_record *record, struct content *content)
{
    if (resize(r, content, record->old_size))
        return -1;
    return restore(r, record, content, record->length);
}

static int walk_back(struct reader *r, uint64_t index)
{
    const struct fi_record *record = &r->journal->records[index];
    bool data = record->op == FI_OP_WRITE || record->op == FI_OP_TRUNCATE || record->op == FI_OP_OPEN;
    if (!data || record->state == FI_RECORD_FREE || record->result < 0 || record->file >= FI_FILES_MAX)
        return 0;
    struct content *content = &r->contents[record->file];
    if (!content->known)
        return la_fail(r->error, "journal: the content of '%s' was not kept",
                       fi_journal_text(r->journal, r->journal->files[record->file].name));
    if (record->op == FI_OP_WRITE)
        return back_over_write(r, record, content, index);
    if (record->op == FI_OP_TRUNCATE)
        return back_over_truncate(r, record, content);
    if (!record->length || index >= r->cut)
        return 0;
    /* a file of the beginning: its content then is what its creation has brought */
    r->trail->owned[index] = la_alloc(content->size + 1, 1);
    memcpy(r->trail->owned[index], content->data, content->size);
    r->trail->changes[index].data = r->trail->owned[index];
    r->trail->changes[index].length = content->size;
    return 0;
}

static void describe(struct reader *r, uint64_t index)
{
    const struct fi_record *record = &r->journal->records[index];
    struct la_change *change = &r->trail->changes[index];
    bool known = record->state == FI_RECORD_DONE;
    *change = (struct la_change){
        .op = record->op,
        .file = record->file,
        .gone = record->gone,
        .finished = known && record->end <= r->cut,
        .begin = index,
        .end = known && record->end <= r->cut ? record->end : UINT64_MAX,
        .offset = record->offset,
        .length = record->length,
        .old_size = record->old_size,
        .name = fi_journal_text(r->journal, record->name),
        .name2 = fi_journal_text(r->journal, record->name2),
        .failed = known && record->result < 0,
        .durability = (record->flags & FI_RECORD_DURABLE) && known && record->end <= r->cut ? LA_DURABLE : LA_PENDING,
    };
    bool to_itself = record->op == FI_OP_RENAME && ((record->gone != FI_NO_FILE && record->gone == record->file) ||
                                                    !strcmp(change->name, change->name2));
    if (record->state == FI_RECORD_FREE || to_itself) /* killed before it began; or the kernel does nothing */
        change->failed = true;
}

bool la_change_is_meta(const struct la_change *change)
{
    return (FI_OPS_NAMES >> change->op & 1) || change->op == FI_OP_TRUNCATE;
}

static bool is_sync(const struct la_change *change)
{
    return (change->op == FI_OP_FSYNC || change->op == FI_OP_FDATASYNC) && change->finished;
}

/* The first of a chain of syncs that began after `moment`. */
static size_t first_after(const struct la_trail *trail, const size_t *next, size_t from, uint64_t moment)
{
    while (from != SIZE_MAX && trail->changes[from].begin < moment)
        from = next[from];
    return from;
}

/* Backwards, so that of every file the syncs to come are known: the first that began after a write decides. */
static void decide_durability(struct la_trail *trail)
{
    size_t *next = la_alloc(trail->count + 1, sizeof *next);
    size_t *head = la_alloc(FI_FILES_MAX, sizeof *head);
    size_t all = SIZE_MAX;
    for (size_t i = 0; i < FI_FILES_MAX; i++)
        head[i] = SIZE_MAX;
    for (size_t i = trail->count; i-- > 0;) {
        struct la_change *change = &trail->changes[i];
        size_t *list = change->file == FI_ALL_FILES ? &all : change->file < FI_FILES_MAX ? &head[change->file] : NULL;
        if (list && is_sync(change)) {
            next[i] = *list;
            *list = i;
        }
        bool data = change->op == FI_OP_WRITE || change->op == FI_OP_TRUNCATE || change->op == FI_OP_OPEN;
        if (!data || !change->finished || change->file >= FI_FILES_MAX || change->durability == LA_DURABLE)
            continue;
        size_t own = first_after(trail, next, head[change->file], change->end);
        size_t whole = first_after(trail, next, all, change->end);
        size_t first = own < whole ? own : whole;
        if (first != SIZE_MAX)
            change->durability = trail->changes[first].failed ? LA_DROPPED : LA_DURABLE;
    }
    free(next);
    free(head);
}

static int read_journal(struct reader *r, const char *side_dir, const char *data_dir)
{
    uint64_t count = fi_journal_count(r->journal);
    char why[256];
    if (fi_journal_incomplete(r->journal, why, sizeof why))
        return la_fail(r->error, "%s", why);
    r->cut = r->cut < count ? r->cut : count;
    r->trail->count = r->cut;
    r->trail->changes = la_alloc(r->cut + 1, sizeof *r->trail->changes);
    r->trail->owned = la_alloc(r->cut + 1, sizeof *r->trail->owned);
    for (uint64_t i = 0; i < r->cut; i++)
        describe(r, i);
    if (visit_files(r->journal, side_dir, data_dir, load_file, r, r->error))
        return -1;
    map_undo(r, side_dir);
    for (uint64_t i = count; i-- > 0;)
        if (walk_back(r, i))
            return -1;
    decide_durability(r->trail);
    return 0;
}

int la_trail_read(struct la_trail *trail, const char *side_dir, const char *data_dir, uint64_t cut,
                  struct la_error *error)
{
    *trail = (struct la_trail){0};
    struct reader r = {.trail = trail, .cut = cut, .error = error};
    r.journal = trail->journal = fi_journal_open(side_dir, error->text, sizeof error->text);
    if (!r.journal)
        return -1;
    r.contents = la_alloc(FI_FILES_MAX, sizeof *r.contents);
    int result = read_journal(&r, side_dir, data_dir);
    for (uint32_t i = 0; i < FI_FILES_MAX; i++)
        free(r.contents[i].data);
    free(r.contents);
    if (r.undo)
        munmap((void *)r.undo, r.undo_size);
    return result;
}

struct keeping {
    const char *to;
    struct la_error *error;
};

static int keep_file(void *context, uint32_t file, const char *path, uint64_t size)
{
    const struct keeping *keeping = context;
    char to[LA_PATH_MAX];
    (void)size;
    la_path(to, "%s/" KEPT_NAME, keeping->to, file);
    return la_copy_file(path, to, keeping->error);
}

static int keep_record(const char *side_dir, const char *name, const char *to, struct la_error *error)
{
    char from[LA_PATH_MAX];
    char path[LA_PATH_MAX];
    la_path(from, "%s/%s", side_dir, name);
    la_path(path, "%s/%s", to, name);
    if (access(from, F_OK)) /* nothing was saved in it */
        return 0;
    if (la_copy_file(from, path, error))
        return -1;
    la_thin(path);
    return 0;
}

int la_trail_keep(const struct la_trail *trail, const char *side_dir, const char *data_dir, const char *to,
                  struct la_error *error)
{
    struct keeping keeping = {to, error};
    return keep_record(side_dir, FI_JOURNAL_NAME, to, error) || keep_record(side_dir, FI_UNDO_NAME, to, error)
               ? -1
               : visit_files(trail->journal, side_dir, data_dir, keep_file, &keeping, error);
}

void la_trail_at(const struct la_trail *whole, uint64_t cut, struct la_trail *trail)
{
    *trail = (struct la_trail){.count = cut < whole->count ? cut : whole->count};
    trail->changes = la_alloc(trail->count + 1, sizeof *trail->changes);
    for (size_t i = 0; i < trail->count; i++) {
        struct la_change *change = &trail->changes[i];
        *change = whole->changes[i];
        change->finished = change->finished && change->end <= cut;
        if (!change->finished)
            change->end = UINT64_MAX;
        bool by_itself = whole->journal->records[i].flags & FI_RECORD_DURABLE;
        change->durability = by_itself && change->finished ? LA_DURABLE : LA_PENDING;
    }
    decide_durability(trail);
}

void la_trail_free(struct la_trail *trail)
{
    for (size_t i = 0; trail->owned && i < trail->count; i++)
        free(trail->owned[i]);
    free(trail->owned);
    free(trail->changes);
    fi_journal_close(trail->journal);
    *trail = (struct la_trail){0};
}
