#include "redis/digest.h"

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
    size_t step;   /* replies that make one element */
    bool detailed; /* there is more to it than its elements */
    bool scored;
} readings[] = {
    {"string", "GET", {NULL}, false, 1, false, false},
    {"list", "LRANGE", {"0", "-1", NULL}, false, 1, false, false},
    {"set", "SMEMBERS", {NULL}, true, 1, false, false},
    {"hash", "HGETALL", {NULL}, true, 2, false, false},
    {"zset", "ZRANGE", {"0", "-1", "WITHSCORES"}, false, 1, false, true},
    {"stream", "XRANGE", {"-", "+", NULL}, false, 1, true, false},
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

/* Members and scores. Whether a zero has a sign depends on how the set is kept: it is the same score. */
static uint64_t digest_scored(const redisReply *reply)
{
    uint64_t digest = 1;
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *element = reply->element[i];
        bool negative_zero = i % 2 && element->str && !strcmp(element->str, "-0");
        digest = negative_zero ? XXH64("0", 1, XXH64(&element->type, sizeof element->type, digest))
                               : digest_reply(element, digest);
    }
    return digest;
}

/* A consumer that has nothing pending: versions differ in whether they pass it on, and nothing is lost with it. */
static bool is_idle(const redisReply *consumer)
{
    for (size_t i = 0; consumer->type == REDIS_REPLY_ARRAY && i + 1 < consumer->elements; i += 2)
        if (consumer->element[i]->str && !strcmp(consumer->element[i]->str, "pel-count"))
            return consumer->element[i + 1]->integer == 0;
    return false;
}

/* What XINFO says of a stream: all but when something was, how it is kept, and what the server only reckons. */
static uint64_t digest_stream(const redisReply *reply, bool pending, uint64_t digest)
{
    static const char *const left_out[] = {"seen-time",        "active-time", "radix-tree-keys",
                                           "radix-tree-nodes", "lag",         "entries-read"};
    static const char *const lists[] = {"pel", "pending", "consumers"};
    const char *name = "";
    if (reply->type != REDIS_REPLY_ARRAY)
        return digest_reply(reply, digest);
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *element = reply->element[i];
        bool list = LA_IS_AMONG(name, lists) && element->type == REDIS_REPLY_ARRAY;
        bool time = pending && i + 2 == reply->elements; /* of a pending entry that of its delivery */
        for (size_t n = 0; list && n < element->elements; n++)
            if (!is_idle(element->element[n]))
                digest = digest_stream(element->element[n], *name == 'p', digest);
        if (!list && !time && !LA_IS_AMONG(name, left_out))
            digest = digest_stream(element, false, digest);
        name = element->type == REDIS_REPLY_STRING ? element->str : "";
    }
    return XXH64(&reply->elements, sizeof reply->elements, digest);
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

/* Of a type that is not known here, a module's say: as the server itself puts it down. */
static const struct reading *reading_of(const char *type)
{
    static const struct reading other = {NULL, "DUMP", {NULL}, false, 1, false, false};
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++)
        if (!strcmp(type, readings[i].type))
            return &readings[i];
    return &other;
}

/* Where the next command finds the key. */
static const char *go_to(redisContext *client, const struct la_address *address, const char *full)
{
    char database[16];
    snprintf(database, sizeof database, "%d", atoi(full));
    append(client, address, "SELECT", database, NULL);
    return strchr(full, ':') + 1;
}

static bool went(redisContext *client)
{
    redisReply *select = la_client_reply(client);
    bool there = select && select->type == REDIS_REPLY_STATUS;
    freeReplyObject(select);
    return there;
}

