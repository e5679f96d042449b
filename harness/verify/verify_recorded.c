#include "verify/verify_recorded.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/digest.h"
#include "redis/drawn.h"
#include "redis/keyscan.h"
#include "verify/sent.h"

enum { TIMEOUT_MS = 30000, NS_PER_MS = 1000000 };

/* Of times to live: what two readings of a deadline may differ by, and when a key may go while it is being read. */
enum { SLACK_MS = 1000, GOING_MS = 100 };
#define FAR_MS (1LL << 50) /* what is further away is not told apart */

#define ANY_DATABASE UINT_MAX

/* One key of either side: how it is on the node, and whether the reference has it alike at this point. */
struct key {
    char *name; /* DATABASE:NAME */
    struct la_digest there;
    bool alike;
    bool own;              /* the scenario's commands name it, and the reference has not had it yet */
    bool here;             /* the reference has it */
    long long deadline_ms; /* on the reference; */
    uint64_t set_ns;       /* and when the node was told of it, at the earliest */
};

struct comparison {
    redisContext *node;
    redisContext *reference;
    const struct la_recorded_sides *sides;
    struct la_error *error;
    struct key *keys; /* sorted by name */
    size_t count;
    size_t different;
    size_t here;
    size_t witness;        /* where a key stands that differed when it was last looked at */
    uint64_t read_ns;      /* when the node was read */
    uint64_t first_ns;     /* when the node was sent the first of all */
    uint64_t functions;    /* libraries on the node; */
    bool same_functions;   /* and whether the reference has them alike at this point */
    bool guessed;          /* what an operation drew at random is not known: its reply never came */
    bool unsure;           /* a command may have changed more than the keys that were looked at */
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

static bool concerns(const char *full)
{
    return strcmp(strchr(full, ':') + 1, LA_RECOVERY_KEY) != 0;
}

static int no_answer(struct comparison *comparison)
{
    const char *why = comparison->reference->errstr;
    return la_fail(comparison->error, "the server that the recording is compared with did not answer: %s",
                   *why ? why : "PTTL, TYPE or what else is needed is disabled");
}

static bool gone(const struct la_digest *digest)
{
    return digest->ttl_ms == -2 || (digest->ttl_ms >= 0 && digest->ttl_ms < GOING_MS);
}

/* What has a time to live was read some time between two moments: so is its deadline. */
static long long earliest_ms(const struct la_digest *digest)
{
    return (long long)(digest->asked_ns / NS_PER_MS) + (digest->ttl_ms < FAR_MS ? digest->ttl_ms : FAR_MS);
}

static long long latest_ms(const struct la_digest *digest)
{
    return earliest_ms(digest) + (long long)((digest->answered_ns - digest->asked_ns) / NS_PER_MS);
}

static long long ms_between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (long long)((to_ns - from_ns) / NS_PER_MS) : 0;
}

/*
 * A deadline that was given as a time to live is later on the reference, which was told of it later than the node; one
 * that was given as a time is the same. Of a key that only one side has, the other may have seen the deadline pass.
 */
static bool same(const struct key *key, const struct la_digest *now)
{
    const struct la_digest *there = &key->there;
    if (gone(there) && gone(now))
        return true;
    if (gone(now))
        return there->ttl_ms >= 0 && earliest_ms(there) <= (long long)(now->answered_ns / NS_PER_MS) + SLACK_MS;
    if (gone(there))
        return now->ttl_ms >= 0 && now->ttl_ms <= ms_between(key->set_ns, there->answered_ns) + SLACK_MS;
    if (there->content != now->content || (there->ttl_ms < 0) != (now->ttl_ms < 0))
        return false;
    if (now->ttl_ms < 0)
        return true;
    return latest_ms(now) > earliest_ms(there) - SLACK_MS &&
           earliest_ms(now) < latest_ms(there) + ms_between(key->set_ns, now->answered_ns) + SLACK_MS;
}

/* `since_ns`: when the node was sent what may have changed the key since it was last looked at. */
static void enter(struct comparison *comparison, struct key *key, const struct la_digest *now, uint64_t since_ns)
{
    if (now->ttl_ms >= 0 &&
        (latest_ms(now) < key->deadline_ms - SLACK_MS || earliest_ms(now) > key->deadline_ms + SLACK_MS)) {
        key->deadline_ms = earliest_ms(now);
        key->set_ns = since_ns;
    } else if (now->ttl_ms >= 0 &&
               since_ns < key->set_ns) { /* it may be another one that happens to be about the same */
        key->set_ns = since_ns;
    }
    bool here = now->ttl_ms != -2;
    key->own = key->own && !here;
    bool alike = key->own || same(key, now);
    comparison->different += key->alike && !alike;
    comparison->different -= !key->alike && alike;
    comparison->here += here && !key->here;
    comparison->here -= !here && key->here;
    key->alike = alike;
    key->here = here;
}

