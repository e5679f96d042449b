/* Waiting for something to happen to a node or to the load: what can be waited for, and what it means when it fails. */
#ifndef LASTACK_RUN_WAIT_H
#define LASTACK_RUN_WAIT_H

#include "run/run.h"

struct la_deadline {
    uint64_t at_ns;
};

struct la_deadline la_wait_until(unsigned int ms);

/* One turn of a waiting loop; false when the time is up. */
bool la_wait_turn(struct la_run *run, const struct la_deadline *deadline);

/* Lets the time pass. */
void la_wait_ms(struct la_run *run, unsigned int ms);

enum la_wait_for {
    LA_WAIT_FIRED,
    LA_WAIT_EXIT,
    LA_WAIT_READY,
    LA_WAIT_SYNCED,
    LA_WAIT_PRIMARY,
    LA_WAIT_REPLICA,
    LA_WAIT_IDLE,
    LA_WAIT_ERRORS,
    LA_WAIT_WRITES
};

/* 0: it has happened. -1: the scenario ends here; the reason stands in the run's doubts or findings. */
int la_wait(struct la_run *run, struct la_node *node, enum la_wait_for what, unsigned int timeout_ms);

/* Waits for the node's process to have ended more than `exits` times. */
int la_wait_end(struct la_run *run, const struct la_node *node, unsigned int exits);

/* The same, and whether a fault of this run's is what ended it; without a doubt. */
bool la_wait_struck(struct la_run *run, const struct la_node *node, unsigned int exits);

/* Whether a replica has all that its primary has, and the link stands. */
bool la_wait_synced(const struct la_run *run, const struct la_node *replica);

/*
 * Waits (20 s) until the server has written out what it acknowledged: with appendfsync everysec it puts writes off, for
 * up to 2 s, while an fsync is running. What was acknowledged before is in its log then. `before`: what comes next, in
 * words. 0; 1: a fault has ended it, and the scenario carries on; -1 with a doubt.
 */
int la_wait_written(struct la_run *run, struct la_node *node, const char *before);

/* A doubt with the server's last words: they tell best why, a disk that is really full, say. Returns -1. */
int la_wait_ended_unasked(struct la_run *run, const struct la_node *node, const char *before);

#endif
