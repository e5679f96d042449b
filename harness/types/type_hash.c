/* Hashes: HSET and HDEL of one of a few fields; each field is a history of its own within the key's. */
#include <stdio.h>

#include "types/fates.h"

enum { HSET = 1, HDEL };

static int write_key(const struct la_write *write)
{
    char field[8];
    snprintf(field, sizeof field, "f%u", (unsigned)write->op->field);
    if (write->op->kind == HSET)
        la_send(write->client, write->address, "HSET", write->name, field, write->value, NULL);
    else
        la_send(write->client, write->address, "HDEL", write->name, field, NULL);
    return 1;
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "HGETALL", name, NULL);
}

/* The field's number, LA_FIELDS when nobody writes a field of that name. */
static unsigned int field_number(const redisReply *name)
{
    bool shaped = name->type == REDIS_REPLY_STRING && name->len == 2 && name->str[0] == 'f';
    unsigned int number = shaped ? (unsigned int)(unsigned char)name->str[1] - '0' : LA_FIELDS;
    return number < LA_FIELDS ? number : LA_FIELDS;
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    const redisReply *all = replies[0];
    uint32_t at[LA_FIELDS];
    if (!la_fates_array(history, all, "hash"))
        return;
    for (int field = 0; field < LA_FIELDS; field++)
        at[field] = history->count;
    for (size_t i = 0; i + 1 < all->elements; i += 2) {
        unsigned int field = field_number(all->element[i]);
        if (field == LA_FIELDS)
            la_fates_report(history, LA_PHANTOM, all->element[i]->str, "a field nobody wrote");
        else
            la_fates_enter(history, at, field, la_fates_value(history, all->element[i + 1], (int)field));
    }
    la_fates_fields(history, at);
}

const struct la_type la_type_hash = {
    .name = "hash",
    .commands = "HSET HDEL HGETALL",
    .kinds = {{"hset", .value = true}, {"hdel", .removes = true}},
    .reads = 1,
    .choose = la_choose_field,
    .write = write_key,
    .accept = la_accept_field,
    .read = read_key,
    .judge = judge,
};
