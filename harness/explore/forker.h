/*
 * A server that is started once and forked for each state (faultinject/forkserver/protocol.h). It and its children end
 * with the process that has started it.
 */
#ifndef LASTACK_EXPLORE_FORKER_H
#define LASTACK_EXPLORE_FORKER_H

#include <sys/types.h>

#include "nodes/node.h"

struct la_forker {
    pid_t pid; /* 0: there is none */
    int requests;
    int answers;
    pid_t child; /* 0: none */
};

/*
 * Starts the server of `node` in the folder `dir`, which is made for it, without a TCP port. -1 with `error` filled: it
 * cannot be forked (it is static, say, or starts a thread before it listens).
 */
int la_forker_start(struct la_forker *forker, const struct la_node *node, const char *library, const char *dir,
                    struct la_error *error);

/*
 * A child on the data in `folder`. Its unix socket is FI_FORK_SOCKET there, its output FI_FORK_LOG. -1: the fork server
 * is gone, or does not answer as it should: it is to be ended.
 */
int la_forker_fork(struct la_forker *forker, const char *folder);

/* The child has ended by itself; false: within so many ms it has not. */
bool la_forker_ended(struct la_forker *forker, int wait_ms);

/* Ends the child, if there is one; where that does not succeed, the fork server too. */
void la_forker_kill(struct la_forker *forker);

void la_forker_end(struct la_forker *forker);

#endif
