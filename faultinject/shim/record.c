#include "shim/record.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/file_table.h"
#include "shim/resolve.h"
#include "shim/state.h"

static void broken(int error)
{
    atomic_store(&fi_shim.journal->broken, (uint32_t)error);
}

/* ---- files ---- */

static uint32_t enter(const struct stat *st, const char *path)
{
    if (st->st_dev != fi_shim.journal->device) {
        broken(EXDEV); /* a mount below the data directory: inode numbers are not enough there */
        return FI_NO_FILE;
    }
    return fi_files_enter(fi_shim.journal, st->st_ino, (uint64_t)st->st_size, path);
}

static uint32_t file_of_fd(int fd, const char *path)
{
    bool cached = fd >= 0 && fd < FI_FD_MAX;
    uint32_t known = cached ? atomic_load_explicit(&fi_shim.files[fd], memory_order_relaxed) : 0;
    if (known)
        return known - 1;
    struct stat st = {0};
    char below[FI_PATH_MAX];
    if (FI_OWN(SYS_fstat, fd, (long)&st) || !S_ISREG(st.st_mode))
        return FI_NO_FILE;
    if (!path)
        path = fi_resolve_fd(fd, below) ? below : NULL;
    uint32_t file = enter(&st, path);
    if (cached && file != FI_NO_FILE)
        atomic_store_explicit(&fi_shim.files[fd], file + 1, memory_order_relaxed);
    return file;
}

uint32_t fi_record_file(int fd)
{
    return file_of_fd(fd, NULL);
}

