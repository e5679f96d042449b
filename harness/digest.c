#include "digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* How the content of each type is read, and whether its order is the server's own affair. */
static const struct reading {
    const char *type;
    const char *command;
    const char *arguments[3];
    bool unordered;
    size_t step; /* replies that make one element */
} readings[] = {
    {"string", "GET", {NULL}, false, 1},
    {"list", "LRANGE", {"0", "-1", NULL}, false, 1},
    {"set", "SMEMBERS", {NULL}, true, 1},
    {"hash", "HGETALL", {NULL}, true, 2},
    {"zset", "ZRANGE", {"0", "-1", "WITHSCORES"}, false, 1},
    {"stream", "XRANGE", {"-", "+", NULL}, false, 1},
};

static uint64_t digest_reply(const redisReply *reply, uint64_t seed)
{
    uint64_t digest = XXH64(&reply->type, sizeof reply->type, seed);
    if (reply->str)
        digest = XXH64(reply->str, (size_t)reply->len, digest);
    for (size_t i = 0; i < reply->elements; i++)
        digest = digest_reply(reply->element[i], digest);
    return digest;
}

static uint64_t digest_unordered(const redisReply *reply, size_t step)
{
    uint64_t sum = reply->elements + 1;
    for (size_t i = 0; i + step <= reply->elements; i += step) {
        uint64_t digest = 0;
        for (size_t part = 0; part < step; part++)
            digest = digest_reply(reply->element[i + part], digest);
        sum += digest;
    }
    return sum;
}

static void append(redisContext *client, const struct la_address *address, const char *command, const char *key,
                   const char *const *arguments)
{
    const char *argv[5] = {la_command_name(address, command), key};
    size_t lengths[5] = {strlen(argv[0]), strlen(key)};
    int argc = 2;
    for (int i = 0; arguments && i < 3 && arguments[i]; i++, argc++) {
        argv[argc] = arguments[i];
        lengths[argc] = strlen(arguments[i]);
    }
    redisAppendCommandArgv(client, argc, argv, lengths);
}

/* NULL: it is not known here. */
static const struct reading *reading_of(const redisReply *type)
{
    for (size_t i = 0; type->str && i < sizeof readings / sizeof *readings; i++)
        if (!strcmp(type->str, readings[i].type))
            return &readings[i];
    return NULL;
}

static redisReply *answer(redisContext *client)
{
    void *reply = NULL;
    return redisGetReply(client, &reply) == REDIS_OK ? reply : NULL;
}

/* Where the next command finds the key. */
static const char *go_to(redisContext *client, const struct la_address *address, const char *full)
{
    char database[16];
    snprintf(database, sizeof database, "%d", atoi(full));
    append(client, address, "SELECT", database, NULL);
    return strchr(full, ':') + 1;
}

static int take_kind(redisContext *client, struct la_digest *digest, const struct reading **reading)
{
    freeReplyObject(answer(client));
    redisReply *ttl = answer(client);
    redisReply *type = answer(client);
    digest->answered_ns = la_now_ns();
    if (ttl && ttl->type == REDIS_REPLY_INTEGER)
        digest->ttl_ms = ttl->integer;
    *reading = type && digest->ttl_ms != -2 ? reading_of(type) : NULL;
    int result = type ? 0 : -1;
    freeReplyObject(ttl);
    freeReplyObject(type);
    return result;
}

static int take_content(redisContext *client, const struct reading *reading, struct la_digest *digest)
{
    freeReplyObject(answer(client));
    redisReply *reply = answer(client);
    bool answered = reply && reply->type != REDIS_REPLY_ERROR;
    if (answered && reply->type != REDIS_REPLY_NIL)
        digest->content = reading->unordered ? digest_unordered(reply, reading->step) : digest_reply(reply, 1);
    freeReplyObject(reply);
    return answered ? 0 : -1;
}

int la_digest_keys(redisContext *client, const struct la_address *address, char *const *names, size_t count,
                   struct la_digest *digests)
{
    const struct reading *kinds[LA_DIGEST_BATCH];
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        digests[i] = (struct la_digest){.ttl_ms = -2, .asked_ns = la_now_ns()};
        const char *key = go_to(client, address, names[i]);
        append(client, address, "PTTL", key, NULL);
        append(client, address, "TYPE", key, NULL);
    }
    for (size_t i = 0; i < count; i++)
        result = take_kind(client, &digests[i], &kinds[i]) || result ? -1 : 0;
    for (size_t i = 0; i < count; i++)
        if (kinds[i])
            append(client, address, kinds[i]->command, go_to(client, address, names[i]), kinds[i]->arguments);
    for (size_t i = 0; i < count; i++)
        if (kinds[i])
            result = take_content(client, kinds[i], &digests[i]) || result ? -1 : 0;
    return result;
}
