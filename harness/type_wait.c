/* Writes that wait for replicas: SET, then WAIT. Its reply is a promise of its own: so many others have it. */
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
    la_send(write->client, write->address, "WAIT", replicas, ms, NULL);
    return 2;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)state;
    op->result = (uint8_t)(reply->integer < UINT8_MAX ? reply->integer : UINT8_MAX);
    return la_is_between(reply, 0, INT64_MAX);
}

static bool promised(const struct la_plan *plan, const struct la_op *op)
{
    return plan->wait_replicas && op->result >= plan->wait_replicas;
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "GET", name, NULL);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    la_type_string.judge(history, replies);
}

const struct la_type la_type_wait = {
    .name = "wait",
    .commands = "WAIT",
    .kinds = {{"set-wait", .value = true}},
    .reads = 1,
    .alone = true,
    .choose = choose,
    .write = write_key,
    .accept = accept,
    .promised = promised,
    .read = read_key,
    .judge = judge,
};
