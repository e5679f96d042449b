/*
 * Times to live: what a value and its remaining time say about a history of sets, expiries and persists. Shared by
 * the types that expire, whole keys and single fields.
 *
 * The server counts in wall-clock milliseconds from when it executed a command, which is some time between invocation
 * and reply; so a deadline is a range, and what is read back must lie in it.
 */
#ifndef LASTACK_TYPES_EXPIRY_H
#define LASTACK_TYPES_EXPIRY_H

#include "types/fates.h"

enum { LA_EXPIRY_SET = 1, LA_EXPIRY_SET_FOR, LA_EXPIRY_EXPIRE, LA_EXPIRY_PERSIST };

/* Chooses among these kinds; the time to live is kept in op->field. */
void la_expiry_choose(struct la_op *op, struct la_key_state *state, uint64_t dice);

/* The time to live that an operation gives, in ms: one of a few hundred milliseconds, or one of hours. */
uint32_t la_expiry_ms(const struct la_op *op);

/* `value` as GET, `left_ms` as PTTL answers: -1 no time to live, -2 not there. */
void la_expiry_judge(struct la_history *history, const redisReply *value, long long left_ms);

#endif
