#include "recorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "keyscan.h"

enum { TIMEOUT_MS = 30000, TTL_TOLERANCE_MS = 60000, SHORT_MS = 5000 };

/* One key of either side: how it is on the node, and whether the reference has it alike at this point. */
struct key {
    char *name; /* DATABASE:NAME */
    struct la_digest there;
    bool alike;
};

struct comparison {
    redisContext *node;
    redisContext *reference;
    const struct la_recorded_sides *sides;
    struct key *keys; /* sorted by name */
    size_t count;
    size_t different;
    unsigned int database; /* that the reference's connection is in */
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct key *)a)->name, ((const struct key *)b)->name);
}

static struct key *find(const struct comparison *comparison, const char *name)
{
    const struct key wanted = {.name = (char *)name};
    return comparison->count ? bsearch(&wanted, comparison->keys, comparison->count, sizeof wanted, by_name) : NULL;
}

/* It is later now than when the recording was sent for the first time: times to live differ by as much. */
static bool same(const struct la_digest *a, const struct la_digest *b)
{
    bool expires = a->ttl_ms >= 0 || b->ttl_ms >= 0;
    if (expires && a->ttl_ms < SHORT_MS && b->ttl_ms < SHORT_MS)
        return true; /* about to go, or just gone */
    if (a->content != b->content || (a->ttl_ms < 0) != (b->ttl_ms < 0))
        return false;
    long long apart = a->ttl_ms - b->ttl_ms;
    return !expires || (apart > -TTL_TOLERANCE_MS && apart < TTL_TOLERANCE_MS);
}

static void enter(struct comparison *comparison, struct key *key, const struct la_digest *now)
{
    bool alike = same(&key->there, now);
    comparison->different += key->alike && !alike;
    comparison->different -= !key->alike && alike;
    key->alike = alike;
}

/* How a key is on the reference now. */
static int look(struct comparison *comparison, struct key *key)
{
    struct la_digest now;
    if (la_digest_keys(comparison->reference, comparison->sides->reference, &key->name, 1, &now))
        return -1;
    enter(comparison, key, &now);
    comparison->database = (unsigned int)atoi(key->name);
    return 0;
}

/* A key that the recording touches and the node has not. */
static struct key *add_missing(struct comparison *comparison, const char *name)
{
    struct key *more = comparison->keys = la_realloc(comparison->keys, comparison->count + 1, sizeof *more);
    size_t at = comparison->count++;
    for (; at && strcmp(more[at - 1].name, name) > 0; at--)
        more[at] = more[at - 1];
    more[at] = (struct key){.name = la_strdup(name), .there = {.ttl_ms = -2}, .alike = true};
    return &more[at];
}

/* The keys of one command, as the server itself tells them; a command without any may concern all. */
static redisReply *keys_of(struct comparison *comparison, const redisReply *command)
{
    const char **words = la_alloc(command->elements + 2, sizeof *words);
    size_t *lengths = la_alloc(command->elements + 2, sizeof *lengths);
    words[0] = "COMMAND";
    words[1] = "GETKEYS";
    lengths[0] = lengths[1] = 7;
    la_recording_words(command, words + 2, lengths + 2);
    redisReply *reply = redisCommandArgv(comparison->reference, (int)command->elements + 2, words, lengths);
    free(words);
    free(lengths);
    return reply;
}

/* For a command that does not say which keys it touches. */
static int look_at_all(struct comparison *comparison)
{
    struct la_digest now[LA_DIGEST_BATCH];
    char *names[LA_DIGEST_BATCH];
    for (size_t from = 0; from < comparison->count; from += LA_DIGEST_BATCH) {
        size_t count = comparison->count - from < LA_DIGEST_BATCH ? comparison->count - from : LA_DIGEST_BATCH;
        for (size_t i = 0; i < count; i++)
            names[i] = comparison->keys[from + i].name;
        if (la_digest_keys(comparison->reference, comparison->sides->reference, names, count, now))
            return -1;
        for (size_t i = 0; i < count; i++)
            enter(comparison, &comparison->keys[from + i], &now[i]);
        comparison->database = (unsigned int)atoi(names[count - 1]);
    }
    return 0;
}

static int look_at(struct comparison *comparison, const struct la_recorded *item, const redisReply *command)
{
    redisReply *keys = keys_of(comparison, command);
    int result = keys ? 0 : -1;
    if (keys && keys->type != REDIS_REPLY_ARRAY)
        result = look_at_all(comparison);
    for (size_t i = 0; keys && keys->type == REDIS_REPLY_ARRAY && i < keys->elements && !result; i++) {
        char *name = la_format("%u:%s", item->database, keys->element[i]->str);
        struct key *key = find(comparison, name);
        if (!la_keyscan_find(comparison->sides->ignore, (int)item->database, keys->element[i]->str))
            result = look(comparison, key ? key : add_missing(comparison, name));
        free(name);
    }
    freeReplyObject(keys);
    return result;
}

