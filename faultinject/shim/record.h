/*
 * Writing the journal, from inside the library. Every call is cheap and does
 * nothing where there is no journal; what cannot be written down is noted there.
 */
#ifndef FAULTINJECT_SHIM_RECORD_H
#define FAULTINJECT_SHIM_RECORD_H

#include <stdbool.h>

#include "shared/journal.h"
#include "shim/call.h"

/* A record on its way from begin to end. */
struct fi_note {
    struct fi_record *record; /* NULL: none */
    uint32_t file;            /* whose account it is, or FI_NO_FILE */
    uint32_t op;
    bool appends;
};

/* Before and after the system call of `call`. */
void fi_record_begin(struct fi_note *note, const struct fi_call *call);
void fi_record_end(struct fi_note *note, long result);

/* An fsync that a rule made fail: as the kernel, it leaves dirty pages marked clean. */
void fi_record_failed_sync(const struct fi_call *call, long result);

/* The journal's number of the file behind a descriptor, FI_NO_FILE where it has none. */
uint32_t fi_record_file(int fd);

/* Where saved bytes stand. */
void fi_record_undo_path(char out[FI_PATH_MAX + 64]);

/* Before and after an open of `path` (below the data directory, as `below`). */
void fi_record_open_begin(struct fi_note *note, int dirfd, const char *path, const char *below, int flags);
void fi_record_open_end(struct fi_note *note, int fd);

/* A read of `bytes` from `fd`, for the account. */
void fi_record_read(int fd, int64_t bytes);

#endif
