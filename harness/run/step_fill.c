/* The steps fill and fork: so much data, and how long a server's fork takes with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/steps.h"
#include "run/wait.h"

enum { BATCH = 500, REPLY_TIMEOUT_MS = 60000, SAVE_TIMEOUT_MS = 120000 };

/* ---- fill ---- */

struct fill {
    char *node;
    unsigned int megabytes; /* of values and keys, added to what was filled in before */
    unsigned int size;      /* bytes of a value */
    unsigned int times;     /* that each key is written */
};

enum { KEY_LENGTH = 15 };

/* What no compression makes smaller, and a text all the same. */
static void draw_value(uint64_t *random, char *value, unsigned int size)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    for (unsigned int i = 0; i < size;) {
        uint64_t bits = la_random(random);
        for (int digit = 0; digit < 10 && i < size; digit++, bits >>= 6)
            value[i++] = digits[bits & 63];
    }
}

/* Keys in the order of their numbers, of one node. */
struct keys {
    const char *step; /* whose they are, for words */
    uint64_t from;
    uint64_t to;
    unsigned int size; /* of the values that they get; 0: they keep theirs, of which one byte is written over */
};

static int take_replies(struct la_run *run, redisContext *client, const char *step, unsigned int count)
{
    for (; count; count--) {
        redisReply *reply = la_client_reply(client);
        bool ok = reply && reply->type != REDIS_REPLY_ERROR;
        char why[128];
        snprintf(why, sizeof why, "%.120s", reply && reply->str ? reply->str : client->errstr);
        freeReplyObject(reply);
        if (!ok)
            return la_run_doubt(run, "%s: %s", step, why);
    }
    return 0;
}

static void append_write(redisContext *client, const struct keys *keys, uint64_t key, uint64_t *random, char *value)
{
    if (!keys->size) {
        redisAppendCommand(client, "SETRANGE fill:%010llu 0 x", (unsigned long long)key);
        return;
    }
    draw_value(random, value, keys->size);
    redisAppendCommand(client, "SET fill:%010llu %b", (unsigned long long)key, value, (size_t)keys->size);
}

static int write_keys(struct la_run *run, const struct la_node *node, const struct keys *keys)
{
    struct la_error error;
    uint64_t random = run->options->seed + keys->from + 1;
    redisContext *client = la_client_connect(&node->address, REPLY_TIMEOUT_MS, &error);
    if (!client)
        return la_run_doubt(run, "%s: %s", keys->step, error.text);
    char *value = la_alloc(keys->size + 1, 1);
    unsigned int open = 0;
    int bad = 0;
    for (uint64_t key = keys->from; key < keys->to && !bad; key++) {
        append_write(client, keys, key, &random, value);
        if (++open == BATCH || key + 1 == keys->to) {
            bad = la_client_flush(client) ? la_run_doubt(run, "%s: %s", keys->step, client->errstr)
                                          : take_replies(run, client, keys->step, open);
            open = 0;
            la_run_pump(run);
        }
    }
    free(value);
    la_client_close(client);
    return bad;
}

static int run_fill(struct la_run *run, const struct la_spec *spec)
{
    const struct fill *step = (const struct fill *)spec;
    struct la_node *node = la_run_node(run, step->node);
    uint64_t from = node->filled_keys;
    uint64_t more = ((uint64_t)step->megabytes << 20) / (step->size + KEY_LENGTH) + 1;
    for (unsigned int i = 0; i < step->times; i++)
        if (write_keys(run, node, &(struct keys){"fill", from, from + more, step->size}))
            return -1;
    node->filled_keys += more;
    node->filled_bytes += more * (step->size + KEY_LENGTH);
    la_run_event(run, node->spec->name, "%llu MiB are in", (unsigned long long)(node->filled_bytes >> 20));
    return 0;
}