/* How a key is on the reference now. */
static int look(struct comparison *comparison, struct key *key, uint64_t since_ns)
{
    struct la_digest now;
    comparison->database = ANY_DATABASE;
    if (la_digest_keys(comparison->reference, comparison->sides->reference, &key->name, 1, &now))
        return no_answer(comparison);
    enter(comparison, key, &now, since_ns);
    return 0;
}

/* A key that the recording touches and the node has not. */
static struct key *add_missing(struct comparison *comparison, const char *name)
{
    struct key *more = comparison->keys = la_realloc(comparison->keys, comparison->count + 1, sizeof *more);
    size_t at = comparison->count++;
    for (; at && strcmp(more[at - 1].name, name) > 0; at--)
        more[at] = more[at - 1];
    more[at] = (struct key){.name = la_strdup(name), .alike = true};
    more[at].there = (struct la_digest){.ttl_ms = -2, .answered_ns = comparison->read_ns};
    return &more[at];
}

static bool is_script(const redisReply *command)
{
    return la_recorded_is(command, "EVAL") || la_recorded_is(command, "EVALSHA") || la_recorded_is(command, "FCALL");
}

/* What may reach keys that it does not declare, or another database. */
static bool reaches_further(const redisReply *command)
{
    return is_script(command) || la_recorded_is(command, "MOVE") || la_recorded_is(command, "COPY");
}

/* A key may get a deadline from it that another has had for long. */
static bool passes_deadlines_on(const redisReply *command)
{
    return reaches_further(command) || la_recorded_is(command, "RENAME") || la_recorded_is(command, "RENAMENX");
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
    redisReply *reply = la_client_words(comparison->reference, (int)command->elements + 2, words, lengths);
    free(words);
    free(lengths);
    return reply;
}

static int look_again(struct comparison *comparison)
{
    struct la_digest now[LA_DIGEST_BATCH];
    char *names[LA_DIGEST_BATCH];
    comparison->database = ANY_DATABASE;
    for (size_t from = 0; from < comparison->count; from += LA_DIGEST_BATCH) {
        size_t count = comparison->count - from < LA_DIGEST_BATCH ? comparison->count - from : LA_DIGEST_BATCH;
        for (size_t i = 0; i < count; i++)
            names[i] = comparison->keys[from + i].name;
        if (la_digest_keys(comparison->reference, comparison->sides->reference, names, count, now))
            return no_answer(comparison);
        for (size_t i = 0; i < count; i++)
            enter(comparison, &comparison->keys[from + i], &now[i], comparison->first_ns);
    }
    return 0;
}

/* All keys that either side has. */
static int look_at_all(struct comparison *comparison)
{
    struct la_strings names = {0};
    comparison->database = ANY_DATABASE;
    int result = la_keyscan_names(comparison->reference, comparison->sides->reference, &names, comparison->error);
    for (size_t i = 0; i < names.count && !result; i++)
        if (concerns(names.items[i]) && !find(comparison, names.items[i]))
            add_missing(comparison, names.items[i]);
    la_strings_free(&names);
    if (result || look_again(comparison))
        return -1;
    comparison->unsure = false;
    return 0;
}

/* Goes through the keys that differed, to the first that still does. */
static int look_at_different(struct comparison *comparison)
{
    for (size_t left = comparison->count; left && comparison->different; left--) {
        struct key *key = &comparison->keys[comparison->witness % comparison->count];
        if (!key->alike && look(comparison, key, comparison->first_ns))
            return -1;
        if (!key->alike)
            return 0;
        comparison->witness = (comparison->witness + 1) % comparison->count;
    }
    return 0;
}

/* Whether the reference has as many keys as it is known to have. */
static bool as_many(const struct comparison *comparison)
{
    char *info = la_client_info(comparison->reference, comparison->sides->reference);
    long long keys = la_info_keyspace(info).keys;
    free(info);
    return keys >= 0 && (size_t)keys == comparison->here;
}

/* To look at everything takes long: it is done only where nothing else tells the two sides apart. */
static int compare(struct comparison *comparison, bool *equal)
{
    if (comparison->same_functions && comparison->unsure && look_at_different(comparison))
        return -1;
    bool seems = comparison->same_functions && !comparison->different;
    if (seems && (comparison->unsure || !as_many(comparison)) && look_at_all(comparison))
        return -1;
    *equal = seems && !comparison->different;
    return 0;
}

