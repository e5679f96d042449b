/* Transactions: MULTI, SET a, INCR b, RPUSH c, EXEC. The three keys must agree on which of them happened. */
#include <stdio.h>

#include "types/fates.h"

static int write_key(const struct la_write *write)
{
    redisContext *client = write->client;
    const struct la_address *address = write->address;
    la_send(client, address, "MULTI", NULL);
    la_send(client, address, "SET", la_subkey_of(write->name, 'a').text, write->value, NULL);
    la_send(client, address, "INCR", la_subkey_of(write->name, 'b').text, NULL);
    la_send(client, address, "RPUSH", la_subkey_of(write->name, 'c').text, write->value, NULL);
    la_send(client, address, "EXEC", NULL);
    return 5;
}

bool la_triple_accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)op;
    long long expected = (long long)++state->applied;
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 && la_is_status(reply->element[0], "OK") &&
           la_is_between(reply->element[1], expected, expected) && la_is_between(reply->element[2], expected, expected);
}

void la_triple_read(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "GET", la_subkey_of(name, 'a').text, NULL);
    la_send(client, address, "GET", la_subkey_of(name, 'b').text, NULL);
    la_send(client, address, "LRANGE", la_subkey_of(name, 'c').text, "0", "-1", NULL);
}

void la_triple_judge(struct la_history *history, redisReply *const *replies)
{
    const redisReply *value = replies[0];
    const redisReply *counter = replies[1];
    if (!la_fates_elements(history, replies[2]))
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
    if (value->type != REDIS_REPLY_NIL) {
        uint32_t at = la_fates_value(history, value, -1);
        if (at == history->count)
            return;
        seq = history->ops[at]->seq;
    }
    unsigned long long counted;
    if (!la_is_number(counter, &counted) && counter->type != REDIS_REPLY_NIL) {
        la_fates_report(history, LA_CORRUPT, counter->str, "no longer a counter");
        return;
    }
    if (seq == last_seq && counted == kept)
        return;
    char evidence[128];
    snprintf(evidence, sizeof evidence, "SET of operation %u, INCR of %llu, RPUSH of %u up to %u", seq, counted, kept,
             last_seq);
    la_fates_report(history, LA_TORN, evidence, "the parts of one %s disagree", la_types[history->ops[0]->type]->name);
}

const struct la_type la_type_transaction = {
    .name = "transaction",
    .commands = "MULTI EXEC SET INCR RPUSH GET LRANGE",
    .kinds = {{"exec", .value = true}},
    .parts = "abc",
    .reads = 3,
    .choose = la_choose_only,
    .write = write_key,
    .accept = la_triple_accept,
    .read = la_triple_read,
    .judge = la_triple_judge,
};
