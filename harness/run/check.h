/*
 * A check of the user's own, as a monitor runs it: a command that exits with 0 when the server is well. It runs beside
 * a server, again and again; as nobody where lastack runs as root, with every file read-only but those of a folder of
 * ours. It finds the server by REDIS_HOST, REDIS_PORT, REDIS_SOCKET, REDIS_USER, and REDISCLI_AUTH.
 */
#ifndef LASTACK_RUN_CHECK_H
#define LASTACK_RUN_CHECK_H

#include <sys/types.h>

#include "redis/client.h"

enum { LA_CHECK_EVERY_MS = 200, LA_CHECK_PATIENCE_MS = 5000, LA_CHECK_LATE = 124 };

/* All zero at first. */
struct la_check_run {
    pid_t pid; /* it is under way; 0: no */
    uint64_t began_ns;
    int status; /* its last exit status; LA_CHECK_LATE: it was ended after its time; 128 + n: by signal n */
};

/*
 * To be called all the time: starts the command when it is due, and ends it when it takes longer than
 * LA_CHECK_PATIENCE_MS. True: it has just ended, and `status` is new.
 */
bool la_check_look(struct la_check_run *check, const char *command, const struct la_address *address,
                   const char *folder);

#endif
