/*
 * `lastack ledger`: what the load sent and what was answered, for people and for other checkers. The ledger is
 * read once, from front to back; what is held in memory are the operations in flight.
 *
 *   text   a table, one operation a line
 *   jsonl  one JSON object a line and operation: index, session, client, life (how often the server had died before),
 *          key, type, op, seq (number of the operation on its key; what its value carries), field and result (the
 *          type's own, where they are not 0), invoked_ns, done_ns (CLOCK_MONOTONIC; null: no reply), outcome (ok,
 *          wrong, refused, unknown), error. Then one for each key that was read back: key, type, op "read",
 *          invoked_ns, done_ns, seqs (the operations whose effect was there to see)
 *   edn    a Jepsen history: an :invoke and, where there was a reply, an :ok or :fail, in the order of time; :info at
 *          the end for what has no reply; then a :read of each key that was read back, [key [seq seq ...]]. :process
 *          is one place in the pipeline of one connection, so that a process never has two operations in flight;
 *          :value is [key seq].
 */
#ifndef LASTACK_REPORT_LEDGER_PRINT_H
#define LASTACK_REPORT_LEDGER_PRINT_H

#include <stdio.h>

#include "base/util.h"

enum la_ledger_format { LA_LEDGER_TEXT, LA_LEDGER_JSONL, LA_LEDGER_EDN };

/* The format of that name, -1: there is none. */
int la_ledger_format(const char *name);

/* Prints the ledger at `path`: the file, or the bundle that holds it. -1 with `error` filled. */
int la_ledger_print(const char *path, enum la_ledger_format format, FILE *out, struct la_error *error);

#endif
