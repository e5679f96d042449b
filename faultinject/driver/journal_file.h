/* The driver's side of the journal: create its files, map it, read it. The layout is in shared/journal.h. */
#ifndef FAULTINJECT_DRIVER_JOURNAL_FILE_H
#define FAULTINJECT_DRIVER_JOURNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/journal.h"

/*
 * Begins a journal in the directory `side_dir` (which must exist; what an older journal left there is removed) for
 * `data_dir`: its regular files are entered with their sizes. Call it while nothing writes there. Returns the mapping,
 * to be released with fi_journal_close, or NULL with `why` filled.
 */
struct fi_journal *fi_journal_create(const char *side_dir, const char *data_dir, char *why, size_t why_size);

/* Maps an existing journal and checks it. NULL with `why` filled when it is not sound. */
struct fi_journal *fi_journal_open(const char *side_dir, char *why, size_t why_size);

void fi_journal_close(struct fi_journal *journal);

/* True when a mapping of `size` bytes is a journal this code can work with. */
bool fi_journal_valid(const struct fi_journal *journal, uint64_t size);

/* Records that can be read. */
uint64_t fi_journal_count(const struct fi_journal *journal);

/* The string at `offset` of the names; "" for an offset that is none. */
const char *fi_journal_text(const struct fi_journal *journal, uint32_t offset);

/* Why no state can be derived from this journal (full, something was not recorded); false when it is complete. */
bool fi_journal_incomplete(const struct fi_journal *journal, char *why, size_t why_size);

#endif
