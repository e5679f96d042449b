#include "replies.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

enum { TEXT_MAX = 4096 };

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

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

static void *create_array(const redisReadTask *task, element_count count)
{
    const struct la_bounded *bounded = task->privdata;
    return (size_t)count > bounded->most ? NULL : bounded->standard->createArray(task, count);
}

void la_bounded_open(struct la_bounded *bounded, size_t most)
{
    *bounded = (struct la_bounded){.reader = redisReaderCreate(), .most = most};
    bounded->standard = bounded->reader->fn;
    bounded->functions = *bounded->standard;
    bounded->functions.createArray = create_array;
    bounded->reader->fn = &bounded->functions;
    bounded->reader->privdata = bounded;
}

void la_bounded_close(const struct la_bounded *bounded)
{
    redisReaderFree(bounded->reader);
}
