/*
 * Traffic that was recorded elsewhere, to be sent again: an append-only file (RESP, without an RDB at its head), or
 * what redis-cli MONITOR printed. What only reads, concerns connections, blocks, or administers the server is left out.
 */
#ifndef LASTACK_REDIS_RECORDING_H
#define LASTACK_REDIS_RECORDING_H

#include <hiredis/hiredis.h>

#include "base/util.h"

/* One command, or what stood between MULTI and EXEC: that is sent as a transaction again. */
struct la_recorded {
    unsigned int database; /* at its beginning: a SELECT may be among the commands */
    size_t count;
    redisReply **commands; /* arrays of strings */
    bool popped;           /* an SREM stands for the SPOP that was sent, see drawn.h */
};

struct la_recording {
    struct la_recorded *items;
    size_t count;
    size_t room;
    size_t left_out; /* commands */
    size_t torn;     /* bytes at the end that are no whole command */
    char *drawn;     /* file for what commands draw at random, see drawn.h; NULL: nowhere */
};

/* -1 with "FILE:LINE: ..." (MONITOR) or "FILE: after N commands ..." in `error`. Released with la_recording_free. */
int la_recording_read(struct la_recording *recording, const char *path, struct la_error *error);
void la_recording_free(struct la_recording *recording);

/* A new item at the end, empty, the recording's. */
struct la_recorded *la_recording_add(struct la_recording *recording, unsigned int database);

/* One more command of an item, of hiredis' strings. */
void la_recording_put(struct la_recorded *item, int count, char **words);

/* Whether a command is the one of that name. */
bool la_recorded_is(const redisReply *command, const char *name);

/* The database that a SELECT names. */
unsigned int la_recording_selects(const redisReply *command);

/* The highest database that a recording is about. */
unsigned int la_recording_last_database(const struct la_recording *recording);

/* The time, in ms since 1970, at which a command lets a key expire, where it says a time; 0: it does not. */
long long la_recording_deadline_ms(const redisReply *command);

/* The words of one command, from `words` on, which has room for command->elements. */
void la_recording_words(const redisReply *command, const char **words, size_t *lengths);

/* Appends one item to the client's output; in which database the connection is, is kept in *database. How many replies.
 */
int la_recording_send(const struct la_recorded *item, redisContext *client, unsigned int *database);

#endif
