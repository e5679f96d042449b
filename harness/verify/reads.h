/*
 * What verification read back, kept beside the ledger in the file `reads`, so that other checkers can judge the same
 * run. Little-endian, one head and then one record a key, in the order in which the keys were read:
 *
 *   head    magic "LASTREAD" (8 bytes), version 1 (uint32), 0 (uint32)
 *   record  session, key, count (uint32 each), 0 (uint32), asked_ns, answered_ns (uint64, CLOCK_MONOTONIC), then
 *           `count` uint32: the numbers (seq) of those operations on the key whose effect was there to see, ascending
 *
 * A record that is cut off ends the file.
 */
#ifndef LASTACK_VERIFY_READS_H
#define LASTACK_VERIFY_READS_H

#include <stdio.h>

#include "types/fates.h"

struct la_reads {
    FILE *file;
    char path[LA_PATH_MAX];
};

struct la_read {
    uint32_t session;
    uint32_t key;
    uint32_t count;
    uint32_t spare;
    uint64_t asked_ns;
    uint64_t answered_ns;
};

/* A new file for writing; one that is there is replaced. Released with la_reads_close. */
int la_reads_create(struct la_reads *reads, const char *path, struct la_error *error);
void la_reads_add(struct la_reads *reads, const struct la_history *history);

/* An existing file for reading. 1: there is none. */
int la_reads_open(struct la_reads *reads, const char *path, struct la_error *error);
/* The next record; its numbers one by one with la_reads_seq. False at the end. */
bool la_reads_next(struct la_reads *reads, struct la_read *read);
bool la_reads_seq(struct la_reads *reads, uint32_t *seq);

/* -1 with `error` filled when something was not written. */
int la_reads_close(struct la_reads *reads, struct la_error *error);

#endif
