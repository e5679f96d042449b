#include "types/fates.h"
#include "ledger/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void la_fates_report(struct la_history *history, enum la_finding_kind kind, const char *evidence, const char *format,
                     ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    la_findings_add(history->findings, kind, evidence, "%s: %s", history->name, text);
}

bool la_fates_array(struct la_history *history, const redisReply *reply, const char *what)
{
    if (reply->type == REDIS_REPLY_ARRAY)
        return true;
    la_fates_report(history, LA_CORRUPT, reply->str, "no longer a %s", what);
    return false;
}

void la_fates_lost(struct la_history *history, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (history->ops[i]->outcome != LA_OUTCOME_UNKNOWN)
            history->fates[i] = LA_FATE_LOST;
}

uint32_t la_fates_find(const struct la_history *history, uint32_t seq)
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

static void bad_value(struct la_history *history, enum la_value_kind kind, const redisReply *value)
{
    char evidence[128];
    snprintf(evidence, sizeof evidence, "%.*s", (int)(value->len < 100 ? value->len : 100), value->str);
    if (kind == LA_VALUE_CORRUPT)
        la_fates_report(history, LA_CORRUPT, evidence, "a damaged value of %zu bytes", (size_t)value->len);
    else if (kind == LA_VALUE_FOREIGN)
        la_fates_report(history, LA_PHANTOM, evidence, "the value of another key");
    else
        la_fates_report(history, LA_PHANTOM, evidence, "a value whose write was never accepted");
}

uint32_t la_fates_value(struct la_history *history, const redisReply *value, int field)
{
    uint32_t seq = 0;
    if (value->type != REDIS_REPLY_STRING) {
        la_fates_report(history, LA_CORRUPT, value->str, "something else where a value should be");
        return history->count;
    }
    enum la_value_kind kind =
        la_value_read(value->str, (size_t)value->len, history->plan, history->session, history->key, &seq);
    uint32_t at = kind == LA_VALUE_GOOD ? la_fates_find(history, seq) : history->count;
    if (at < history->count && la_op_kind(history->ops[at])->value && (field < 0 || history->ops[at]->field == field))
        return at;
    bad_value(history, kind, value);
    return history->count;
}

void la_fates_keep(struct la_history *history, uint32_t at)
{
    if (history->fates[at] == LA_FATE_KEPT)
        la_fates_report(history, LA_CORRUPT, NULL, "what operation %u put there is there twice", history->ops[at]->seq);
    history->fates[at] = LA_FATE_KEPT;
}

void la_fates_enter(struct la_history *history, uint32_t at[LA_FIELDS], unsigned int field, uint32_t found)
{
    if (at[field] < history->count)
        la_fates_report(history, LA_CORRUPT, NULL, "field %u is there twice", field);
    at[field] = found;
}

void la_fates_fields(struct la_history *history, const uint32_t at[LA_FIELDS])
{
    uint32_t upto[LA_FIELDS]; /* operations on the field that are accounted for: those before this position */
    for (uint32_t field = 0; field < LA_FIELDS; field++)
        upto[field] = at[field] < history->count ? at[field] : 0;
    /* A field that is not there: true before its first write and after each removal. The last of these is taken. */
    for (uint32_t i = 0; i < history->count; i++) {
        uint32_t field = history->ops[i]->field % LA_FIELDS;
        if (at[field] >= history->count && la_op_kind(history->ops[i])->removes)
            upto[field] = i + 1;
    }
    for (uint32_t i = 0; i < history->count; i++) {
        uint32_t field = history->ops[i]->field % LA_FIELDS;
        if (i < upto[field])
            history->fates[i] = LA_FATE_IMPLIED;
        else if (i == at[field])
            history->fates[i] = LA_FATE_KEPT;
        else
            la_fates_lost(history, i, i + 1);
    }
}

/* A removal: of what is there still, or is not. */
static void judge_removal(struct la_history *history, uint32_t i)
{
    const struct la_op *op = history->ops[i];
    uint32_t target = la_fates_find(history, op->seq - op->field);
    bool known = target < history->count;
    bool replied = op->outcome != LA_OUTCOME_UNKNOWN;
    if (replied && !op->result) { /* it found nothing to remove */
        if (known && history->ops[target]->outcome != LA_OUTCOME_UNKNOWN)
            la_fates_report(history, LA_CORRUPT, NULL, "operation %u did not find what operation %u had put there",
                            op->seq, history->ops[target]->seq);
        history->fates[i] = LA_FATE_IMPLIED;
        return;
    }
    if (known && history->fates[target] == LA_FATE_KEPT) {
        la_fates_lost(history, i, i + 1);
        return;
    }
    history->fates[i] = LA_FATE_IMPLIED;
    if (known)
        history->fates[target] = LA_FATE_IMPLIED;
}

void la_fates_items(struct la_history *history)
{
    for (uint32_t i = 0; i < history->count; i++)
        if (la_op_kind(history->ops[i])->removes)
            judge_removal(history, i);
    for (uint32_t i = 0; i < history->count; i++)
        if (history->fates[i] == LA_FATE_NONE)
            la_fates_lost(history, i, i + 1);
}

bool la_fates_elements(struct la_history *history, const redisReply *list)
{
    if (!la_fates_array(history, list, "list"))
        return false;
    uint32_t next = 0;
    for (size_t i = 0; i < list->elements; i++) {
        uint32_t at = la_fates_value(history, list->element[i], -1);
        if (at == history->count)
            continue;
        if (at < next) {
            la_fates_report(history, LA_CORRUPT, list->element[i]->str, "element %zu stands twice or out of order", i);
            continue;
        }
        la_fates_lost(history, next, at);
        history->fates[at] = LA_FATE_KEPT;
        next = at + 1;
    }
    la_fates_lost(history, next, history->count);
    return true;
}

bool la_fates_prefix(struct la_history *history, const struct la_fates_model *model, const void *read)
{
    void *state = la_alloc(1, model->size);
    uint32_t earliest = UINT32_MAX;
    uint32_t latest = 0;
    for (uint32_t i = 0; i <= history->count; i++) {
        if (model->matches(state, read)) {
            earliest = earliest == UINT32_MAX ? i : earliest;
            latest = i;
        }
        if (i < history->count)
            model->apply(state, history->ops[i]);
    }
    free(state);
    if (earliest == UINT32_MAX)
        return false;
    for (uint32_t i = 0; i < latest; i++)
        history->fates[i] = LA_FATE_IMPLIED;
    if (earliest > 0) /* no shorter beginning explains what is there */
        history->fates[earliest - 1] = LA_FATE_KEPT;
    la_fates_lost(history, latest, history->count);
    return true;
}
