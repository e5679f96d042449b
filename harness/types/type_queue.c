/*
 * Queues: RPUSH by the client, BLPOP by another connection that waits for it. An element is in the list or has been
 * popped; one that was handed out must not come back.
 */
#include "ledger/value.h"
#include "types/fates.h"

enum { RPUSH = 1, BLPOP };
enum { TOO_FAR = 1 }; /* in field, with no result: an element was popped, but not which */

/* The connection that waits calls this, too: it has chosen BLPOP already. */
static void choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    (void)state;
    (void)dice;
    op->kind = op->kind == BLPOP ? BLPOP : RPUSH;
}

static int write_key(const struct la_write *write)
{
    if (write->op->kind == RPUSH)
        la_send(write->client, write->address, "RPUSH", write->name, write->value, NULL);
    else
        la_send(write->client, write->address, "BLPOP", write->name, "1", NULL);
    return 1;
}

/* What a pop has taken, as its record holds it: no element, one that is known, or one too far away to be written down.
 */
static bool has_target(const struct la_op *op)
{
    return op->result;
}

static bool lost_target(const struct la_op *op)
{
    return !op->result && op->field == TOO_FAR;
}

/*
 * A pop may have been sent before what it popped: the distance has a sign. It has 23 bits: 16 in field, 7 in result,
 * whose lowest bit says that there is one.
 */
static uint32_t target_of(const struct la_op *op)
{
    int32_t high = (int8_t)(op->result & 0xfe) / 2;
    return op->seq - (uint32_t)(high * 65536 + op->field);
}

static void set_target(struct la_op *op, uint32_t seq)
{
    int32_t distance = (int32_t)(op->seq - seq);
    int32_t high = (distance - (int32_t)(uint16_t)distance) / 65536;
    op->field = (uint16_t)distance;
    op->result = (uint8_t)((uint8_t)(high * 2) | 1);
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    uint32_t seq;
    (void)state;
    if (op->kind == RPUSH)
        return la_is_between(reply, 1, INT64_MAX);
    if (reply->type == REDIS_REPLY_NIL)
        return true;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !reply->element[1]->str ||
        !la_value_seq(reply->element[1]->str, (size_t)reply->element[1]->len, &seq))
        return false;
    set_target(op, seq);
    if (target_of(op) != seq) { /* it has waited too long for the record to hold how long */
        op->result = 0;
        op->field = TOO_FAR;
    }
    return true;
}

/* Elements that are there, in the order of the pushes. */
static bool keep(struct la_history *history, const redisReply *list)
{
    uint32_t next = 0;
    if (!la_fates_array(history, list, "list"))
        return false;
    for (size_t i = 0; i < list->elements; i++) {
        uint32_t at = la_fates_value(history, list->element[i], -1);
        if (at == history->count)
            continue;
        if (at < next)
            la_fates_report(history, LA_CORRUPT, list->element[i]->str, "element %zu stands twice or out of order", i);
        next = at + 1;
        history->fates[at] = LA_FATE_KEPT;
    }
    return true;
}

/* Pops; of how many it is not known which element they have taken, or whether they have. */
static uint32_t judge_pops(struct la_history *history)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < history->count; i++) {
        const struct la_op *op = history->ops[i];
        if (op->kind != BLPOP)
            continue;
        open += op->outcome == LA_OUTCOME_UNKNOWN || lost_target(op);
        bool known = has_target(op) && op->outcome != LA_OUTCOME_UNKNOWN;
        uint32_t target = known ? la_fates_find(history, target_of(op)) : history->count;
        bool back = target < history->count && history->fates[target] == LA_FATE_KEPT;
        history->fates[i] = back ? LA_FATE_LOST : LA_FATE_IMPLIED;
        if (target == history->count || back)
            continue;
        if (history->fates[target] == LA_FATE_IMPLIED)
            la_fates_report(history, LA_CORRUPT, NULL, "element %u was handed out twice", history->ops[target]->seq);
        history->fates[target] = LA_FATE_IMPLIED;
    }
    return open;
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    if (!keep(history, replies[0]))
        return;
    uint32_t open = judge_pops(history);
    for (uint32_t i = 0; i < history->count; i++) {
        if (history->fates[i] == LA_FATE_KEPT)
            open = 0; /* a pop takes from the head: nothing behind what is there */
        if (history->fates[i] != LA_FATE_NONE || history->ops[i]->outcome == LA_OUTCOME_UNKNOWN)
            continue;
        history->fates[i] = open ? LA_FATE_IMPLIED : LA_FATE_LOST;
        open -= open > 0;
    }
}

const struct la_type la_type_queue = {
    .name = "queue",
    .commands = "BLPOP RPUSH LRANGE",
    .kinds = {{"rpush", .value = true}, {"blpop", .removes = true, .blocks = true}},
    .reads = 1,
    .choose = choose,
    .write = write_key,
    .accept = accept,
    .read = la_read_list,
    .judge = judge,
};