/* The regular file that a path names, FI_NO_FILE when it names none. Links are not followed. */
static uint32_t file_at(int dirfd, const char *path, const char *below)
{
    struct stat st = {0};
    if (FI_OWN(SYS_newfstatat, dirfd, (long)path, (long)&st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
        return FI_NO_FILE;
    return enter(&st, below);
}

/* ---- what must be saved before it is gone ---- */

static char *append_text(char *at, const char *text)
{
    size_t length = strlen(text);
    memcpy(at, text, length + 1);
    return at + length;
}

static void side_path(char out[FI_PATH_MAX + 64], const char *name)
{
    append_text(append_text(append_text(out, fi_shim.control->side_dir), "/"), name);
}

void fi_record_undo_path(char out[FI_PATH_MAX + 64])
{
    side_path(out, FI_UNDO_NAME);
}

/* A hard link, so that the content outlives the name. Two links of one file are one too many, not wrong. */
static void keep_link(int dirfd, const char *path, uint64_t inode)
{
    char kept[FI_PATH_MAX + 64];
    char name[32] = "kept-";
    char digits[24];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + inode % 10);
    while ((inode /= 10) != 0);
    size_t at = strlen(name);
    while (count)
        name[at++] = digits[--count];
    name[at] = '\0';
    side_path(kept, name);
    long result = FI_OWN(SYS_linkat, dirfd, (long)path, AT_FDCWD, (long)kept, 0);
    if (result < 0 && result != -EEXIST)
        broken((int)-result);
}

static void keep_name_of(int dirfd, const char *path, uint32_t file)
{
    if (file != FI_NO_FILE)
        keep_link(dirfd, path, atomic_load(&fi_shim.journal->files[file].inode));
}

/* Copies bytes [from, to) of a file to the undo file. */
static void keep_bytes(struct fi_record *record, const char *path, uint64_t from, uint64_t to)
{
    if (to <= from)
        return;
    char undo_path[FI_PATH_MAX + 64];
    fi_record_undo_path(undo_path);
    long in = FI_OWN(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC);
    long out = FI_OWN(SYS_openat, AT_FDCWD, (long)undo_path, O_WRONLY | O_CLOEXEC);
    record->undo = atomic_fetch_add(&fi_shim.journal->undone, to - from);
    record->undo_length = to - from;
    int64_t source = (int64_t)from;
    int64_t target = (int64_t)record->undo;
    long error = in < 0 ? in : out < 0 ? out : 0;
    while (!error && source < (int64_t)to) {
        long moved = FI_OWN(SYS_copy_file_range, in, (long)&source, out, (long)&target, (int64_t)to - source, 0);
        error = moved < 0 ? moved : moved == 0 ? -EIO : 0;
    }
    if (in >= 0)
        FI_OWN(SYS_close, in);
    if (out >= 0)
        FI_OWN(SYS_close, out);
    if (error)
        broken((int)-error);
}

/* ---- records ---- */

static struct fi_record *claim(uint32_t op, uint32_t file)
{
    uint64_t slot = atomic_fetch_add(&fi_shim.journal->next, 1);
    if (slot >= FI_RECORDS_MAX)
        return NULL;
    struct fi_record *record = &fi_shim.journal->records[slot];
    record->op = (uint16_t)op;
    record->file = file;
    record->gone = FI_NO_FILE;
    record->undo = FI_NO_UNDO;
    record->role = atomic_load_explicit(&fi_shim.role, memory_order_relaxed);
    record->time_ns = fi_now_ns();
    return record;
}

static void begun(struct fi_record *record)
{
    atomic_store_explicit(&record->state, FI_RECORD_BEGUN, memory_order_release);
}

static void finish(struct fi_record *record, long result)
{
    record->result = result < 0 ? (int32_t)result : 0;
    if (fi_record_syncs(record))
        atomic_store(&record->done_ns, fi_now_ns());
    atomic_store(&record->end, atomic_load(&fi_shim.journal->next));
    atomic_store_explicit(&record->state, FI_RECORD_DONE, memory_order_release);
}

static uint32_t name_of(const char *below)
{
    return below ? fi_files_name(fi_shim.journal, below) : 0;
}

static void begin_write(struct fi_note *note, const struct fi_call *call)
{
    int fd = (int)call->args[call->row->argument];
    struct fi_record *record = note->record;
    struct fi_file *file = &fi_shim.journal->files[note->file];
    long flags = call->row->number == SYS_pwritev2 ? call->args[5] : 0;
    record->old_size = atomic_load(&file->size);
    record->length = (uint64_t)fi_call_bytes(call);
    note->appends = fi_fd_state(fd) == FI_FD_APPENDS;
    record->offset = note->appends ? record->old_size : (uint64_t)fi_call_offset(call);
    record->flags = (flags & (RWF_DSYNC | RWF_SYNC)) ? FI_RECORD_DURABLE : 0;
    uint64_t end = record->offset + record->length;
    if (record->offset < record->old_size) {
        char path[40];
        fi_fd_link(path, fd);
        keep_bytes(record, path, record->offset, end < record->old_size ? end : record->old_size);
    }
}

static void end_write(const struct fi_note *note, long result)
{
    struct fi_record *record = note->record;
    struct fi_file *file = &fi_shim.journal->files[note->file];
    if (result <= 0) {
        record->length = 0;
        return;
    }
    record->length = (uint64_t)result;
    if (note->appends) {
        record->offset = atomic_fetch_add(&file->size, (uint64_t)result);
        record->old_size = record->offset;
        return;
    }
    uint64_t end = record->offset + record->length;
    uint64_t size = atomic_load(&file->size);
    while (end > size && !atomic_compare_exchange_weak(&file->size, &size, end))
        ;
}

/* fallocate: the size that it leads to; what it does beyond that cannot be followed. */
static uint64_t allocated_size(const struct fi_call *call, uint64_t size)
{
    long mode = call->args[1];
    uint64_t end = (uint64_t)(call->args[2] + call->args[3]);
    if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_UNSHARE_RANGE))
        fi_shim_blind(FI_BLIND_RANGES);
    return (mode & FALLOC_FL_KEEP_SIZE) || end < size ? size : end;
}

