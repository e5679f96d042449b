/* What several types do alike. Not a type. */
#include "types/fates.h"

enum { WRITE = 1, REMOVE, REMOVED_ONE_IN = 8, TAKEN_BACK_ONE_IN = 3 };

void la_choose_only(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    (void)state;
    (void)dice;
    op->kind = WRITE;
}

void la_choose_field(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    (void)state;
    op->field = (uint16_t)(dice % LA_FIELDS);
    op->kind = dice / LA_FIELDS % REMOVED_ONE_IN ? WRITE : REMOVE;
}

bool la_accept_field(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    uint32_t bit = 1U << op->field;
    bool existed = state->fields & bit;
    state->fields = op->kind == WRITE ? state->fields | bit : state->fields & ~bit;
    bool expected = op->kind == WRITE ? !existed : existed;
    return la_is_between(reply, expected, expected);
}

void la_choose_item(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    uint32_t *slot = &state->slots[dice % LA_FIELDS];
    if (*slot && op->seq - *slot <= UINT16_MAX && dice / LA_FIELDS % TAKEN_BACK_ONE_IN == 0) {
        op->kind = REMOVE;
        op->field = (uint16_t)(op->seq - *slot);
        *slot = 0;
        return;
    }
    op->kind = WRITE;
    *slot = op->seq;
}

bool la_accept_count(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)op;
    state->applied++;
    return la_is_between(reply, state->applied, state->applied);
}

bool la_accept_length(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)state;
    (void)op;
    return la_is_between(reply, LA_VALUE_MIN, INT64_MAX);
}

void la_read_string(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "GET", name, NULL);
}

void la_read_list(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "LRANGE", name, "0", "-1", NULL);
}
