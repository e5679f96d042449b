/* Writes that wait for replicas: SET, then WAIT. Its reply is a promise of its own: so many others have it. */
#include <stdio.h>

#include "types/fates.h"

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

const struct la_type la_type_wait = {
    .name = "wait",
    .commands = "SET GET WAIT",
    .kinds = {{"set-wait", .value = true}},
    .reads = 1,
    .alone = true,
    .choose = la_choose_only,
    .write = write_key,
    .accept = accept,
    .promised = promised,
    .read = la_read_string,
    .judge = la_string_judge,
};