static void begin_truncate(struct fi_note *note, const struct fi_call *call)
{
    struct fi_record *record = note->record;
    uint64_t size = atomic_load(&fi_shim.journal->files[note->file].size);
    bool by_fd = call->row->target == FI_TARGET_FD;
    record->old_size = size;
    record->length = call->row->number == SYS_fallocate ? allocated_size(call, size) : (uint64_t)call->args[1];
    char path[40];
    if (by_fd)
        fi_fd_link(path, (int)call->args[0]);
    keep_bytes(record, by_fd ? path : (const char *)call->args[0], record->length, size);
}

/* Where a rename or a link comes from. A symbolic link comes from a text. */
static void source_of(const struct fi_call *call, int *dirfd, const char **path)
{
    bool at = call->row->target == FI_TARGET_AT && call->row->number != SYS_symlinkat;
    *dirfd = at ? (int)call->args[0] : AT_FDCWD;
    *path = (const char *)call->args[at ? 1 : 0];
}

static void target_of(const struct fi_call *call, int *dirfd, const char **path)
{
    int where = call->row->argument;
    bool at = call->row->target == FI_TARGET_AT;
    *dirfd = at ? (int)call->args[where] : AT_FDCWD;
    *path = (const char *)call->args[at ? where + 1 : where];
}

static void begin_move(struct fi_record *record, const struct fi_call *call)
{
    int from_dir;
    int to_dir;
    const char *from;
    const char *to;
    char below[FI_PATH_MAX];
    char target[FI_PATH_MAX];
    long number = call->row->number;
    source_of(call, &from_dir, &from);
    target_of(call, &to_dir, &to);
    if (number == SYS_symlink || number == SYS_symlinkat) {
        record->name = name_of(call->path);
        record->name2 = name_of(from);
        return;
    }
    if (!fi_resolve_path(from_dir, from, below) || !fi_resolve_path(to_dir, to, target) ||
        (number == SYS_renameat2 && (call->args[4] & RENAME_EXCHANGE))) {
        fi_shim_blind(FI_BLIND_BORDER);
        return;
    }
    record->name = name_of(below);
    record->name2 = name_of(target);
    record->file = file_at(from_dir, from, below);
    if (call->op != FI_OP_RENAME)
        return;
    record->gone = file_at(to_dir, to, target);
    keep_name_of(to_dir, to, record->gone);
}

static void begin_name(struct fi_record *record, const struct fi_call *call)
{
    int dirfd;
    const char *path;
    target_of(call, &dirfd, &path);
    record->name = name_of(call->path);
    if (call->op != FI_OP_UNLINK)
        return;
    record->file = file_at(dirfd, path, call->path);
    keep_name_of(dirfd, path, record->file);
}

/* The file that a call is about, as far as it is about one. */
static uint32_t subject(const struct fi_call *call)
{
    if (call->row->target == FI_TARGET_ALL)
        return FI_ALL_FILES;
    if (call->row->target == FI_TARGET_FD || call->row->target == FI_TARGET_FD_IOV)
        return file_of_fd((int)call->args[call->row->argument], call->path);
    if (call->op == FI_OP_TRUNCATE)
        return file_at(AT_FDCWD, (const char *)call->args[0], call->path);
    return FI_NO_FILE;
}

static uint32_t directory_name(const struct fi_call *call)
{
    char below[FI_PATH_MAX];
    if (call->path)
        return name_of(call->path);
    return fi_resolve_fd((int)call->args[0], below) ? name_of(below) : 0;
}

void fi_record_begin(struct fi_note *note, const struct fi_call *call)
{
    *note = (struct fi_note){.file = FI_NO_FILE, .op = call->op};
    if (!fi_shim.journal)
        return;
    note->file = subject(call);
    bool needs_file = call->op == FI_OP_WRITE || call->op == FI_OP_TRUNCATE;
    if (call->op == FI_OP_SYNC_RANGE || (needs_file && note->file == FI_NO_FILE))
        return; /* makes nothing durable; or not a regular file */
    struct fi_record *record = claim(call->op, note->file);
    note->record = record;
    if (!record)
        return;
    switch (call->op) {
    case FI_OP_WRITE: begin_write(note, call); break;
    case FI_OP_TRUNCATE: begin_truncate(note, call); break;
    case FI_OP_RENAME:
    case FI_OP_LINK: begin_move(record, call); break;
    case FI_OP_UNLINK:
    case FI_OP_MKDIR: begin_name(record, call); break;
    case FI_OP_FSYNC_DIR: record->name = directory_name(call); break;
    default: break;
    }
    if (call->op == FI_OP_RENAME || call->op == FI_OP_UNLINK || call->op == FI_OP_LINK)
        note->file = record->file;
    begun(record);
}

