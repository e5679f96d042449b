/* Strings: SET with a new value each time, and now and then DEL or UNLINK. */
#include "types/fates.h"

enum { SET = 1, DEL, UNLINK, REMOVED_ONE_IN = 8 };

static void choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    (void)state;
    op->kind = dice % REMOVED_ONE_IN ? SET : dice / REMOVED_ONE_IN % 2 ? DEL : UNLINK;
}

static int write_key(const struct la_write *write)
{
    if (write->op->kind == SET)
        la_send(write->client, write->address, "SET", write->name, write->value, NULL);
    else
        la_send(write->client, write->address, write->op->kind == DEL ? "DEL" : "UNLINK", write->name, NULL);
    return 1;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    bool existed = state->fields & 1; /* a string is its own first field */
    state->fields = op->kind == SET ? 1 : 0;
    return op->kind == SET ? la_is_status(reply, "OK") : la_is_between(reply, existed, existed);
}

void la_string_judge(struct la_history *history, redisReply *const *replies)
{
    uint32_t at[LA_FIELDS];
    for (int field = 0; field < LA_FIELDS; field++)
        at[field] = history->count;
    if (replies[0]->type != REDIS_REPLY_NIL) {
        at[0] = la_fates_value(history, replies[0], 0);
        if (at[0] == history->count) /* not ours: nothing follows for the rest */
            return;
    }
    la_fates_fields(history, at);
}

const struct la_type la_type_string = {
    .name = "string",
    .commands = "SET GET DEL UNLINK",
    .kinds = {{"set", .value = true}, {"del", .removes = true}, {"unlink", .removes = true}},
    .reads = 1,
    .choose = choose,
    .write = write_key,
    .accept = accept,
    .read = la_read_string,
    .judge = la_string_judge,
};
