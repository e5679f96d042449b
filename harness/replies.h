/*
 * Replies other than hiredis makes them.
 *
 * Replies that are used again: most are a status, a number or a short string, and allocating each takes longer than
 * reading it. For connections whose replies are looked at one after the other.
 *
 * A reader that bounds its arrays: hiredis makes room for as many elements as an array's head claims, before the first
 * of them has come. For what is read from a file, which may claim anything.
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

struct la_bounded {
    redisReader *reader;
    redisReplyObjectFunctions functions;
    const redisReplyObjectFunctions *standard;
    size_t most;
};

/* Opens bounded->reader: an array of more than `most` elements is an error of it. Not to be moved; closed with _close.
 */
void la_bounded_open(struct la_bounded *bounded, size_t most);
void la_bounded_close(const struct la_bounded *bounded);

#endif
