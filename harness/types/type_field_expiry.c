/* Fields of hashes that expire (Redis 7.4): HSET, HPEXPIRE, HPERSIST of one field. See expiry.h. */
#include <stdio.h>

#include "types/expiry.h"

static void choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    la_expiry_choose(op, state, dice);
    if (op->kind == LA_EXPIRY_SET_FOR) /* no one command does both */
        op->kind = LA_EXPIRY_SET;
}

static int write_key(const struct la_write *write)
{
    redisContext *client = write->client;
    const struct la_address *address = write->address;
    char ms[16];
    snprintf(ms, sizeof ms, "%u", la_expiry_ms(write->op));
    switch ((int)write->op->kind) {
    case LA_EXPIRY_SET: la_send(client, address, "HSET", write->name, "f", write->value, NULL); break;
    case LA_EXPIRY_EXPIRE: la_send(client, address, "HPEXPIRE", write->name, ms, "FIELDS", "1", "f", NULL); break;
    default: la_send(client, address, "HPERSIST", write->name, "FIELDS", "1", "f", NULL); break;
    }
    return 1;
}

/* The integer in an array of one. */
static bool only_one(const redisReply *reply, long long *number)
{
    bool shaped =
        reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 && reply->element[0]->type == REDIS_REPLY_INTEGER;
    *number = shaped ? reply->element[0]->integer : 0;
    return shaped;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    long long number;
    (void)state;
    if (op->kind == LA_EXPIRY_SET)
        return la_is_between(reply, 0, 1);
    if (reply->type == REDIS_REPLY_NIL || (reply->type == REDIS_REPLY_ARRAY && !reply->elements))
        return true; /* no such key */
    bool shaped = only_one(reply, &number);
    op->result = number == 1;
    return shaped && number >= -2 && number <= 1;
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "HGET", name, "f", NULL);
    la_send(client, address, "HPTTL", name, "FIELDS", "1", "f", NULL);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    long long left_ms = -2;
    bool nothing = replies[1]->type == REDIS_REPLY_NIL || !replies[1]->elements;
    if (only_one(replies[1], &left_ms) || nothing)
        la_expiry_judge(history, replies[0], nothing ? -2 : left_ms);
    else
        la_fates_report(history, LA_CORRUPT, replies[1]->str, "HPTTL says something strange");
}

const struct la_type la_type_field_expiry = {
    .name = "field-expiry",
    .commands = "HSET HGET HPEXPIRE HPERSIST HPTTL",
    .kinds = {{"hset", .value = true}, {.name = "unused"}, {.name = "hpexpire"}, {.name = "hpersist"}},
    .reads = 2,
    .choose = choose,
    .write = write_key,
    .accept = accept,
    .read = read_key,
    .judge = judge,
};
