/* Hashes: HSET of one of a few fields; each field is a history of its own within the key's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "types.h"

static void choose(struct la_op *op, uint64_t dice)
{
    op->kind = LA_OP_HSET;
    op->field = (uint16_t)(dice % LA_FIELDS);
}

static void write_key(const struct la_write *write)
{
    char field[8];
    int length = snprintf(field, sizeof field, "f%u", (unsigned)write->op->field);
    const char *set[] = {"HSET", write->name, field, write->value};
    la_append(write->client, write->address, 4, set,
              (const size_t[]){4, strlen(write->name), (size_t)length, write->plan->value_size});
}

static bool accept(struct la_key_state *state, const struct la_op *op, const redisReply *reply)
{
    bool existed = state->fields >> op->field & 1;
    state->fields |= 1U << op->field;
    return reply->type == REDIS_REPLY_INTEGER && reply->integer == (existed ? 0 : 1);
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    const char *all[] = {"HGETALL", name};
    la_append(client, address, 2, all, (const size_t[]){7, strlen(name)});
}

/* The field's number, LA_FIELDS when nobody writes a field of that name. */
static unsigned int field_number(const redisReply *name)
{
    char *end = NULL;
    unsigned long number = name->str && name->str[0] == 'f' ? strtoul(name->str + 1, &end, 10) : LA_FIELDS;
    return end && !*end && number < LA_FIELDS ? (unsigned int)number : LA_FIELDS;
}

/* Takes one field's value as evidence; the operation's position goes to *at. */
static bool take(struct la_history *history, unsigned int field, const redisReply *value, uint32_t *at)
{
    uint32_t seq = 0;
    size_t length = (size_t)value->len;
    enum la_value_kind kind =
        la_value_read(value->str, length, history->plan->value_size, history->session, history->key, &seq);
    *at = kind == LA_VALUE_GOOD ? la_judge_find(history, seq) : history->count;
    if (*at < history->count && history->ops[*at]->field == field)
        return true;
    la_judge_bad_value(history, kind, value->str, length);
    return false;
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    const redisReply *all = replies[0];
    uint32_t upto[LA_FIELDS] = {0}; /* operations on the field that are accounted for: those before this position */
    if (all->type != REDIS_REPLY_ARRAY) {
        la_findings_add(history->findings, LA_CORRUPT, all->str, "%s is no longer a hash", history->name);
        return;
    }
    for (size_t i = 0; i + 1 < all->elements; i += 2) {
        unsigned int field = field_number(all->element[i]);
        uint32_t at;
        if (field == LA_FIELDS)
            la_findings_add(history->findings, LA_PHANTOM, all->element[i]->str, "%s has a field nobody wrote",
                            history->name);
        else if (take(history, field, all->element[i + 1], &at))
            upto[field] = at + 1;
    }
    for (uint32_t i = 0; i < history->count; i++) {
        uint32_t limit = upto[history->ops[i]->field % LA_FIELDS];
        if (i + 1 == limit)
            history->fates[i] = LA_FATE_KEPT;
        else if (i < limit)
            history->fates[i] = LA_FATE_IMPLIED;
        else
            la_judge_lost(history, i, i + 1);
    }
}

const struct la_type la_type_hash = {"hash", 1, 1, choose, write_key, accept, read_key, judge};