static int look_at_name(struct comparison *comparison, unsigned int database, const redisReply *name, uint64_t since_ns)
{
    if (strlen(name->str) != name->len)
        return la_fail(comparison->error, "a key has a zero byte in its name: such names are not compared");
    char *full = la_format("%u:%s", database, name->str);
    struct key *key = find(comparison, full);
    int result = 0;
    if (concerns(full))
        result = look(comparison, key ? key : add_missing(comparison, full), since_ns);
    free(full);
    return result;
}

static int look_at_functions(struct comparison *comparison)
{
    uint64_t now;
    if (la_digest_functions(comparison->reference, comparison->sides->reference, &now))
        return no_answer(comparison);
    comparison->same_functions = now == comparison->functions;
    return 0;
}

static int look_at(struct comparison *comparison, unsigned int database, const redisReply *command, uint64_t since_ns)
{
    if (la_recorded_is(command, "FUNCTION"))
        return look_at_functions(comparison);
    redisReply *keys = keys_of(comparison, command);
    bool known = keys && keys->type == REDIS_REPLY_ARRAY;
    int result = keys ? 0 : no_answer(comparison);
    comparison->unsure = comparison->unsure || !known || reaches_further(command);
    if (passes_deadlines_on(command))
        since_ns = comparison->first_ns;
    for (size_t i = 0; known && i < keys->elements && !result; i++)
        result = look_at_name(comparison, database, keys->element[i], since_ns);
    freeReplyObject(keys);
    return result;
}

/*
 * A deadline that is given as a time, and passed after the node was told of it: the reference is told too late, and a
 * key that was there then is not there now.
 */
static int check_deadlines(struct comparison *comparison, const struct la_recorded *item, const struct la_op *op)
{
    int64_t wall_ns = la_wall_offset_ns();
    long long then_ms = (long long)((int64_t)op->invoked_ns + wall_ns) / NS_PER_MS - SLACK_MS;
    long long now_ms = (long long)((int64_t)la_now_ns() + wall_ns) / NS_PER_MS + SLACK_MS;
    for (size_t i = 0; i < item->count; i++) {
        long long deadline_ms = la_recording_deadline_ms(item->commands[i]);
        if (deadline_ms > then_ms && deadline_ms < now_ms)
            return la_fail(comparison->error,
                           "a recorded deadline has passed since it was sent: what it did then is not "
                           "known now");
    }
    return 0;
}

/* Changes of data since the reference was started, as it counts them itself; -1: it does not say. */
static long long changes(struct comparison *comparison)
{
    redisReply *info = la_client_send(comparison->reference, comparison->sides->reference, "INFO persistence");
    long long count =
        la_info_number(info && info->type == REDIS_REPLY_STRING ? info->str : NULL, "rdb_changes_since_last_save", -1);
    freeReplyObject(info);
    return count;
}

/* Sends one item to the reference, and looks at what it has touched. */
static int step(struct comparison *comparison, const struct la_recorded *item, const struct la_op *op)
{
    bool refused = false;
    bool *changed = comparison->sides->changed ? &comparison->sides->changed[op->seq - 1] : NULL;
    long long before = changed ? changes(comparison) : 0;
    comparison->guessed = comparison->guessed || (op->outcome == LA_OUTCOME_UNKNOWN && la_drawn_is_random(item));
    if (check_deadlines(comparison, item, op))
        return -1;
    for (int left = la_recording_send(item, comparison->reference, &comparison->database); left; left--) {
        redisReply *reply = la_client_reply(comparison->reference);
        if (!reply)
            return no_answer(comparison);
        refused = reply->type == REDIS_REPLY_ERROR;
        freeReplyObject(reply);
    }
    if (op->outcome >= LA_OUTCOME_ERROR && !refused)
        return la_fail(comparison->error, "a script was refused, but the server to compare with accepts it: "
                                          "what it had done by then is not known");
    int result = 0;
    if (changed)
        *changed = changes(comparison) != before;
    unsigned int database = item->database;
    for (size_t i = 0; i < item->count && !result; i++) {
        if (la_recorded_is(item->commands[i], "SELECT"))
            database = la_recording_selects(item->commands[i]);
        else
            result = look_at(comparison, database, item->commands[i], op->invoked_ns);
    }
    return result;
}