/* Sends one item to the reference, and looks at what it has touched. */
static int step(struct comparison *comparison, const struct la_recorded *item)
{
    void *reply = NULL;
    for (int left = la_recording_send(item, comparison->reference, &comparison->database); left; left--) {
        if (redisGetReply(comparison->reference, &reply) != REDIS_OK)
            return -1;
        freeReplyObject(reply);
    }
    int result = 0;
    for (size_t i = 0; i < item->count && !result; i++)
        result = look_at(comparison, item, item->commands[i]);
    return result;
}

static int read_node(struct comparison *comparison, struct la_error *error)
{
    struct la_strings names = {0};
    int result = la_keyscan_names(comparison->node, comparison->sides->node, &names, error);
    comparison->keys = la_alloc(names.count + 1, sizeof *comparison->keys);
    for (size_t i = 0; i < names.count && !result; i++) {
        const char *name = strchr(names.items[i], ':') + 1;
        if (!strcmp(name, LA_PROBE_KEY) || la_keyscan_find(comparison->sides->ignore, atoi(names.items[i]), name))
            continue;
        struct key *key = &comparison->keys[comparison->count++];
        key->name = la_strdup(names.items[i]);
        result = la_digest_keys(comparison->node, comparison->sides->node, &key->name, 1, &key->there);
        comparison->different++; /* the reference is still empty */
    }
    if (result)
        la_fail(error, "the keys were not read");
    la_strings_free(&names);
    return result;
}

/* The beginnings of the recording that lead to what came back. */
struct beginnings {
    bool any;
    uint64_t earliest, latest; /* operations in them */
};

static int try_all(struct comparison *comparison, const struct la_ledger *ledger, const struct la_recording *recording,
                   struct beginnings *found)
{
    uint64_t count = la_ledger_count(ledger);
    for (uint64_t i = 0; i <= count; i++) {
        if (!comparison->different) {
            found->earliest = found->any ? found->earliest : i;
            found->latest = i;
            found->any = true;
        }
        const struct la_op *op = &ledger->ops[i];
        bool sent = i < count && op->outcome < LA_OUTCOME_ERROR && op->seq <= recording->count;
        if (sent && step(comparison, &recording->items[op->seq - 1]))
            return -1;
    }
    return 0;
}

static void report_differences(const struct comparison *comparison, struct la_findings *findings)
{
    for (size_t i = 0; i < comparison->count; i++) {
        const struct key *key = &comparison->keys[i];
        if (!key->alike)
            la_findings_add(findings, LA_CORRUPT, key->name,
                            "no beginning of the recording leads to what came back; at its end this key differs");
    }
}

static void add_all(const struct la_ledger *ledger, const struct beginnings *found, struct la_tally *tally)
{
    uint64_t count = la_ledger_count(ledger);
    for (uint64_t i = 0; i < count; i++) {
        const struct la_op *op = &ledger->ops[i];
        bool replied = op->outcome != LA_OUTCOME_UNKNOWN;
        enum la_fate fate = i < found->latest || !found->any ? LA_FATE_IMPLIED : replied ? LA_FATE_LOST : LA_FATE_NONE;
        if (found->any && i + 1 == found->earliest)
            fate = LA_FATE_KEPT;
        if (op->outcome < LA_OUTCOME_ERROR)
            la_tally_add(tally, op, fate);
    }
}

static void release(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->count; i++)
        free(comparison->keys[i].name);
    free(comparison->keys);
    if (comparison->node)
        redisFree(comparison->node);
    if (comparison->reference)
        redisFree(comparison->reference);
}

long long la_recorded_judge(const struct la_ledger *ledger, const struct la_recording *recording,
                            const struct la_recorded_sides *sides, struct la_findings *findings, struct la_tally *tally,
                            struct la_error *error)
{
    struct comparison comparison = {.sides = sides};
    struct beginnings found = {0};
    comparison.node = la_client_connect(sides->node, TIMEOUT_MS, error);
    comparison.reference = comparison.node ? la_client_connect(sides->reference, TIMEOUT_MS, error) : NULL;
    int result = comparison.reference ? read_node(&comparison, error) : -1;
    if (!result && try_all(&comparison, ledger, recording, &found))
        result = la_fail(error, "the server that the recording is compared with did not answer: %s",
                         comparison.reference->errstr);
    if (!result && !found.any)
        report_differences(&comparison, findings);
    if (!result)
        add_all(ledger, &found, tally);
    long long keys = result ? -1 : (long long)comparison.count;
    release(&comparison);
    return keys;
}
