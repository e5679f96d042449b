/*
 * Replies that are used again: most are a status, a number or a short string, and allocating each takes longer than
 * reading it. For connections whose replies are looked at one after the other.
 */
#ifndef LASTACK_REPLIES_H
#define LASTACK_REPLIES_H

#include <hiredis/hiredis.h>

enum { LA_REPLIES = 4 }; /* a reply stays as it is until so many more have been read */

struct la_replies {
    redisReplyObjectFunctions functions;
    const redisReplyObjectFunctions *standard; /* hiredis' own: for arrays, what is in them, and large strings */
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
