#include "shim/revert.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "shim/pass.h"
#include "shim/record.h"
#include "shim/resolve.h"
#include "shim/state.h"

/* The records of one file since its last fsync: [first, last), and its size then. */
struct span {
    uint32_t file;
    uint64_t first;
    uint64_t last;
    uint64_t size;
};

static bool is_done(const struct fi_record *record)
{
    return atomic_load_explicit(&record->state, memory_order_acquire) == FI_RECORD_DONE && record->result >= 0;
}

static bool changes_content(const struct fi_record *record, uint32_t file)
{
    return record->file == file && (record->op == FI_OP_WRITE || record->op == FI_OP_TRUNCATE) && is_done(record);
}

/* A sync of it, or its creation. */
static bool begins_anew(const struct fi_record *record, uint32_t file)
{
    bool all = record->file == FI_ALL_FILES;
    bool sync = record->op == FI_OP_FSYNC || record->op == FI_OP_FDATASYNC;
    return is_done(record) &&
           ((sync && (all || record->file == file)) || (record->op == FI_OP_OPEN && record->file == file));
}

static struct span since_sync(const struct fi_journal *journal, uint32_t file)
{
    uint64_t next = atomic_load(&journal->next);
    struct span span = {.file = file, .last = next < FI_RECORDS_MAX ? next : FI_RECORDS_MAX};
    span.size = atomic_load(&journal->files[file].size);
    span.first = span.last;
    while (span.first && !begins_anew(&journal->records[span.first - 1], file)) {
        const struct fi_record *record = &journal->records[--span.first];
        if (changes_content(record, file))
            span.size = record->old_size;
    }
    return span;
}

static void pass(long number, uint32_t op, long fd, long a, long b, long c)
{
    struct fi_call call = {.row = fi_syscall_find(number), .op = op, .args = {fd, a, b, c}};
    fi_pass(&call);
}

/* Copies what a record has saved back to its place, as far as the file reached then. */
static void put_back(const struct fi_record *record, const struct span *span, long undo, long fd)
{
    uint8_t chunk[4096];
    uint64_t to = record->op == FI_OP_WRITE ? record->offset : record->length;
    for (uint64_t done = 0; record->undo != FI_NO_UNDO && done < record->undo_length && to + done < span->size;) {
        uint64_t size = record->undo_length - done < sizeof chunk ? record->undo_length - done : sizeof chunk;
        if (size > span->size - to - done)
            size = span->size - to - done;
        long got = FI_OWN(SYS_pread64, undo, (long)chunk, (long)size, (long)(record->undo + done));
        if (got <= 0)
            return;
        pass(SYS_pwrite64, FI_OP_WRITE, fd, (long)chunk, got, (long)(to + done));
        done += (uint64_t)got;
    }
}

/* The newest change is taken back first. */
static void take_back(const struct fi_journal *journal, const struct span *span, long undo, long fd)
{
    for (uint64_t i = span->last; i-- > span->first;)
        if (changes_content(&journal->records[i], span->file))
            put_back(&journal->records[i], span, undo, fd);
    struct stat st = {0};
    if (FI_OWN(SYS_fstat, fd, (long)&st) == 0 && (uint64_t)st.st_size != span->size)
        pass(SYS_ftruncate, FI_OP_TRUNCATE, fd, (long)span->size, 0, 0);
}

void fi_revert(const struct fi_call *call)
{
    char link[40];
    char undo_path[FI_PATH_MAX + 64];
    struct fi_journal *journal = fi_shim.journal;
    uint32_t file = journal ? fi_record_file((int)call->args[0]) : FI_NO_FILE;
    bool whole = journal && atomic_load(&journal->next) <= FI_RECORDS_MAX && !atomic_load(&journal->broken);
    if (file == FI_NO_FILE || !whole)
        return; /* what cannot be followed back makes the run inconclusive */
    fi_fd_link(link, (int)call->args[0]);
    fi_record_undo_path(undo_path);
    struct span span = since_sync(journal, file);
    /* a description of our own, without O_APPEND */
    long fd = FI_OWN(SYS_openat, AT_FDCWD, (long)link, O_RDWR | O_CLOEXEC);
    long undo = FI_OWN(SYS_openat, AT_FDCWD, (long)undo_path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && undo >= 0) {
        fi_fd_set((int)fd, FI_FD_WATCHED);
        take_back(journal, &span, undo, fd);
        fi_fd_set((int)fd, FI_FD_UNKNOWN);
    }
    if (fd >= 0)
        FI_OWN(SYS_close, fd);
    if (undo >= 0)
        FI_OWN(SYS_close, undo);
}
