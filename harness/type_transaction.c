/* Transactions: MULTI, SET a, INCR b, RPUSH c, EXEC. The three keys must agree on which of them happened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "types.h"

static void choose(struct la_op *op, uint64_t dice)
{
    (void)dice;
    op->kind = LA_OP_EXEC;
}

static size_t part(char out[LA_KEY_NAME_MAX + 2], const char *name, char which)
{
    return (size_t)snprintf(out, LA_KEY_NAME_MAX + 2, "%s:%c", name, which);
}

static void write_key(const struct la_write *write)
{
    char name[LA_KEY_NAME_MAX + 2];
    size_t size = write->plan->value_size;
    la_append(write->client, write->address, 1, (const char *[]){"MULTI"}, (const size_t[]){5});
    size_t length = part(name, write->name, 'a');
    la_append(write->client, write->address, 3, (const char *[]){"SET", name, write->value},
              (const size_t[]){3, length, size});
    length = part(name, write->name, 'b');
    la_append(write->client, write->address, 2, (const char *[]){"INCR", name}, (const size_t[]){4, length});
    length = part(name, write->name, 'c');
    la_append(write->client, write->address, 3, (const char *[]){"RPUSH", name, write->value},
              (const size_t[]){5, length, size});
    la_append(write->client, write->address, 1, (const char *[]){"EXEC"}, (const size_t[]){4});
}

static bool accept(struct la_key_state *state, const struct la_op *op, const redisReply *reply)
{
    (void)op;
    long long expected = (long long)++state->applied;
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 && reply->element[0]->type == REDIS_REPLY_STATUS &&
           reply->element[1]->type == REDIS_REPLY_INTEGER && reply->element[1]->integer == expected &&
           reply->element[2]->type == REDIS_REPLY_INTEGER && reply->element[2]->integer == expected;
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    char key[LA_KEY_NAME_MAX + 2];
    size_t length = part(key, name, 'a');
    la_append(client, address, 2, (const char *[]){"GET", key}, (const size_t[]){3, length});
    length = part(key, name, 'b');
    la_append(client, address, 2, (const char *[]){"GET", key}, (const size_t[]){3, length});
    length = part(key, name, 'c');
    la_append(client, address, 4, (const char *[]){"LRANGE", key, "0", "-1"}, (const size_t[]){6, length, 1, 2});
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    const redisReply *value = replies[0];
    const redisReply *counter = replies[1];
    if (!la_judge_elements(history, replies[2]))
        return;
    uint32_t kept = 0;
    uint32_t last_seq = 0;
    for (uint32_t i = 0; i < history->count; i++) {
        if (history->fates[i] != LA_FATE_KEPT)
            continue;
        kept++;
        last_seq = history->ops[i]->seq;
    }
    uint32_t seq = 0;
    enum la_value_kind kind = LA_VALUE_GOOD;
    if (value->type == REDIS_REPLY_STRING)
        kind = la_value_read(value->str, (size_t)value->len, history->plan->value_size, history->session, history->key,
                             &seq);
    if (kind != LA_VALUE_GOOD) {
        la_judge_bad_value(history, kind, value->str, (size_t)value->len);
        return;
    }
    unsigned long long counted = counter->type == REDIS_REPLY_STRING ? strtoull(counter->str, NULL, 10) : 0;
    if (seq == last_seq && counted == kept)
        return;
    char evidence[128];
    snprintf(evidence, sizeof evidence, "SET of transaction %u, INCR of %llu, RPUSH of %u up to %u", seq, counted, kept,
             last_seq);
    la_findings_add(history->findings, LA_TORN, evidence, "%s: the parts of MULTI/EXEC disagree", history->name);
}

const struct la_type la_type_transaction = {"transaction", 5, 3, choose, write_key, accept, read_key, judge};