static void fill_defaults(struct la_spec *spec)
{
    struct fill *step = (struct fill *)spec;
    la_fill_in(&step->size, 1000);
    la_fill_in(&step->times, 1);
}

static int check_fill(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct fill *step = (const struct fill *)spec;
    (void)index;
    return step->megabytes < 1 || step->megabytes > 100000 || step->size > (64 << 20)
               ? la_check_wrong(check, "'fill' takes 1 to 100000 megabytes, of values of at most 67108864 bytes")
               : 0;
}

static const cyaml_schema_field_t fill_fields[] = {
    LA_TEXT("node", LA_OPTIONAL, struct fill, node), LA_NEEDED("megabytes", struct fill, megabytes),
    LA_NUMBER("size", struct fill, size), LA_NUMBER("times", struct fill, times), LA_END};

const struct la_step_kind la_step_fill = {
    .form = {"fill", fill_fields, sizeof(struct fill)},
    .set_defaults = fill_defaults,
    .check = check_fill,
    .keys = "fill:",
    .run = run_fill,
};

/* ---- fork ---- */

struct fork {
    char *node;
    char *name;
    unsigned int rounds;
    bool apart; /* what is measured is to be foretold from the other sizes */
};

static int save(struct la_run *run, struct la_node *node)
{
    struct la_error error;
    redisReply *reply = la_step_send(node, "BGSAVE", &error);
    bool failed = !reply || reply->type == REDIS_REPLY_ERROR;
    if (reply && failed)
        la_fail(&error, "%.200s", reply->str);
    freeReplyObject(reply);
    return failed ? la_run_doubt(run, "BGSAVE: %s", error.text) : la_wait(run, node, LA_WAIT_IDLE, SAVE_TIMEOUT_MS);
}

/* A page that nobody has written to since the last fork makes the next one cheaper, by half and more. */
static int fork_once(struct la_run *run, struct la_node *node, const struct fork *step)
{
    if (write_keys(run, node, &(struct keys){.step = "fork", .to = node->filled_keys}) || save(run, node))
        return -1;
    char *info = la_node_info(node);
    long long took_us = info ? la_info_number(info, "latest_fork_usec", -1) : -1;
    free(info);
    if (took_us < 0)
        return la_run_doubt(run, "%s: INFO does not say how long the fork took", step->name);
    la_measures_add(&run->measures, step->name, "ms",
                    (struct la_sample){(double)took_us / 1000, (double)node->filled_bytes, step->apart});
    la_run_event(run, node->spec->name, "%s: %.1f ms with %llu MiB", step->name, (double)took_us / 1000,
                 (unsigned long long)(node->filled_bytes >> 20));
    return 0;
}

static int run_fork(struct la_run *run, const struct la_spec *spec)
{
    const struct fork *step = (const struct fork *)spec;
    struct la_node *node = la_run_node(run, step->node);
    for (unsigned int i = 0; i < la_run_rounds(run, step->rounds); i++)
        if (fork_once(run, node, step))
            return -1;
    return 0;
}

static void fork_defaults(struct la_spec *spec)
{
    la_fill_in(&((struct fork *)spec)->rounds, 3);
}

static const char *fork_command(const struct la_spec *spec)
{
    (void)spec;
    return "BGSAVE";
}

static bool fork_measures(const struct la_spec *spec, const char *name)
{
    return !strcmp(((const struct fork *)spec)->name, name);
}

static const cyaml_schema_field_t fork_fields[] = {
    LA_TEXT("node", LA_OPTIONAL, struct fork, node), LA_TEXT("name", LA_REQUIRED, struct fork, name),
    LA_NUMBER("rounds", struct fork, rounds), LA_FLAG("apart", struct fork, apart), LA_END};

const struct la_step_kind la_step_fork = {
    .form = {"fork", fork_fields, sizeof(struct fork)},
    .set_defaults = fork_defaults,
    .run = run_fork,
    .command = fork_command,
    .measures = fork_measures,
};
