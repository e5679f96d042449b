/* Writes that wait for the disk (Redis 7.2): SET, then WAITAOF. Its reply promises that the write is durable. */
#include <stdio.h>

#include "types/fates.h"

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

const struct la_type la_type_waitaof = {
    .name = "waitaof",
    .commands = "SET GET WAITAOF",
    .kinds = {{"set-waitaof", .value = true}},
    .reads = 1,
    .alone = true,
    .choose = la_choose_only,
    .write = write_key,
    .accept = accept,
    .promised = promised,
    .read = la_read_string,
    .judge = la_string_judge,
};
