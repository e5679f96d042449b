/* Strings that grow: APPEND; the string must be the values in order. */
#include <stdlib.h>

#include "ledger/value.h"
#include "types/fates.h"

static int write_key(const struct la_write *write)
{
    la_send(write->client, write->address, "APPEND", write->name, write->value, NULL);
    return 1;
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    redisReply *whole = replies[0];
    if (whole->type != REDIS_REPLY_STRING && whole->type != REDIS_REPLY_NIL) {
        la_fates_report(history, LA_CORRUPT, whole->str, "no longer a string");
        return;
    }
    /* as if the values were elements of a list */
    size_t most = whole->len / LA_VALUE_MIN + 1;
    redisReply *values = la_alloc(most, sizeof *values);
    redisReply **elements = la_alloc(most, sizeof *elements);
    redisReply list = {.type = REDIS_REPLY_ARRAY, .element = elements};
    for (size_t at = 0; at < whole->len;) {
        size_t left = whole->len - at;
        size_t size = la_value_stated(whole->str + at, left);
        size = size && size <= left ? size : left; /* what does not begin as a value is one that is damaged */
        values[list.elements] = (redisReply){.type = REDIS_REPLY_STRING, .str = whole->str + at, .len = size};
        elements[list.elements] = &values[list.elements];
        list.elements++;
        at += size;
    }
    la_fates_elements(history, &list);
    free(elements);
    free(values);
}

const struct la_type la_type_append = {
    .name = "append",
    .commands = "APPEND GET",
    .kinds = {{"append", .value = true}},
    .reads = 1,
    .choose = la_choose_only,
    .write = write_key,
    .accept = la_accept_length,
    .read = la_read_string,
    .judge = judge,
};
