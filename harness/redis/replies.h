/*
 * Replies other than hiredis makes them.
 *
 * Bounded: what a server or a file claims is not believed. hiredis makes room for as many elements as an array's head
 * names, before the first of them has come, and takes as many as do come.
 *
 * Used again: most replies are a status, a number or a short string, and allocating each takes longer than reading it.
 * For connections whose replies are looked at one after the other.
 */
#ifndef LASTACK_REDIS_REPLIES_H
#define LASTACK_REDIS_REPLIES_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

enum {
    LA_REPLIES = 4,               /* a reply that is used again stays as it is until so many more have been read */
    LA_REPLY_ELEMENTS = 16 << 20, /* of one reply, over all its levels */
};

/* What a reader makes replies with. A reply with more than `most` elements is an error of the reader. */
struct la_bounded {
    redisReplyObjectFunctions functions;
    const redisReplyObjectFunctions *standard; /* hiredis' own */
    size_t most;
    size_t elements; /* of the reply that is being read */
    size_t bytes;    /* that one reply may have */
    bool owned;      /* by the client whose replies it bounds: released by la_client_close */
};

/* Bounds a reader. `bounded` outlives it and is not to be moved. */
void la_bounded_attach(struct la_bounded *bounded, redisReader *reader, size_t most);

struct la_replies {
    struct la_bounded bounded; /* first: what bounds replies finds itself here */
    redisReply ready[LA_REPLIES];
    char *text[LA_REPLIES];
    unsigned int next;
};

/* From now on the client's replies come from here. Outlives the client; begins zeroed; released with _release. */
void la_replies_attach(struct la_replies *replies, redisContext *client);

/* In place of freeReplyObject, for replies of such a client. */
void la_replies_free(const struct la_replies *replies, redisReply *reply);

void la_replies_release(struct la_replies *replies);

#endif
