/*
 * Streams with a consumer group: entries are added, delivered to the group's consumer, and acknowledged. What was
 * delivered and not acknowledged must be pending; what was acknowledged must not be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fates.h"

enum { CREATE = 1, XADD, READ, XACK, BACKLOG_MAX = 30000 };

static void choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    uint32_t *slot = &state->slots[dice % LA_FIELDS];
    /* state->fields: the entry delivered last. How far back an entry lies must fit into a record. */
    bool behind = op->seq - state->fields > BACKLOG_MAX;
    switch (op->seq == 1 ? 0 : behind ? 1 : dice / LA_FIELDS % 3) {
    case 0: op->kind = op->seq == 1 ? CREATE : XADD; return;
    case 1: op->kind = READ; return;
    default: break;
    }
    if (!*slot || op->seq - *slot > UINT16_MAX) {
        op->kind = XADD;
        return;
    }
    op->kind = XACK;
    op->field = (uint16_t)(op->seq - *slot);
    *slot = 0;
}

static int write_key(const struct la_write *write)
{
    redisContext *client = write->client;
    const struct la_address *address = write->address;
    const char *name = write->name;
    char id[16];
    snprintf(id, sizeof id, "%u-0", write->op->seq - write->op->field);
    switch ((int)write->op->kind) {
    case CREATE: la_send(client, address, "XGROUP", "CREATE", name, "g", "0", "MKSTREAM", NULL); break;
    case XADD: la_send(client, address, "XADD", name, id, "v", write->value, NULL); break;
    case READ:
        la_send(client, address, "XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", name, ">", NULL);
        break;
    default: la_send(client, address, "XACK", name, "g", id, NULL); break;
    }
    return 1;
}

/* The number of the entry that [[key, [[id, values]]]] delivers, 0: it has another shape. */
static uint32_t delivered(const redisReply *reply)
{
    const redisReply *at = reply;
    static const size_t path[] = {0, 1, 0, 0};
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
        if (at->type != REDIS_REPLY_ARRAY || at->elements <= path[i])
            return 0;
        at = at->element[path[i]];
    }
    return at->type == REDIS_REPLY_STRING ? (uint32_t)strtoul(at->str, NULL, 10) : 0;
}

static bool accept_read(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL)
        return true;
    uint32_t entry = delivered(reply);
    if (!entry || entry >= op->seq || op->seq - entry > UINT16_MAX)
        return false;
    op->field = (uint16_t)(op->seq - entry);
    op->result = 1;
    state->slots[entry % LA_FIELDS] = entry;
    state->fields = entry;
    return true;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    switch ((int)op->kind) {
    case CREATE: return la_is_status(reply, "OK");
    case XADD: return reply->type == REDIS_REPLY_STRING && strtoul(reply->str, NULL, 10) == op->seq;
    case READ: return accept_read(state, op, reply);
    default: op->result = reply->integer == 1; return la_is_between(reply, 0, 1);
    }
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "XRANGE", name, "-", "+", NULL);
    la_send(client, address, "XINFO", "GROUPS", name, NULL);
    la_send(client, address, "XPENDING", name, "g", "-", "+", "1000000", NULL);
}

/* What the group looks like. */
struct group {
    bool there;
    uint32_t last;    /* entry that was delivered last */
    uint8_t *pending; /* by position in the history */
};

static void read_group(const redisReply *groups, struct group *group)
{
    const redisReply *fields = groups->type == REDIS_REPLY_ARRAY && groups->elements ? groups->element[0] : NULL;
    group->there = fields && fields->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; group->there && i + 1 < fields->elements; i += 2)
        if (fields->element[i]->str && !strcmp(fields->element[i]->str, "last-delivered-id") &&
            fields->element[i + 1]->str)
            group->last = (uint32_t)strtoul(fields->element[i + 1]->str, NULL, 10);
}

