/* Strings: SET with a new value each time, and now and then DEL. */
#include <stdio.h>
#include <string.h>

#include "types.h"

enum { DEL_ONE_IN = 8 };

static void choose(struct la_op *op, uint64_t dice)
{
    op->kind = dice % DEL_ONE_IN == 0 ? LA_OP_DEL : LA_OP_SET;
}

static void write_key(const struct la_write *write)
{
    if (write->op->kind == LA_OP_DEL) {
        const char *del[] = {"DEL", write->name};
        la_append(write->client, write->address, 2, del, (const size_t[]){3, strlen(write->name)});
        return;
    }
    const char *set[] = {"SET", write->name, write->value};
    la_append(write->client, write->address, 3, set, (const size_t[]){3, strlen(write->name), write->plan->value_size});
}

static bool accept(struct la_key_state *state, const struct la_op *op, const redisReply *reply)
{
    bool existed = state->exists;
    state->exists = op->kind == LA_OP_SET;
    if (op->kind == LA_OP_SET)
        return reply->type == REDIS_REPLY_STATUS && !strcmp(reply->str, "OK");
    return reply->type == REDIS_REPLY_INTEGER && reply->integer == (existed ? 1 : 0);
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    const char *get[] = {"GET", name};
    la_append(client, address, 2, get, (const size_t[]){3, strlen(name)});
}

/* Nothing there: true before the first SET and after each DEL. The last of these moments is taken. */
static void judge_absent(struct la_history *history)
{
    uint32_t upto = history->count;
    while (upto > 0 && history->ops[upto - 1]->kind != LA_OP_DEL)
        upto--;
    for (uint32_t i = 0; i < upto; i++)
        history->fates[i] = LA_FATE_IMPLIED;
    la_judge_lost(history, upto, history->count);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    const redisReply *reply = replies[0];
    uint32_t seq = 0;
    if (reply->type == REDIS_REPLY_NIL) {
        judge_absent(history);
        return;
    }
    if (reply->type != REDIS_REPLY_STRING) {
        la_findings_add(history->findings, LA_CORRUPT, reply->str, "%s is no longer a string", history->name);
        return;
    }
    size_t length = (size_t)reply->len;
    enum la_value_kind kind =
        la_value_read(reply->str, length, history->plan->value_size, history->session, history->key, &seq);
    uint32_t at = kind == LA_VALUE_GOOD ? la_judge_find(history, seq) : history->count;
    if (at == history->count || history->ops[at]->kind != LA_OP_SET) {
        la_judge_bad_value(history, kind, reply->str, length);
        return;
    }
    for (uint32_t i = 0; i < at; i++)
        history->fates[i] = LA_FATE_IMPLIED;
    history->fates[at] = LA_FATE_KEPT;
    la_judge_lost(history, at + 1, history->count);
}

const struct la_type la_type_string = {"string", 1, 1, choose, write_key, accept, read_key, judge};
