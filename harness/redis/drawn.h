/*
 * What a server draws at random it says in its reply. Sent to another server, the same command would draw something
 * else: there, SPOP becomes an SREM of what was popped, and the id that XADD made up is given to it.
 */
#ifndef LASTACK_REDIS_DRAWN_H
#define LASTACK_REDIS_DRAWN_H

#include <stdio.h>

#include "redis/recording.h"

/* True for an item that has a command whose effect is the server's own choice. */
bool la_drawn_is_random(const struct la_recorded *item);

/* Notes what the `number`-th item (from 1) has drawn, where it does: `reply` is its reply, of EXEC for a transaction.
 */
void la_drawn_note(FILE *file, uint64_t number, const struct la_recorded *item, const redisReply *reply);

/* Puts what was noted in a file in the place of what was sent. A file that is not there says nothing. */
int la_drawn_read(struct la_recording *recording, const char *path, struct la_error *error);

#endif
