/*
 * A process beside a run that does what a monitor does: it asks a node for INFO, again and again, and writes down what
 * has changed, and when. It waits for the answers; the run does not.
 *
 * What it writes is text, a line each: milliseconds since the run began, a field's name, its value, separated by a
 * blank. What it sees first is written whole. Two fields are its own: `up` (1: INFO came within LA_WATCH_PATIENCE_MS,
 * 0: it did not, or the connection broke) and `rdb_last_save_age` (s since rdb_last_save_time, by the server's clock).
 * Where a check is run (run/check.h) there is a third: `check`, its exit status. After 8 MiB the last line is
 * `watch_full`: nobody looked any more.
 */
#ifndef LASTACK_RUN_WATCH_H
#define LASTACK_RUN_WATCH_H

#include <sys/types.h>

#include "redis/client.h"

#define LA_WATCH_FILE  "watch" /* in the scenario's folder */
#define LA_WATCH_CHECK "check"
#define LA_WATCH_AGE   "rdb_last_save_age"
#define LA_WATCH_FULL  "watch_full"
enum { LA_WATCH_MS = 20, LA_WATCH_PATIENCE_MS = 1000 };

/* What is watched. */
struct la_watched {
    const struct la_address *address;
    const char *check;  /* a command of the user's that is run all the time (run/check.h); NULL: none */
    const char *folder; /* all that it may write to */
    uint64_t start_ns;  /* of the run */
};

/* Watches for the process that calls, until that ends or la_watch_end. Its pid; 0: it cannot be had. */
pid_t la_watch_start(const struct la_watched *watched, const char *path);

/* It looks once more; then what was seen until now is in the file. */
void la_watch_end(pid_t watch);

#endif
