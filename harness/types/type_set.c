/* Sets: SADD of a member of its own, SREM of one that was added before. */
#include "ledger/value.h"
#include "types/fates.h"

enum { SADD = 1, SREM };

static int write_key(const struct la_write *write)
{
    const struct la_op *op = write->op;
    uint32_t target = op->seq - op->field;
    if (op->kind == SREM)
        la_value_make(write->value, la_value_size(write->plan, target), op->session, op->key, target);
    la_send(write->client, write->address, op->kind == SADD ? "SADD" : "SREM", write->name, write->value, NULL);
    return 1;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)state;
    op->result = reply->integer == 1;
    return la_is_between(reply, op->kind == SADD, 1);
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "SMEMBERS", name, NULL);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    if (!la_fates_array(history, replies[0], "set"))
        return;
    for (size_t i = 0; i < replies[0]->elements; i++) {
        uint32_t at = la_fates_value(history, replies[0]->element[i], -1);
        if (at < history->count)
            la_fates_keep(history, at);
    }
    la_fates_items(history);
}

const struct la_type la_type_set = {
    .name = "set",
    .commands = "SADD SREM SMEMBERS",
    .kinds = {{"sadd", .value = true}, {"srem", .removes = true}},
    .reads = 1,
    .choose = la_choose_item,
    .write = write_key,
    .accept = accept,
    .read = read_key,
    .judge = judge,
};
