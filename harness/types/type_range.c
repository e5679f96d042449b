/* Parts of strings: SETRANGE of one of a few places, each a history of its own within the key's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/value.h"
#include "types/fates.h"

static void choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    (void)state;
    op->kind = 1;
    op->field = (uint16_t)(dice % LA_FIELDS);
}

static int write_key(const struct la_write *write)
{
    char offset[24];
    snprintf(offset, sizeof offset, "%zu", write->op->field * la_value_largest(write->plan));
    la_send(write->client, write->address, "SETRANGE", write->name, offset, write->value, NULL);
    return 1;
}

/* The value at a place may be shorter than the one it was written over: what it states is its length. */
static uint32_t read_place(struct la_history *history, char *from, size_t length, unsigned int field)
{
    size_t size = la_value_stated(from, length);
    redisReply value = {.type = REDIS_REPLY_STRING, .str = from, .len = size && size < length ? size : length};
    return la_fates_value(history, &value, (int)field);
}

static bool nothing_but_zeros(const char *from, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (from[i])
            return false;
    return true;
}

/* The last operation before `at` on its place that wrote further than `size`; history->count: none did. */
static uint32_t longer_before(const struct la_history *history, uint32_t at, size_t size)
{
    for (uint32_t under = at; under-- > 0;)
        if (history->ops[under]->field == history->ops[at]->field &&
            la_value_size(history->plan, history->ops[under]->seq) > size)
            return under;
    return history->count;
}

/* Whether the bytes from `size` on are those of the operation that wrote them. */
static bool is_rest_of(const struct la_history *history, const struct la_op *op, size_t size, const char *from)
{
    size_t whole = la_value_size(history->plan, op->seq);
    char *value = la_alloc(whole + 1, 1);
    la_value_make(value, whole, history->session, history->key, op->seq);
    bool same = !memcmp(from + size, value + size, whole - size);
    free(value);
    return same;
}

/* Behind a value there is still the end of a longer one that it was written over, and so on; behind them nothing. */
static void check_rest(struct la_history *history, uint32_t at, const char *from, size_t length)
{
    size_t size = la_value_size(history->plan, history->ops[at]->seq);
    bool sound = true;
    for (uint32_t under; sound && (under = longer_before(history, at, size)) < history->count;) {
        const struct la_op *op = history->ops[under];
        if (op->outcome == LA_OUTCOME_UNKNOWN)
            return;
        size_t whole = la_value_size(history->plan, op->seq);
        sound = length >= whole && is_rest_of(history, op, size, from);
        size = whole;
    }
    if (!sound || (size < length && !nothing_but_zeros(from + size, length - size)))
        la_fates_report(history, LA_CORRUPT, NULL, "what is left behind operation %u is damaged",
                        history->ops[at]->seq);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    const redisReply *whole = replies[0];
    size_t size = la_value_largest(history->plan);
    uint32_t at[LA_FIELDS];
    if (whole->type != REDIS_REPLY_STRING && whole->type != REDIS_REPLY_NIL) {
        la_fates_report(history, LA_CORRUPT, whole->str, "no longer a string");
        return;
    }
    for (unsigned int field = 0; field < LA_FIELDS; field++) {
        size_t from = field * size;
        size_t length = from < whole->len ? whole->len - from : 0;
        length = length < size ? length : size;
        at[field] = history->count;
        if (length && !nothing_but_zeros(whole->str + from, length))
            at[field] = read_place(history, whole->str + from, length, field);
        if (at[field] < history->count)
            check_rest(history, at[field], whole->str + from, length);
    }
    if (whole->len > size * LA_FIELDS)
        la_fates_report(history, LA_PHANTOM, NULL, "longer than anybody made it");
    la_fates_fields(history, at);
}

const struct la_type la_type_range = {
    .name = "range",
    .commands = "SETRANGE GET",
    .kinds = {{"setrange", .value = true}},
    .reads = 1,
    .choose = choose,
    .write = write_key,
    .accept = la_accept_length,
    .read = la_read_string,
    .judge = judge,
};