static void read_pending(struct la_history *history, const redisReply *list, struct group *group)
{
    for (size_t i = 0; list->type == REDIS_REPLY_ARRAY && i < list->elements; i++) {
        const redisReply *entry = list->element[i];
        const char *id = entry->type == REDIS_REPLY_ARRAY && entry->elements ? entry->element[0]->str : NULL;
        uint32_t at = id ? la_fates_find(history, (uint32_t)strtoul(id, NULL, 10)) : history->count;
        if (at < history->count && history->ops[at]->kind == XADD)
            group->pending[at] = 1;
        else
            la_fates_report(history, LA_PHANTOM, id, "an entry is pending that nobody added");
    }
}

enum { NEVER, DELIVERED, ACKNOWLEDGED };

/* What the history says of each entry: whether it was delivered, and acknowledged after that. */
static uint8_t *entry_states(const struct la_history *history)
{
    uint8_t *states = la_alloc(history->count + 1, 1);
    for (uint32_t i = 0; i < history->count; i++) {
        const struct la_op *op = history->ops[i];
        uint32_t entry = op->field ? la_fates_find(history, op->seq - op->field) : history->count;
        if (entry < history->count && op->kind >= READ && states[entry] != ACKNOWLEDGED)
            states[entry] = op->kind == XACK ? ACKNOWLEDGED : DELIVERED;
    }
    return states;
}

static void judge_read(struct la_history *history, uint32_t i, const struct group *group, const uint8_t *states)
{
    const struct la_op *op = history->ops[i];
    uint32_t number = op->seq - op->field;
    uint32_t entry = op->result ? la_fates_find(history, number) : history->count;
    if (entry == history->count) { /* there was nothing to deliver, or nothing is known */
        history->fates[i] = LA_FATE_IMPLIED;
        return;
    }
    if (group->pending[entry])
        history->fates[i] = LA_FATE_KEPT;
    else if (group->last >= number && states[entry] == ACKNOWLEDGED)
        history->fates[i] = LA_FATE_IMPLIED;
    else
        la_fates_lost(history, i, i + 1);
}

static void judge_ack(struct la_history *history, uint32_t i, const struct group *group)
{
    const struct la_op *op = history->ops[i];
    uint32_t entry = la_fates_find(history, op->seq - op->field);
    if (entry < history->count && group->pending[entry] && op->result)
        la_fates_lost(history, i, i + 1);
    else
        history->fates[i] = LA_FATE_IMPLIED;
}

/* Pending, although it was delivered to nobody: only a read without a reply could have done it. */
static void check_pending(struct la_history *history, const struct group *group, const uint8_t *states)
{
    bool open = false;
    for (uint32_t i = 0; i < history->count; i++)
        open = open || (history->ops[i]->kind == READ && history->ops[i]->outcome == LA_OUTCOME_UNKNOWN);
    for (uint32_t i = 0; i < history->count && !open; i++)
        if (group->pending[i] && states[i] == NEVER)
            la_fates_report(history, LA_PHANTOM, NULL, "entry %u is pending, and was never delivered",
                            history->ops[i]->seq);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    struct group group = {0};
    if (!la_stream_entries(history, replies[0]))
        return;
    group.pending = la_alloc(history->count + 1, 1);
    read_group(replies[1], &group);
    read_pending(history, replies[2], &group);
    uint8_t *states = entry_states(history);
    for (uint32_t i = 0; i < history->count; i++) {
        switch ((int)history->ops[i]->kind) {
        case CREATE:
            if (group.there)
                history->fates[i] = LA_FATE_KEPT;
            else
                la_fates_lost(history, i, i + 1);
            break;
        case XADD:
            if (history->fates[i] != LA_FATE_KEPT)
                la_fates_lost(history, i, i + 1);
            break;
        case READ: judge_read(history, i, &group, states); break;
        default: judge_ack(history, i, &group); break;
        }
    }
    check_pending(history, &group, states);
    free(states);
    free(group.pending);
}

const struct la_type la_type_group = {
    .name = "group",
    .commands = "XADD XRANGE XGROUP XREADGROUP XACK XPENDING XINFO",
    .kinds = {{.name = "xgroup"}, {"xadd", .value = true}, {.name = "xreadgroup"}, {"xack", .removes = true}},
    .reads = 3,
    .choose = choose,
    .write = write_key,
    .accept = accept,
    .read = read_key,
    .judge = judge,
};
