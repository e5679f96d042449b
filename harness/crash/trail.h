/*
 * The trail: what the journal of a node says happened to its data directory, up to
 * a cut, with the data of every write. It is worked out backwards from the files as
 * they are now, so nothing may write to them meanwhile.
 */
#ifndef LASTACK_CRASH_TRAIL_H
#define LASTACK_CRASH_TRAIL_H

#include "base/util.h"
#include "shared/journal.h"

/* What a sync has done for a write or truncate. */
enum la_durability {
    LA_PENDING, /* nothing yet: it may be there after a power cut, or not */
    LA_DURABLE,
    LA_DROPPED /* an fsync that failed has taken it off the list: no later one will make it durable */
};

/* One operation on the directory. Texts and data belong to the trail. */
struct la_change {
    uint32_t op;                   /* enum fi_op, as in struct fi_record */
    uint32_t file;                 /* index, FI_NO_FILE or FI_ALL_FILES */
    uint32_t gone;                 /* rename: the file it replaced, or FI_NO_FILE */
    bool finished;                 /* false: it was under way when the power was cut */
    bool failed;                   /* it reported an error, or had no effect */
    enum la_durability durability; /* write, truncate */
    uint64_t begin;                /* moments, as in the journal: a before b is a.end <= b.begin */
    uint64_t end;                  /* UINT64_MAX: not finished */
    uint64_t offset;               /* write */
    uint64_t length;               /* write: bytes; truncate: the new size */
    uint64_t old_size;             /* write, truncate: of the file before */
    const uint8_t *data;           /* write: `length` bytes */
    const char *name;              /* path below the data directory; "": none */
    const char *name2;
};

struct la_trail {
    struct la_change *changes;
    size_t count;
    struct fi_journal *journal;
    uint8_t **owned; /* data, one block for each change that has some */
};

/*
 * Reads the journal in `side_dir` about `data_dir` (NULL: as la_trail_keep has left both in `side_dir`), up to the
 * moment `cut` (UINT64_MAX: to its end). -1 with `error` filled when the journal is incomplete or damaged. Released
 * with la_trail_free, also after a failure.
 */
int la_trail_read(struct la_trail *trail, const char *side_dir, const char *data_dir, uint64_t cut,
                  struct la_error *error);

/*
 * Copies what a trail was read from into the folder `to`, from where it can be read again, elsewhere too: files are
 * known by their inodes, which copies do not keep. -1 with `error` filled.
 */
int la_trail_keep(const struct la_trail *trail, const char *side_dir, const char *data_dir, const char *to,
                  struct la_error *error);

/*
 * The same up to an earlier moment of a trail that was read to its end, to be released before it: texts and data are
 * shared.
 */
void la_trail_at(const struct la_trail *whole, uint64_t cut, struct la_trail *trail);

void la_trail_free(struct la_trail *trail);

/* True when `change` is of a kind that file systems log in order: names, and truncates. */
bool la_change_is_meta(const struct la_change *change);

#endif
