/*
 * The contract's second half: the journal, a file that every process under
 * injection maps shared. It records what changes the data directory, in order
 * across processes, so that its state after a power cut at any operation can be
 * worked out afterwards:
 *
 *   - what was appended is read back from the live file later, so it costs nothing here;
 *   - what is overwritten or truncated is saved first, to the file `undo`;
 *   - what is unlinked or renamed over keeps a hard link, `kept-N`, N being its inode.
 *
 * A record is claimed before its system call and finished after it. Its index is
 * the moment it began; `end` is the index that the next record had when it
 * finished. So a before b means a.end <= index of b; otherwise they overlapped.
 *
 * The files lie in the side directory: journal (this layout), undo, kept-N.
 */
#ifndef FAULTINJECT_SHARED_JOURNAL_H
#define FAULTINJECT_SHARED_JOURNAL_H

#include <stdbool.h>

#include "shared/control_block.h"

#define FI_JOURNAL_MAGIC   UINT64_C(0x4c4e524a54464c41)
#define FI_JOURNAL_VERSION 3
#define FI_JOURNAL_NAME    "journal"
#define FI_UNDO_NAME       "undo"
#define FI_KEPT_FORMAT     "kept-%llu"

enum {
    FI_RECORDS_MAX = 1 << 18,
    FI_FILES_MAX = 1 << 14, /* a power of two: it is a hash table */
    FI_NAMES_MAX = 4 << 20, /* bytes */
};
#define FI_NO_FILE   UINT32_MAX
#define FI_ALL_FILES (UINT32_MAX - 1)
#define FI_NO_UNDO   UINT64_MAX

enum fi_record_state { FI_RECORD_FREE, FI_RECORD_BEGUN, FI_RECORD_DONE };

/* Flags of a record. */
enum { FI_RECORD_DURABLE = 1 /* the write was made with RWF_DSYNC or RWF_SYNC */ };

/*
 * The first records are the directory as it was found: mkdir, open (with the file's size as `length`)
 * and link, and at their end an fsync of all files.
 *
 * One operation. `op` is an enum fi_op: write, truncate, fsync, fdatasync, fsync-dir,
 * open (which created the file), rename, unlink, mkdir, link. rmdir is an unlink with
 * no file. A symbolic link is a link with no file, its text in `name2`.
 */
struct fi_record {
    _Atomic uint32_t state;
    uint16_t op;
    uint16_t flags;
    uint32_t file;        /* what it is about: index into files, or FI_NO_FILE, FI_ALL_FILES */
    uint32_t gone;        /* rename: the file that lost its name to it; FI_NO_FILE: none */
    uint64_t time_ns;     /* CLOCK_MONOTONIC, of its begin */
    uint64_t offset;      /* write */
    uint64_t length;      /* write: bytes asked for, then written; truncate: the new size */
    uint64_t old_size;    /* write, truncate: of the file before */
    uint64_t undo;        /* write, truncate: where in `undo` the old bytes stand; FI_NO_UNDO: none */
    uint64_t undo_length; /* bytes from `offset` (write) or `length` (truncate) on */
    uint32_t name;        /* offset into names: path below the data directory; 0: none */
    uint32_t name2;       /* rename, link: where it went */
    int32_t result;       /* negative errno, or 0 */
    uint32_t role;
    _Atomic uint64_t done_ns; /* fi_record_syncs: CLOCK_MONOTONIC, before whoever made it could go on; 0: under way */
    _Atomic uint64_t end;
};

/* When it is done something is durable that was not: then it notes the time, too. */
static inline bool fi_record_syncs(const struct fi_record *record)
{
    return (FI_OPS_SYNC >> record->op & 1) || record->flags & FI_RECORD_DURABLE;
}

/* A regular file, by inode number: kept links see to it that none is used twice. */
struct fi_file {
    _Atomic uint64_t inode;              /* 0: free */
    _Atomic uint64_t size;               /* bytes, after what has been recorded */
    _Atomic uint32_t writers;            /* calls on their way that change its content */
    _Atomic uint32_t name;               /* the path under which it was met first */
    _Atomic uint64_t ops[FI_OP_COUNT];   /* operations that reached the kernel and succeeded */
    _Atomic uint64_t bytes[FI_OP_COUNT]; /* of write and read */
};

struct fi_journal {
    uint64_t magic;
    uint32_t version;
    uint32_t full_names; /* spare */
    uint64_t size;
    uint64_t device;         /* of the data directory */
    _Atomic uint64_t next;   /* records claimed; above FI_RECORDS_MAX the rest found no room */
    _Atomic uint64_t named;  /* bytes of names claimed; the first byte is never used */
    _Atomic uint64_t undone; /* bytes of `undo` claimed */
    _Atomic uint32_t broken; /* errno: something could not be recorded, no state can be derived */
    struct fi_file files[FI_FILES_MAX];
    struct fi_record records[FI_RECORDS_MAX];
    char names[FI_NAMES_MAX];
};

#endif
