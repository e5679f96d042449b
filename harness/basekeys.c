#include "basekeys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "keyscan.h"

enum { TIMEOUT_MS = 30000 };

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

static redisReply *ask(redisContext *client, const struct la_address *address, const char *command, const char *key,
                       const char *const *arguments)
{
    const char *name = la_address_command(address, command);
    const char *argv[5] = {name ? name : command, key};
    size_t lengths[5] = {strlen(argv[0]), strlen(key)};
    int argc = 2;
    for (int i = 0; arguments && i < 3 && arguments[i]; i++, argc++) {
        argv[argc] = arguments[i];
        lengths[argc] = strlen(arguments[i]);
    }
    return redisCommandArgv(client, argc, argv, lengths);
}

static const struct reading *reading_of(redisContext *client, const struct la_address *address, const char *key)
{
    redisReply *type = ask(client, address, "TYPE", key, NULL);
    const struct reading *found = NULL;
    for (size_t i = 0; type && type->str && i < sizeof readings / sizeof *readings; i++)
        if (!strcmp(type->str, readings[i].type))
            found = &readings[i];
    freeReplyObject(type);
    return found;
}

/* 0: gone, or not to be judged (it may expire, or is of a type unknown here). */
static uint64_t digest_of(redisContext *client, const struct la_address *address, const char *key)
{
    redisReply *ttl = ask(client, address, "PTTL", key, NULL);
    bool lasting = ttl && ttl->type == REDIS_REPLY_INTEGER && ttl->integer == -1;
    freeReplyObject(ttl);
    const struct reading *reading = lasting ? reading_of(client, address, key) : NULL;
    if (!reading)
        return 0;
    redisReply *reply = ask(client, address, reading->command, key, reading->arguments);
    uint64_t digest = 0;
    if (reply && reply->type != REDIS_REPLY_ERROR && reply->type != REDIS_REPLY_NIL)
        digest = reading->unordered ? digest_unordered(reply, reading->step) : digest_reply(reply, 1);
    freeReplyObject(reply);
    return digest;
}

/* A remembered name is DATABASE:NAME. */
static uint64_t digest_named(redisContext *client, const struct la_address *address, const char *full)
{
    char select[32];
    snprintf(select, sizeof select, "SELECT %d", atoi(full));
    freeReplyObject(la_client_send(client, address, select));
    return digest_of(client, address, strchr(full, ':') + 1);
}

/* Names of the load's own kind would be taken for its keys. */
static int check_names(struct la_run *run)
{
    size_t given = 0;
    for (size_t i = 0; i < run->base_keys.count; i++) {
        const char *name = strchr(run->base_keys.items[i], ':') + 1;
        if (!strcmp(name, LA_PROBE_KEY))
            continue;
        given++;
        if (!strncmp(name, "la:", 3))
            return la_run_doubt(run, "the given data has a key '%.60s': names that begin with la: are the load's own",
                                name);
    }
    return given ? 0
                 : la_run_doubt(run, "the server loaded nothing of the given data (--data): does it fit the "
                                     "configuration (appendonly, dbfilename, appenddirname)?");
}

int la_basekeys_remember(struct la_run *run, struct la_node *node)
{
    struct la_error error;
    redisContext *client = la_client_connect(&node->address, TIMEOUT_MS, &error);
    if (!client || la_keyscan_names(client, &node->address, &run->base_keys, &error)) {
        if (client)
            redisFree(client);
        return la_run_doubt(run, "reading the data that was there: %s", error.text);
    }
    run->base_digests = la_alloc(run->base_keys.count, sizeof *run->base_digests);
    for (size_t i = 0; i < run->base_keys.count; i++)
        run->base_digests[i] = digest_named(client, &node->address, run->base_keys.items[i]);
    redisFree(client);
    return check_names(run);
}

void la_basekeys_check(struct la_run *run, struct la_node *node)
{
    struct la_error error;
    redisContext *client = run->base_keys.count ? la_client_connect(&node->address, TIMEOUT_MS, &error) : NULL;
    for (size_t i = 0; client && i < run->base_keys.count; i++) {
        const char *key = run->base_keys.items[i];
        if (!strcmp(strchr(key, ':') + 1, LA_PROBE_KEY) || !run->base_digests[i])
            continue;
        uint64_t now = digest_named(client, &node->address, key);
        if (now != run->base_digests[i])
            la_findings_add(&run->findings, now ? LA_CORRUPT : LA_LOST, key, "a key of the given data is %s",
                            now ? "not what it was" : "gone");
    }
    if (client)
        redisFree(client);
    else if (run->base_keys.count)
        la_run_doubt(run, "the given data was not read back: %s", error.text);
}
