/*
 * Streams with a consumer group: entries are added, delivered to the group's consumer, and acknowledged. What was
 * delivered and not acknowledged must be pending; what was acknowledged must not be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "types/fates.h"

#define GROUP    "g"
#define CONSUMER "c"

enum { CREATE = 1, XADD, READ, XACK, BACKLOG_MAX = 30000 };

static void choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    uint32_t *slot = &state->slots[dice % LA_FIELDS];
    /* How far back an entry lies must fit into a record. */
    bool behind = op->seq - state->delivered > BACKLOG_MAX;
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
    struct la_entry_id id = la_entry_id(write->op->seq - write->op->field);
    switch ((int)write->op->kind) {
    case CREATE: la_send(client, address, "XGROUP", "CREATE", name, GROUP, "0", "MKSTREAM", NULL); break;
    case XADD: la_send(client, address, "XADD", name, id.text, LA_ENTRY_FIELD, write->value, NULL); break;
    case READ:
        la_send(client, address, "XREADGROUP", "GROUP", GROUP, CONSUMER, "COUNT", "1", "STREAMS", name, ">", NULL);
        break;
    default: la_send(client, address, "XACK", name, GROUP, id.text, NULL); break;
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
    return la_entry_number(at);
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
    state->delivered = entry;
    return true;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    switch ((int)op->kind) {
    case CREATE: return la_is_status(reply, "OK");
    case XADD: return la_entry_number(reply) == op->seq;
    case READ: return accept_read(state, op, reply);
    default: op->result = reply->integer == 1; return la_is_between(reply, 0, 1);
    }
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "XRANGE", name, "-", "+", NULL);
    la_send(client, address, "XINFO", "GROUPS", name, NULL);
    la_send(client, address, "XPENDING", name, GROUP, "-", "+", "1000000000", NULL);
}

/* What the group looks like. */
struct group {
    bool there;
    bool more;        /* another group, or another consumer */
    bool strange;     /* what was delivered last is no entry's id */
    uint32_t last;    /* entry that was delivered last */
    uint8_t *pending; /* by position in the history */
};

static void read_group(const redisReply *groups, struct group *group)
{
    const redisReply *fields = groups->type == REDIS_REPLY_ARRAY && groups->elements ? groups->element[0] : NULL;
    group->more = groups->type == REDIS_REPLY_ARRAY && groups->elements > 1;
    for (size_t i = 0; fields && fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2) {
        const redisReply *value = fields->element[i + 1];
        if (la_is_text(fields->element[i], "consumers"))
            group->more = group->more || value->integer > 1;
        else if (la_is_text(fields->element[i], "name"))
            group->there = la_is_text(value, GROUP);
        else if (la_is_text(fields->element[i], "last-delivered-id")) {
            group->last = la_entry_number(value);
            group->strange = !group->last && !la_is_text(value, "0-0");
        }
    }
}

static void read_pending(struct la_history *history, const redisReply *list, struct group *group)
{
    for (size_t i = 0; list->type == REDIS_REPLY_ARRAY && i < list->elements; i++) {
        const redisReply *entry = list->element[i];
        bool shaped = entry->type == REDIS_REPLY_ARRAY && entry->elements > 1;
        uint32_t at = shaped ? la_fates_find(history, la_entry_number(entry->element[0])) : history->count;
        if (at < history->count && history->ops[at]->kind == XADD)
            group->pending[at] = 1;
        else
            la_fates_report(history, LA_PHANTOM, NULL, "an entry is pending that nobody added");
        if (shaped && !la_is_text(entry->element[1], CONSUMER))
            la_fates_report(history, LA_CORRUPT, entry->element[1]->str, "an entry is pending for a stranger");
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

/* What was passed over will never be delivered. A read without a reply may have delivered one entry more. */
static void check_last(struct la_history *history, const struct group *group)
{
    uint32_t reach = 0; /* the last entry that can have been delivered */
    uint32_t open = 0;
    for (uint32_t i = 0; i < history->count; i++) {
        const struct la_op *op = history->ops[i];
        if (op->kind == READ && op->result && op->seq - op->field > reach)
            reach = op->seq - op->field;
        open += op->kind == READ && op->outcome == LA_OUTCOME_UNKNOWN;
    }
    for (uint32_t i = 0; i < history->count && open; i++)
        if (history->ops[i]->kind == XADD && history->fates[i] == LA_FATE_KEPT && history->ops[i]->seq > reach) {
            reach = history->ops[i]->seq;
            open--;
        }
    for (uint32_t i = 0; i < history->count; i++)
        if (group->pending[i] && history->ops[i]->seq > group->last)
            la_fates_report(history, LA_CORRUPT, NULL, "the group is at entry %u, and would deliver entry %u again",
                            group->last, history->ops[i]->seq);
    if (group->more)
        la_fates_report(history, LA_PHANTOM, NULL, "a group or a consumer that nobody made");
    if (group->strange || group->last > reach)
        la_fates_report(history, LA_CORRUPT, NULL, "the group is at entry %u, and no more than %u was delivered",
                        group->last, reach);
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
    check_last(history, &group);
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
