#include "replies.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

enum { TEXT_MAX = 4096 };

static redisReply *take(struct la_replies *replies, int type)
{
    redisReply *reply = &replies->ready[replies->next++ % LA_REPLIES];
    *reply = (redisReply){.type = type};
    return reply;
}

static void *create_string(const redisReadTask *task, char *text, size_t length)
{
    struct la_replies *replies = task->privdata;
    if (task->parent || length >= TEXT_MAX)
        return replies->standard->createString(task, text, length);
    redisReply *reply = take(replies, task->type);
    reply->str = replies->text[reply - replies->ready];
    reply->len = length;
    memcpy(reply->str, text, length);
    reply->str[length] = '\0';
    return reply;
}

static void *create_integer(const redisReadTask *task, long long number)
{
    struct la_replies *replies = task->privdata;
    if (task->parent)
        return replies->standard->createInteger(task, number);
    redisReply *reply = take(replies, REDIS_REPLY_INTEGER);
    reply->integer = number;
    return reply;
}

static void *create_nil(const redisReadTask *task)
{
    struct la_replies *replies = task->privdata;
    return task->parent ? replies->standard->createNil(task) : take(replies, REDIS_REPLY_NIL);
}

void la_replies_attach(struct la_replies *replies, redisContext *client)
{
    if (!replies->standard) {
        replies->standard = client->reader->fn;
        replies->functions = *replies->standard;
        replies->functions.createString = create_string;
        replies->functions.createInteger = create_integer;
        replies->functions.createNil = create_nil;
        for (int i = 0; i < LA_REPLIES; i++)
            replies->text[i] = la_alloc(TEXT_MAX, 1);
    }
    client->reader->fn = &replies->functions;
    client->reader->privdata = replies;
}

void la_replies_free(const struct la_replies *replies, redisReply *reply)
{
    bool ours = reply >= replies->ready && reply < replies->ready + LA_REPLIES;
    if (!ours)
        freeReplyObject(reply);
}

void la_replies_release(struct la_replies *replies)
{
    for (int i = 0; i < LA_REPLIES; i++)
        free(replies->text[i]);
}
