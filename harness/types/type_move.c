/* Keys that move: SET a, RENAME a b, COPY a b, UNLINK b. Both keys together must be as they were at one moment. */
#include <stdio.h>

#include "types/fates.h"

enum { SET = 1, RENAME, COPY, UNLINK };

static void choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    static const uint8_t kinds[] = {SET, RENAME, COPY, UNLINK};
    op->kind = state->exists ? kinds[dice % 4] : SET;
    state->exists = op->kind == SET || (op->kind != RENAME && state->exists);
}

static int write_key(const struct la_write *write)
{
    struct la_subkey a = la_subkey_of(write->name, 'a');
    struct la_subkey b = la_subkey_of(write->name, 'b');
    switch ((int)write->op->kind) {
    case SET: la_send(write->client, write->address, "SET", a.text, write->value, NULL); break;
    case RENAME: la_send(write->client, write->address, "RENAME", a.text, b.text, NULL); break;
    case COPY: la_send(write->client, write->address, "COPY", a.text, b.text, "REPLACE", NULL); break;
    default: la_send(write->client, write->address, "UNLINK", b.text, NULL); break;
    }
    return 1;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)state;
    op->result = reply->integer == 1;
    return op->kind == SET || op->kind == RENAME ? la_is_status(reply, "OK") : la_is_between(reply, 0, 1);
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "GET", la_subkey_of(name, 'a').text, NULL);
    la_send(client, address, "GET", la_subkey_of(name, 'b').text, NULL);
}

/* The number of the value in each key; 0: not there. */
struct pair {
    uint32_t a, b;
};

static void apply(void *state, const struct la_op *op)
{
    struct pair *pair = state;
    switch ((int)op->kind) {
    case SET: pair->a = op->seq; break;
    case RENAME: *pair = pair->a ? (struct pair){0, pair->a} : *pair; break;
    case COPY: pair->b = pair->a ? pair->a : pair->b; break;
    default: pair->b = 0; break;
    }
}

static bool matches(const void *state, const void *read)
{
    const struct pair *pair = state;
    const struct pair *other = read;
    return pair->a == other->a && pair->b == other->b;
}

static bool number_of(struct la_history *history, const redisReply *value, uint32_t *seq)
{
    *seq = 0;
    if (value->type == REDIS_REPLY_NIL)
        return true;
    uint32_t at = la_fates_value(history, value, -1);
    *seq = at < history->count ? history->ops[at]->seq : 0;
    return at < history->count;
}

/* COPY and UNLINK say whether there was something. */
static void check_replies(struct la_history *history)
{
    struct pair pair = {0, 0};
    for (uint32_t i = 0; i < history->count; i++) {
        const struct la_op *op = history->ops[i];
        bool expected = op->kind == COPY ? pair.a != 0 : pair.b != 0;
        bool says = op->outcome != LA_OUTCOME_UNKNOWN && (op->kind == COPY || op->kind == UNLINK);
        if (says && op->result != expected)
            la_fates_report(history, LA_CORRUPT, NULL, "the reply to operation %u (%s) cannot be", op->seq,
                            la_op_kind(op)->name);
        apply(&pair, op);
    }
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    static const struct la_fates_model model = {sizeof(struct pair), apply, matches};
    struct pair read;
    char evidence[64];
    check_replies(history);
    if (!number_of(history, replies[0], &read.a) || !number_of(history, replies[1], &read.b))
        return;
    if (la_fates_prefix(history, &model, &read))
        return;
    snprintf(evidence, sizeof evidence, "a holds value %u, b value %u (0: no key)", read.a, read.b);
    la_fates_report(history, LA_TORN, evidence, "the two keys were never like this at one moment");
}

const struct la_type la_type_move = {
    .name = "move",
    .commands = "SET RENAME COPY UNLINK GET",
    .kinds = {{"set", .value = true}, {.name = "rename"}, {.name = "copy"}, {"unlink", .removes = true}},
    .parts = "ab",
    .reads = 2,
    .choose = choose,
    .write = write_key,
    .accept = accept,
    .read = read_key,
    .judge = judge,
};
