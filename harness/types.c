#include "types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct la_type *const la_types[] = {
    &la_type_string, &la_type_counter, &la_type_list, &la_type_hash, &la_type_transaction,
};
const unsigned int la_type_count = sizeof la_types / sizeof *la_types;

_Static_assert(sizeof la_types / sizeof *la_types <= LA_TYPES_MAX, "la_plan.keys has room for every type");

void la_key_name(char out[LA_KEY_NAME_MAX], uint32_t session, uint32_t key)
{
    snprintf(out, LA_KEY_NAME_MAX, "la:%u:%u", session, key);
}

void la_value_make(char *out, size_t size, uint32_t session, uint32_t key, uint32_t seq)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
    int head = snprintf(out, size, "%u.%u.%u.%zu:", session, key, seq, size);
    uint64_t state = ((uint64_t)session << 32 | key) * UINT64_C(0x100000001b3) ^ seq;
    size_t at = (size_t)head;
    while (at < size) {
        uint64_t bits = la_random(&state);
        for (int i = 0; i < 10 && at < size; i++, bits >>= 6)
            out[at++] = letters[bits & 63];
    }
}

enum la_value_kind la_value_read(const char *value, size_t length, size_t size, uint32_t session, uint32_t key,
                                 uint32_t *seq)
{
    unsigned int parts[3];
    size_t stated;
    char head[LA_VALUE_MIN];
    snprintf(head, sizeof head, "%.*s", (int)(length < sizeof head ? length : sizeof head - 1), value);
    if (length != size || sscanf(head, "%u.%u.%u.%zu:", &parts[0], &parts[1], &parts[2], &stated) != 4 ||
        stated != size)
        return LA_VALUE_CORRUPT;
    char *expected = la_alloc(size + 1, 1);
    la_value_make(expected, size, parts[0], parts[1], parts[2]);
    bool whole = memcmp(expected, value, size) == 0;
    free(expected);
    if (!whole)
        return LA_VALUE_CORRUPT;
    *seq = parts[2];
    return parts[0] == session && parts[1] == key ? LA_VALUE_GOOD : LA_VALUE_FOREIGN;
}

void la_append(redisContext *client, const struct la_address *address, int argc, const char **argv,
               const size_t *lengths)
{
    const char *name = la_address_command(address, argv[0]);
    size_t sizes[8];
    memcpy(sizes, lengths, (size_t)argc * sizeof *sizes);
    if (name) {
        argv[0] = name;
        sizes[0] = strlen(name);
    }
    redisAppendCommandArgv(client, argc, argv, sizes);
}

void la_judge_lost(struct la_history *history, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (history->ops[i]->outcome != LA_OUTCOME_UNKNOWN)
            history->fates[i] = LA_FATE_LOST;
}

uint32_t la_judge_find(const struct la_history *history, uint32_t seq)
{
    uint32_t low = 0;
    uint32_t high = history->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (history->ops[middle]->seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < history->count && history->ops[low]->seq == seq ? low : history->count;
}

void la_judge_bad_value(struct la_history *history, enum la_value_kind kind, const char *value, size_t length)
{
    char evidence[128];
    snprintf(evidence, sizeof evidence, "%.*s", (int)(length < 100 ? length : 100), value);
    if (kind == LA_VALUE_CORRUPT)
        la_findings_add(history->findings, LA_CORRUPT, evidence, "%s holds a damaged value of %zu bytes", history->name,
                        length);
    else if (kind == LA_VALUE_FOREIGN)
        la_findings_add(history->findings, LA_PHANTOM, evidence, "%s holds the value of another key", history->name);
    else
        la_findings_add(history->findings, LA_PHANTOM, evidence, "%s holds a value whose write was never accepted",
                        history->name);
}

/* The position of one element in the history, history->count when it does not belong there. */
static uint32_t locate(struct la_history *history, const redisReply *element)
{
    uint32_t seq = 0;
    size_t length = (size_t)element->len;
    enum la_value_kind kind =
        la_value_read(element->str, length, history->plan->value_size, history->session, history->key, &seq);
    uint32_t at = kind == LA_VALUE_GOOD ? la_judge_find(history, seq) : history->count;
    if (at == history->count)
        la_judge_bad_value(history, kind, element->str, length);
    return at;
}

bool la_judge_elements(struct la_history *history, const redisReply *list)
{
    if (list->type != REDIS_REPLY_ARRAY) {
        la_findings_add(history->findings, LA_CORRUPT, list->str, "%s is no longer a list", history->name);
        return false;
    }
    uint32_t next = 0;
    for (size_t i = 0; i < list->elements; i++) {
        uint32_t at = locate(history, list->element[i]);
        if (at == history->count)
            continue;
        if (at < next) {
            la_findings_add(history->findings, LA_CORRUPT, list->element[i]->str,
                            "%s: element %zu stands twice or out of order", history->name, i);
            continue;
        }
        la_judge_lost(history, next, at);
        history->fates[at] = LA_FATE_KEPT;
        next = at + 1;
    }
    la_judge_lost(history, next, history->count);
    return true;
}
