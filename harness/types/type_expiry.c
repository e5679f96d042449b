/* Keys that expire: SET with and without PX, PEXPIRE, PERSIST. See expiry.h. */
#include <stdio.h>

#include "types/expiry.h"

static int write_key(const struct la_write *write)
{
    redisContext *client = write->client;
    const struct la_address *address = write->address;
    char ms[16];
    snprintf(ms, sizeof ms, "%u", la_expiry_ms(write->op));
    switch ((int)write->op->kind) {
    case LA_EXPIRY_SET: la_send(client, address, "SET", write->name, write->value, NULL); break;
    case LA_EXPIRY_SET_FOR: la_send(client, address, "SET", write->name, write->value, "PX", ms, NULL); break;
    case LA_EXPIRY_EXPIRE: la_send(client, address, "PEXPIRE", write->name, ms, NULL); break;
    default: la_send(client, address, "PERSIST", write->name, NULL); break;
    }
    return 1;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)state;
    op->result = reply->integer == 1;
    return op->kind <= LA_EXPIRY_SET_FOR ? la_is_status(reply, "OK") : la_is_between(reply, 0, 1);
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "GET", name, NULL);
    la_send(client, address, "PTTL", name, NULL);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    history->expires = replies[1]->type == REDIS_REPLY_INTEGER && replies[1]->integer >= 0;
    if (replies[1]->type == REDIS_REPLY_INTEGER)
        la_expiry_judge(history, replies[0], replies[1]->integer);
    else
        la_fates_report(history, LA_CORRUPT, replies[1]->str, "PTTL says something strange");
}

const struct la_type la_type_expiry = {
    .name = "expiry",
    .commands = "SET GET PEXPIRE PERSIST PTTL",
    .kinds = {{"set", .value = true}, {"set-px", .value = true}, {.name = "pexpire"}, {.name = "persist"}},
    .expires = true,
    .reads = 2,
    .choose = la_expiry_choose,
    .write = write_key,
    .accept = accept,
    .read = read_key,
    .judge = judge,
};
