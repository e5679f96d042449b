/* Writes that wait for the disk (Redis 7.2): SET, then WAITAOF. Its reply promises that the write is durable. */
#include <stdio.h>

#include "fates.h"

static void choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    (void)state;
    (void)dice;
    op->kind = 1;
}

static int write_key(const struct la_write *write)
{
    char replicas[16];
    char ms[16];
    snprintf(replicas, sizeof replicas, "%u", write->plan->wait_replicas);
    snprintf(ms, sizeof ms, "%u", write->plan->wait_ms);
    la_send(write->client, write->address, "SET", write->name, write->value, NULL);
    la_send(write->client, write->address, "WAITAOF", "1", replicas, ms, NULL);
    return 2;
}

/* [the node itself, replicas]: 0, or 1 and the replicas. */
static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)state;
    bool shaped = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && la_is_between(reply->element[0], 0, 1) &&
                  la_is_between(reply->element[1], 0, UINT8_MAX - 1);
    op->result = shaped && reply->element[0]->integer ? (uint8_t)(1 + reply->element[1]->integer) : 0;
    return shaped;
}

static bool promised(const struct la_plan *plan, const struct la_op *op)
{
    return op->result >= 1 + plan->wait_replicas;
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "GET", name, NULL);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    la_type_string.judge(history, replies);
}

const struct la_type la_type_waitaof = {
    .name = "waitaof",
    .commands = "WAITAOF",
    .kinds = {{"set-waitaof", .value = true}},
    .reads = 1,
    .alone = true,
    .choose = choose,
    .write = write_key,
    .accept = accept,
    .promised = promised,
    .read = read_key,
    .judge = judge,
};
