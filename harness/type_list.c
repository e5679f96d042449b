/* Lists: RPUSH of one element; the list must be the elements in order. */
#include "fates.h"

static void choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    (void)state;
    (void)dice;
    op->kind = 1;
}

static int write_key(const struct la_write *write)
{
    la_send(write->client, write->address, "RPUSH", write->name, write->value, NULL);
    return 1;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)op;
    state->applied++;
    return la_is_between(reply, state->applied, state->applied);
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "LRANGE", name, "0", "-1", NULL);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    la_fates_elements(history, replies[0]);
}

const struct la_type la_type_list = {
    .name = "list",
    .kinds = {{"rpush", .value = true}},
    .reads = 1,
    .choose = choose,
    .write = write_key,
    .accept = accept,
    .read = read_key,
    .judge = judge,
};
