/* Counters: INCR, whose reply says how many came before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "types.h"

static void choose(struct la_op *op, uint64_t dice)
{
    (void)dice;
    op->kind = LA_OP_INCR;
}

static void write_key(const struct la_write *write)
{
    const char *incr[] = {"INCR", write->name};
    la_append(write->client, write->address, 2, incr, (const size_t[]){4, strlen(write->name)});
}

static bool accept(struct la_key_state *state, const struct la_op *op, const redisReply *reply)
{
    (void)op;
    return reply->type == REDIS_REPLY_INTEGER && reply->integer == (long long)++state->applied;
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    const char *get[] = {"GET", name};
    la_append(client, address, 2, get, (const size_t[]){3, strlen(name)});
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    const redisReply *reply = replies[0];
    char *end = NULL;
    unsigned long long value = 0;
    if (reply->type == REDIS_REPLY_STRING)
        value = strtoull(reply->str, &end, 10);
    if (reply->type != REDIS_REPLY_NIL && (!end || end == reply->str || *end)) {
        la_findings_add(history->findings, LA_CORRUPT, reply->str, "%s is no longer a counter", history->name);
        return;
    }
    if (value > history->count) {
        la_findings_add(history->findings, LA_PHANTOM, reply->str, "%s counts %llu of %u increments", history->name,
                        value, history->count);
        return;
    }
    for (uint32_t i = 0; i < value; i++)
        history->fates[i] = LA_FATE_KEPT;
    la_judge_lost(history, (uint32_t)value, history->count);
}

const struct la_type la_type_counter = {"counter", 1, 1, choose, write_key, accept, read_key, judge};
