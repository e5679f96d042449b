#include "basekeys.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "keyscan.h"

enum { TIMEOUT_MS = 30000 };

/* A set's or hash's serialised order depends on its table's history, so an order-free sum of its elements is taken. */
static uint64_t sum_elements(const redisReply *reply, size_t step)
{
    uint64_t sum = reply->elements + 1;
    for (size_t i = 0; i + step <= reply->elements; i += step) {
        uint64_t digest = 0;
        for (size_t part = 0; part < step; part++) {
            const redisReply *element = reply->element[i + part];
            digest = XXH64(element->str, (size_t)element->len, digest);
        }
        sum += digest;
    }
    return sum;
}

static redisReply *ask(redisContext *client, const struct la_address *address, const char *command, const char *key,
                       bool whole_range)
{
    const char *name = la_address_command(address, command);
    const char *argv[] = {name ? name : command, key, "0", "-1"};
    const size_t lengths[] = {strlen(argv[0]), strlen(key), 1, 2};
    return redisCommandArgv(client, whole_range ? 4 : 2, argv, lengths);
}

/* 0: gone, or not to be judged (it may expire, or the server does not serialise it). */
static uint64_t digest_of(redisContext *client, const struct la_address *address, const char *key)
{
    redisReply *ttl = ask(client, address, "PTTL", key, false);
    bool lasting = ttl && ttl->type == REDIS_REPLY_INTEGER && ttl->integer == -1;
    freeReplyObject(ttl);
    if (!lasting)
        return 0;
    redisReply *type = ask(client, address, "TYPE", key, false);
    const char *name = type && type->str ? type->str : "";
    bool set = !strcmp(name, "set");
    bool hash = !strcmp(name, "hash");
    bool list = !strcmp(name, "list");
    const char *command = set ? "SMEMBERS" : hash ? "HGETALL" : list ? "LRANGE" : "DUMP";
    freeReplyObject(type);
    redisReply *reply = ask(client, address, command, key, list);
    uint64_t digest = 0;
    if (reply && reply->type == REDIS_REPLY_ARRAY)
        digest = sum_elements(reply, hash ? 2 : 1);
    else if (reply && reply->type == REDIS_REPLY_STRING)
        digest = XXH64(reply->str, (size_t)reply->len, 1);
    freeReplyObject(reply);
    return digest;
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
        run->base_digests[i] = digest_of(client, &node->address, run->base_keys.items[i]);
    redisFree(client);
    return 0;
}

void la_basekeys_check(struct la_run *run, struct la_node *node)
{
    struct la_error error;
    redisContext *client = run->base_keys.count ? la_client_connect(&node->address, TIMEOUT_MS, &error) : NULL;
    for (size_t i = 0; client && i < run->base_keys.count; i++) {
        const char *key = run->base_keys.items[i];
        if (!strcmp(key, LA_PROBE_KEY) || !run->base_digests[i])
            continue;
        uint64_t now = digest_of(client, &node->address, key);
        if (now != run->base_digests[i])
            la_findings_add(&run->findings, now ? LA_CORRUPT : LA_LOST, key, "a key of the given data is %s",
                            now ? "not what it was" : "gone");
    }
    if (client)
        redisFree(client);
    else if (run->base_keys.count)
        la_run_doubt(run, "the given data was not read back: %s", error.text);
}