static int read_node(struct comparison *comparison)
{
    struct la_strings names = {0};
    int result = la_keyscan_names(comparison->node, comparison->sides->node, &names, comparison->error);
    comparison->keys = la_alloc(names.count + 1, sizeof *comparison->keys);
    for (size_t i = 0; i < names.count && !result; i++) {
        if (!concerns(names.items[i]))
            continue;
        struct key *key = &comparison->keys[comparison->count++];
        const char *name = strchr(names.items[i], ':') + 1;
        key->name = la_strdup(names.items[i]);
        key->own = la_sent_names(comparison->sides->sent, name, strlen(name));
        if (la_digest_keys(comparison->node, comparison->sides->node, &key->name, 1, &key->there))
            result =
                la_fail(comparison->error, "the keys were not read: PTTL, TYPE or what else is needed may be disabled");
        comparison->different++; /* until it has been looked at there */
    }
    comparison->read_ns = la_now_ns();
    la_strings_free(&names);
    if (!result && la_digest_functions(comparison->node, comparison->sides->node, &comparison->functions))
        result = la_fail(comparison->error, "the functions were not read");
    return result;
}

/* The beginnings of the recording that lead to what came back. */
struct beginnings {
    bool any;
    uint64_t earliest, latest; /* operations in them */
};

/* An error that says that the command was not begun, in Redis' words; one from within a script names the script. */
static bool never_ran(const char *error)
{
    static const char *const words[] = {
        "LOADING Redis is loading",
        "MISCONF Redis is configured to save",
        "MISCONF Errors writing to the AOF",
        "OOM command not allowed",
        "READONLY You can't write against a read only",
        "NOAUTH Authentication required",
        "NOPERM this user has no permissions",
        "NOPERM User ",
        "NOREPLICAS Not enough good replicas",
        "MASTERDOWN Link with MASTER",
        "BUSY Redis is busy running",
        "CLUSTERDOWN The cluster is down",
        "NOSCRIPT No matching script",
    };
    bool refusal = false;
    for (size_t i = 0; i < sizeof words / sizeof *words && !refusal; i++)
        refusal = !strncmp(error, words[i], strlen(words[i]));
    return refusal && !strstr(error, " script: ");
}

/* A refused command has changed nothing, but a script may have before it failed. */
static bool ran(const struct la_ledger *ledger, const struct la_op *op, const struct la_recorded *item)
{
    if (op->outcome < LA_OUTCOME_ERROR)
        return true;
    return item->count == 1 && is_script(item->commands[0]) &&
           !never_ran(ledger->head->errors[op->outcome - LA_OUTCOME_ERROR].text);
}

static int try_all(struct comparison *comparison, const struct la_ledger *ledger, const struct la_recording *recording,
                   struct beginnings *found)
{
    uint64_t count = la_ledger_count(ledger);
    comparison->first_ns = count ? ledger->ops[0].invoked_ns : 0;
    if (look_at_functions(comparison) || look_at_all(comparison))
        return -1;
    for (uint64_t i = 0; i <= count; i++) {
        bool equal = false;
        if (compare(comparison, &equal))
            return -1;
        if (equal) {
            found->earliest = found->any ? found->earliest : i;
            found->latest = i;
            found->any = true;
        }
        const struct la_op *op = &ledger->ops[i];
        if (i == count || op->seq > recording->count || !ran(ledger, op, &recording->items[op->seq - 1]))
            continue;
        if (step(comparison, &recording->items[op->seq - 1], op))
            return -1;
    }
    if (!found->any && comparison->guessed)
        return la_fail(comparison->error, "what the last operation drew at random is not known: its reply never came");
    return found->any ? 0 : look_at_all(comparison);
}

static void report_differences(const struct comparison *comparison, struct la_findings *findings)
{
    if (!comparison->same_functions)
        la_findings_add(findings, LA_CORRUPT, NULL,
                        "no beginning of the recording leads to what came back; at its end the functions differ");
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

static long long keys_there(const struct comparison *comparison)
{
    long long keys = 0;
    for (size_t i = 0; i < comparison->count; i++)
        keys += comparison->keys[i].there.ttl_ms != -2;
    return keys;
}

static void release(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->count; i++)
        free(comparison->keys[i].name);
    free(comparison->keys);
    if (comparison->node)
        la_client_close(comparison->node);
    if (comparison->reference)
        la_client_close(comparison->reference);
}

long long la_recorded_judge(const struct la_ledger *ledger, const struct la_recording *recording,
                            const struct la_recorded_sides *sides, struct la_findings *findings, struct la_tally *tally,
                            struct la_error *error)
{
    struct comparison comparison = {.sides = sides, .error = error};
    struct beginnings found = {0};
    comparison.node = la_client_connect(sides->node, TIMEOUT_MS, error);
    comparison.reference = comparison.node ? la_client_connect(sides->reference, TIMEOUT_MS, error) : NULL;
    int result = comparison.reference ? read_node(&comparison) : -1;
    if (!result)
        result = try_all(&comparison, ledger, recording, &found);
    if (!result && !found.any)
        report_differences(&comparison, findings);
    if (!result)
        add_all(ledger, &found, tally);
    long long keys = result ? -1 : keys_there(&comparison);
    release(&comparison);
    return keys;
}
