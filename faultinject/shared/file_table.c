#include "shared/file_table.h"

#include <errno.h>
#include <string.h>

static uint32_t first_slot(uint64_t inode)
{
    return (uint32_t)(inode * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (FI_FILES_MAX - 1);
}

uint32_t fi_files_name(struct fi_journal *journal, const char *text)
{
    uint64_t length = strlen(text) + 1;
    uint64_t at = atomic_fetch_add(&journal->named, length);
    if (at + length >= FI_NAMES_MAX) { /* the last byte stays zero */
        atomic_store(&journal->broken, ENOSPC);
        return 0;
    }
    memcpy(journal->names + at, text, length);
    return (uint32_t)at;
}

uint32_t fi_files_find(const struct fi_journal *journal, uint64_t inode)
{
    uint32_t slot = first_slot(inode);
    for (uint32_t tries = 0; tries < FI_FILES_MAX; tries++, slot = (slot + 1) & (FI_FILES_MAX - 1)) {
        uint64_t found = atomic_load(&journal->files[slot].inode);
        if (found == inode)
            return slot;
        if (!found)
            break;
    }
    return FI_NO_FILE;
}

uint32_t fi_files_enter(struct fi_journal *journal, uint64_t inode, uint64_t size, const char *name)
{
    uint32_t slot = first_slot(inode);
    for (uint32_t tries = 0; tries < FI_FILES_MAX; tries++, slot = (slot + 1) & (FI_FILES_MAX - 1)) {
        struct fi_file *file = &journal->files[slot];
        uint64_t found = 0;
        if (atomic_compare_exchange_strong(&file->inode, &found, inode)) {
            atomic_store(&file->size, size);
            atomic_store(&file->name, name ? fi_files_name(journal, name) : 0);
            return slot;
        }
        if (found == inode)
            return slot;
    }
    atomic_store(&journal->broken, ENFILE);
    return FI_NO_FILE;
}