static void account(uint32_t file, uint32_t op, long result)
{
    if (file >= FI_FILES_MAX || result < 0)
        return;
    struct fi_file *entry = &fi_shim.journal->files[file];
    atomic_fetch_add_explicit(&entry->ops[op], 1, memory_order_relaxed);
    if (op == FI_OP_WRITE || op == FI_OP_READ)
        atomic_fetch_add_explicit(&entry->bytes[op], (uint64_t)result, memory_order_relaxed);
}

void fi_record_end(struct fi_note *note, long result)
{
    if (!fi_shim.journal)
        return;
    account(note->file, note->op, result);
    if (!note->record)
        return;
    if (note->op == FI_OP_WRITE)
        end_write(note, result);
    if (note->op == FI_OP_TRUNCATE && result >= 0)
        atomic_store(&fi_shim.journal->files[note->file].size, note->record->length);
    finish(note->record, result);
}

void fi_record_failed_sync(const struct fi_call *call, long result)
{
    struct fi_note note;
    fi_record_begin(&note, call);
    fi_record_end(&note, result);
}

void fi_record_open_begin(struct fi_note *note, int dirfd, const char *path, const char *below, int flags)
{
    *note = (struct fi_note){.file = FI_NO_FILE, .op = FI_OP_OPEN};
    if (!fi_shim.journal || !(flags & (O_CREAT | O_TRUNC)))
        return;
    struct stat st = {0};
    bool exists = FI_OWN(SYS_newfstatat, dirfd, (long)path, (long)&st, 0) == 0;
    if ((flags & O_TMPFILE) == O_TMPFILE)
        fi_shim_blind(FI_BLIND_BORDER);
    else if (!exists && (flags & O_CREAT)) {
        note->record = claim(FI_OP_OPEN, FI_NO_FILE);
        if (note->record)
            note->record->name = name_of(below);
    } else if (exists && (flags & O_TRUNC) && S_ISREG(st.st_mode) && st.st_size) {
        note->op = FI_OP_TRUNCATE;
        note->record = claim(FI_OP_TRUNCATE, enter(&st, below));
        if (note->record) {
            note->record->old_size = (uint64_t)st.st_size;
            /* only AT_FDCWD and absolute paths reach the file this way: the kernel's own name of it does always */
            char link[40];
            long fd = FI_OWN(SYS_openat, dirfd, (long)path, O_RDONLY | O_CLOEXEC);
            if (fd >= 0) {
                fi_fd_link(link, (int)fd);
                keep_bytes(note->record, link, 0, (uint64_t)st.st_size);
                FI_OWN(SYS_close, fd);
            } else
                broken((int)-fd);
        }
    }
    if (note->record)
        begun(note->record);
}

void fi_record_open_end(struct fi_note *note, int fd)
{
    if (!fi_shim.journal)
        return;
    uint32_t file = fd < 0 ? FI_NO_FILE : file_of_fd(fd, NULL);
    account(file, FI_OP_OPEN, fd < 0 ? fd : 0);
    struct fi_record *record = note->record;
    if (!record)
        return;
    if (note->op == FI_OP_OPEN)
        record->file = file;
    else if (fd >= 0 && file != FI_NO_FILE)
        atomic_store(&fi_shim.journal->files[file].size, 0);
    finish(record, fd < 0 ? fd : 0);
}

void fi_record_read(int fd, int64_t bytes)
{
    if (fi_shim.journal)
        account(file_of_fd(fd, NULL), FI_OP_READ, bytes);
}
