/*
 * Goes through all keys of a node, in every database. It can be done in steps, on a connection of its own, while
 * something else is read: the server is asked for the next keys before the last ones are looked at.
 */
#ifndef LASTACK_REDIS_KEYSCAN_H
#define LASTACK_REDIS_KEYSCAN_H

#include "redis/client.h"

#define LA_RECOVERY_KEY "la:probe" /* written by the harness itself to see whether a node accepts writes */

enum { LA_KEYSCAN_MAX = 50000000 }; /* names and replies: a scan that goes on beyond them is an error */

struct la_keyscan {
    redisContext *client; /* the scan's own; leaves another database selected */
    const struct la_address *address;
    /* Called with each key: usually once, but twice where SCAN gives it twice. */
    void (*visit)(void *context, int database, const redisReply *name);
    void *context;
    /* state */
    char *info;       /* INFO's text, */
    const char *line; /* and where in it the database stands that is gone through */
    int database;
    int here;      /* database that the connection is in: a new one is in 0, and needs no SELECT for it */
    bool blind;    /* INFO is refused: whether there are keys in other databases than 0 is not known */
    bool astray;   /* the server did not go to that database */
    size_t unread; /* bytes since the last whole reply */
    size_t seen;   /* names and replies so far */
};

/* Begins. -1 with `error` filled. Released with la_keyscan_end. */
int la_keyscan_begin(struct la_keyscan *scan, struct la_error *error);

/*
 * Visits the keys that have come. 1: there are more, 0: that was all, -1 with `error` filled. Without `wait` it
 * returns 1 at once when nothing has come yet.
 */
int la_keyscan_step(struct la_keyscan *scan, bool wait, struct la_error *error);

void la_keyscan_end(struct la_keyscan *scan);

/* All keys as DATABASE:NAME, sorted, each once; -1 with `error` filled. */
int la_keyscan_names(redisContext *client, const struct la_address *address, struct la_strings *names,
                     struct la_error *error);

/* Whether DATABASE:NAME is among such names. */
bool la_keyscan_find(const struct la_strings *names, int database, const char *name);

#endif
