/* Sorted sets: ZADD of one of a few members, whose score is the operation's number, and ZREM. */
#include <stdio.h>
#include <stdlib.h>

#include "types/fates.h"

enum { ZADD = 1, ZREM };

enum { NAME_MAX_LENGTH = 64 };

static void member_name(char out[NAME_MAX_LENGTH], uint32_t session, uint32_t key, unsigned int field)
{
    snprintf(out, NAME_MAX_LENGTH, "%u.%u.f%u", session, key, field);
}

static int write_key(const struct la_write *write)
{
    const struct la_op *op = write->op;
    char member[NAME_MAX_LENGTH];
    char score[16];
    member_name(member, op->session, op->key, op->field);
    snprintf(score, sizeof score, "%u", op->seq);
    if (op->kind == ZADD)
        la_send(write->client, write->address, "ZADD", write->name, score, member, NULL);
    else
        la_send(write->client, write->address, "ZREM", write->name, member, NULL);
    return 1;
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "ZRANGE", name, "0", "-1", "WITHSCORES", NULL);
}

/* Which member it is; LA_FIELDS: nobody's. */
static unsigned int field_of(const struct la_history *history, const redisReply *member)
{
    char name[NAME_MAX_LENGTH];
    unsigned int field = 0;
    for (; field < LA_FIELDS; field++) {
        member_name(name, history->session, history->key, field);
        if (la_is_text(member, name))
            break;
    }
    return field;
}

/* The operation that gave a member this score, or history->count. */
static uint32_t find_score(const struct la_history *history, const redisReply *score)
{
    char exact[16];
    uint32_t seq = score->str ? (uint32_t)strtoul(score->str, NULL, 10) : 0;
    snprintf(exact, sizeof exact, "%u", seq);
    return la_is_text(score, exact) ? la_fates_find(history, seq) : history->count;
}

/* Enters one member with its score; what nobody wrote is reported. */
static void take(struct la_history *history, const redisReply *member, const redisReply *score, uint32_t at[LA_FIELDS])
{
    unsigned int field = field_of(history, member);
    if (field == LA_FIELDS) {
        la_fates_report(history, LA_PHANTOM, member->str, "a member nobody added");
        return;
    }
    uint32_t found = find_score(history, score);
    bool ours = found < history->count && history->ops[found]->kind == ZADD && history->ops[found]->field == field;
    if (ours)
        la_fates_enter(history, at, field, found);
    else
        la_fates_report(history, LA_PHANTOM, score->str, "member %u has a score that nobody gave it", field);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    uint32_t at[LA_FIELDS];
    const redisReply *all = replies[0];
    if (!la_fates_array(history, all, "sorted set"))
        return;
    for (int field = 0; field < LA_FIELDS; field++)
        at[field] = history->count;
    for (size_t i = 0; i + 1 < all->elements; i += 2)
        take(history, all->element[i], all->element[i + 1], at);
    la_fates_fields(history, at);
}

const struct la_type la_type_zset = {
    .name = "zset",
    .commands = "ZADD ZREM ZRANGE",
    .kinds = {{.name = "zadd"}, {"zrem", .removes = true}},
    .reads = 1,
    .choose = la_choose_field,
    .write = write_key,
    .accept = la_accept_field,
    .read = read_key,
    .judge = judge,
};
