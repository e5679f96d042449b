#include "redis/replies.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

enum { TEXT_MAX = 4096 };

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

/* False: the reply has too many elements already. */
static bool count(struct la_bounded *bounded, const redisReadTask *task)
{
    bounded->elements = task->parent ? bounded->elements + 1 : 0;
    return bounded->elements <= bounded->most;
}

static void *bounded_string(const redisReadTask *task, char *text, size_t length)
{
    struct la_bounded *bounded = task->privdata;
    return count(bounded, task) ? bounded->standard->createString(task, text, length) : NULL;
}

static void *bounded_integer(const redisReadTask *task, long long number)
{
    struct la_bounded *bounded = task->privdata;
    return count(bounded, task) ? bounded->standard->createInteger(task, number) : NULL;
}

static void *bounded_nil(const redisReadTask *task)
{
    struct la_bounded *bounded = task->privdata;
    return count(bounded, task) ? bounded->standard->createNil(task) : NULL;
}

static void *bounded_array(const redisReadTask *task, element_count elements)
{
    struct la_bounded *bounded = task->privdata;
    bool fits = count(bounded, task) && (size_t)elements <= bounded->most - bounded->elements;
    return fits ? bounded->standard->createArray(task, elements) : NULL;
}

void la_bounded_attach(struct la_bounded *bounded, redisReader *reader, size_t most)
{
    if (!bounded->standard)
        bounded->standard = reader->fn;
    bounded->functions = *bounded->standard;
    bounded->functions.createString = bounded_string;
    bounded->functions.createInteger = bounded_integer;
    bounded->functions.createNil = bounded_nil;
    bounded->functions.createArray = bounded_array;
    bounded->most = most;
    reader->fn = &bounded->functions;
    reader->privdata = bounded;
}

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
        return bounded_string(task, text, length);
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
        return bounded_integer(task, number);
    redisReply *reply = take(replies, REDIS_REPLY_INTEGER);
    reply->integer = number;
    return reply;
}

static void *create_nil(const redisReadTask *task)
{
    struct la_replies *replies = task->privdata;
    return task->parent ? bounded_nil(task) : take(replies, REDIS_REPLY_NIL);
}

void la_replies_attach(struct la_replies *replies, redisContext *client)
{
    struct la_bounded *before = client->reader->privdata; /* la_client_connect's */
    for (int i = 0; i < LA_REPLIES && !replies->text[i]; i++)
        replies->text[i] = la_alloc(TEXT_MAX, 1);
    if (!replies->bounded.standard)
        replies->bounded.standard = before->standard;
    la_bounded_attach(&replies->bounded, client->reader, LA_REPLY_ELEMENTS);
    if (!replies->bounded.bytes)
        replies->bounded.bytes = before->bytes;
    replies->bounded.functions.createString = create_string;
    replies->bounded.functions.createInteger = create_integer;
    replies->bounded.functions.createNil = create_nil;
    if (before->owned)
        free(before);
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