static int take_kind(redisContext *client, struct la_digest *digest, const struct reading **reading)
{
    bool there = went(client);
    redisReply *ttl = la_client_reply(client);
    redisReply *type = la_client_reply(client);
    bool told = there && ttl && ttl->type == REDIS_REPLY_INTEGER && type && type->type == REDIS_REPLY_STATUS;
    digest->answered_ns = la_now_ns();
    if (told)
        digest->ttl_ms = ttl->integer;
    *reading = told && digest->ttl_ms != -2 && strcmp(type->str, "none") != 0 ? reading_of(type->str) : NULL;
    freeReplyObject(ttl);
    freeReplyObject(type);
    return told ? 0 : -1;
}

static uint64_t digest_elements(const struct reading *reading, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ARRAY && reading->scored)
        return digest_scored(reply);
    return reading->unordered ? digest_unordered(reply, reading->step) : digest_reply(reply, 1);
}

/* Groups, consumers, pending entries and the last id, where the server tells (FULL, since Redis 6.0). */
static void ask_details(redisContext *client, const struct la_address *address, const char *key)
{
    const char *argv[] = {la_command_name(address, "XINFO"), "STREAM", key, "FULL", "COUNT", "0"};
    redisAppendCommandArgv(client, 6, argv, NULL);
}

static bool take_details(redisContext *client, struct la_digest *digest)
{
    redisReply *reply = la_client_reply(client);
    if (reply && reply->type == REDIS_REPLY_ARRAY)
        digest->content = digest_stream(reply, false, digest->content);
    freeReplyObject(reply);
    return reply;
}

static int take_content(redisContext *client, const struct reading *reading, struct la_digest *digest)
{
    bool there = went(client);
    redisReply *reply = la_client_reply(client);
    bool answered = there && reply && reply->type != REDIS_REPLY_ERROR;
    if (answered && reply->type != REDIS_REPLY_NIL)
        digest->content = digest_elements(reading, reply);
    freeReplyObject(reply);
    bool detailed = !reading->detailed || take_details(client, digest);
    return answered && detailed ? 0 : -1;
}

/* What may have expired before its content was read is taken to be gone: what was read is no content of it. */
static void end_if_over(struct la_digest *digest)
{
    uint64_t now_ns = la_now_ns();
    if (digest->ttl_ms >= 0 && (now_ns - digest->asked_ns) / 1000000 >= (uint64_t)digest->ttl_ms)
        *digest = (struct la_digest){.ttl_ms = -2, .asked_ns = digest->asked_ns, .answered_ns = now_ns};
}

static void ask_content(redisContext *client, const struct la_address *address, const char *full,
                        const struct reading *reading)
{
    const char *key = go_to(client, address, full);
    append(client, address, reading->command, key, reading->arguments);
    if (reading->detailed)
        ask_details(client, address, key);
}

int la_digest_keys(redisContext *client, const struct la_address *address, char *const *names, size_t count,
                   struct la_digest *digests)
{
    la_client_allow(client, LA_VALUES_BYTES);
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
            ask_content(client, address, names[i], kinds[i]);
    for (size_t i = 0; i < count; i++)
        if (kinds[i])
            result = take_content(client, kinds[i], &digests[i]) || result ? -1 : 0;
    for (size_t i = 0; i < count; i++)
        end_if_over(&digests[i]);
    return result;
}

/* Of one library the name and the code: in which order its functions are listed is the server's own affair. */
static uint64_t digest_library(const redisReply *library)
{
    uint64_t digest = 1;
    for (size_t i = 0; library->type == REDIS_REPLY_ARRAY && i + 1 < library->elements; i += 2) {
        const char *what = library->element[i]->str;
        if (what && (!strcmp(what, "library_name") || !strcmp(what, "library_code")))
            digest = digest_reply(library->element[i + 1], digest);
    }
    return digest;
}

int la_digest_functions(redisContext *client, const struct la_address *address, uint64_t *digest)
{
    redisReply *list = la_client_send(client, address, "FUNCTION LIST WITHCODE");
    int result = list ? 0 : -1;
    *digest = 0;
    for (size_t i = 0; list && list->type == REDIS_REPLY_ARRAY && i < list->elements; i++)
        *digest += digest_library(list->element[i]);
    freeReplyObject(list);
    return result;
}
