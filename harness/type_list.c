/* Lists: RPUSH of one element; the list must be the elements in order. */
#include <string.h>

#include "types.h"

static void choose(struct la_op *op, uint64_t dice)
{
    (void)dice;
    op->kind = LA_OP_RPUSH;
}

static void write_key(const struct la_write *write)
{
    const char *push[] = {"RPUSH", write->name, write->value};
    la_append(write->client, write->address, 3, push,
              (const size_t[]){5, strlen(write->name), write->plan->value_size});
}

static bool accept(struct la_key_state *state, const struct la_op *op, const redisReply *reply)
{
    (void)op;
    return reply->type == REDIS_REPLY_INTEGER && reply->integer == (long long)++state->applied;
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    const char *range[] = {"LRANGE", name, "0", "-1"};
    la_append(client, address, 4, range, (const size_t[]){6, strlen(name), 1, 2});
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    la_judge_elements(history, replies[0]);
}

const struct la_type la_type_list = {"list", 1, 1, choose, write_key, accept, read_key, judge};
