/* Streams: XADD whose id is the operation's number, XDEL of an entry that was added before. */
#include <stdio.h>
#include <stdlib.h>

#include "types/fates.h"

enum { XADD = 1, XDEL };

struct la_entry_id la_entry_id(uint32_t number)
{
    struct la_entry_id id;
    snprintf(id.text, sizeof id.text, "%u-0", number);
    return id;
}

uint32_t la_entry_number(const redisReply *id)
{
    uint32_t number = id->type == REDIS_REPLY_STRING ? (uint32_t)strtoul(id->str, NULL, 10) : 0;
    return la_is_text(id, la_entry_id(number).text) ? number : 0;
}

static int write_key(const struct la_write *write)
{
    struct la_entry_id id = la_entry_id(write->op->seq - write->op->field);
    if (write->op->kind == XADD)
        la_send(write->client, write->address, "XADD", write->name, id.text, LA_ENTRY_FIELD, write->value, NULL);
    else
        la_send(write->client, write->address, "XDEL", write->name, id.text, NULL);
    return 1;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)state;
    if (op->kind == XADD)
        return la_entry_number(reply) == op->seq;
    op->result = reply->integer == 1;
    return la_is_between(reply, 0, 1);
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "XRANGE", name, "-", "+", NULL);
}

bool la_stream_entries(struct la_history *history, const redisReply *entries)
{
    if (!la_fates_array(history, entries, "stream"))
        return false;
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        bool shaped = entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 &&
                      entry->element[1]->type == REDIS_REPLY_ARRAY && entry->element[1]->elements == 2 &&
                      la_is_text(entry->element[1]->element[0], LA_ENTRY_FIELD);
        if (!shaped) {
            la_fates_report(history, LA_CORRUPT, NULL, "entry %zu is not one that anybody added", i);
            continue;
        }
        uint32_t at = la_fates_value(history, entry->element[1]->element[1], -1);
        if (at == history->count)
            continue;
        if (la_entry_number(entry->element[0]) != history->ops[at]->seq)
            la_fates_report(history, LA_CORRUPT, entry->element[0]->str, "an entry has the id of another");
        la_fates_keep(history, at);
    }
    return true;
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    if (la_stream_entries(history, replies[0]))
        la_fates_items(history);
}

const struct la_type la_type_stream = {
    .name = "stream",
    .commands = "XADD XDEL XRANGE",
    .kinds = {{"xadd", .value = true}, {"xdel", .removes = true}},
    .reads = 1,
    .choose = la_choose_item,
    .write = write_key,
    .accept = accept,
    .read = read_key,
    .judge = judge,
};
