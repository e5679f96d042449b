/* The journal's table of files: lock-free, shared by the library and the driver. */
#ifndef FAULTINJECT_SHARED_FILE_TABLE_H
#define FAULTINJECT_SHARED_FILE_TABLE_H

#include "shared/journal.h"

/*
 * The index of the file with this inode number; entered with `size` and `name` when it is new. FI_NO_FILE when the
 * table is full, which is noted in the journal. `name` may be NULL.
 */
uint32_t fi_files_enter(struct fi_journal *journal, uint64_t inode, uint64_t size, const char *name);

/* The index of a file that has been entered, or FI_NO_FILE. */
uint32_t fi_files_find(const struct fi_journal *journal, uint64_t inode);

/* Keeps a string; its offset, or 0 when there is no room, which is noted in the journal. */
uint32_t fi_files_name(struct fi_journal *journal, const char *text);

#endif
