#include "types/expiry.h"

#include <stdio.h>
#include <string.h>

enum { SHORT_MS = 100, SHORT_SPREAD_MS = 400, LONG_MS = 3600000, LONG_STEP_MS = 200 };

/* What may lie between two readings of a clock that is being slewed, and the rounding to milliseconds. */
enum { ROUNDING_NS = 2000000, SLEW_ONE_IN = 2000 };

#define MS UINT64_C(1000000)

void la_expiry_choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    static const uint8_t kinds[] = {LA_EXPIRY_SET,    LA_EXPIRY_SET_FOR, LA_EXPIRY_SET_FOR,
                                    LA_EXPIRY_EXPIRE, LA_EXPIRY_EXPIRE,  LA_EXPIRY_PERSIST};
    (void)state;
    op->kind = kinds[dice % sizeof kinds];
    op->field = (uint16_t)(dice >> 16);
}

uint32_t la_expiry_ms(const struct la_op *op)
{
    uint32_t code = op->field;
    return code % 2 ? SHORT_MS + code / 2 % SHORT_SPREAD_MS : LONG_MS + code / 2 * LONG_STEP_MS;
}

/* What a beginning of the history leads to. */
struct state {
    uint32_t seq; /* of the value; 0: none */
    bool expires;
    uint64_t set_ns;         /* when it was set, at the earliest */
    uint64_t from_ns, to_ns; /* the deadline lies between */
};

/* What was read. */
struct reading {
    uint32_t seq;
    bool expires;
    bool timeless;
    uint64_t asked_ns, answered_ns;
    uint64_t left_ns;
    uint64_t lenient_ns;
};

static void set_deadline(struct state *state, const struct la_op *op)
{
    state->expires = true;
    state->set_ns = op->invoked_ns;
    state->from_ns = op->invoked_ns + la_expiry_ms(op) * MS;
    state->to_ns = op->done_ns ? op->done_ns + la_expiry_ms(op) * MS : UINT64_MAX;
}

/* When the reply to `op` came, it may have been over. */
static bool over_by(const struct state *state, const struct la_op *op)
{
    return state->expires && state->from_ns <= op->done_ns + ROUNDING_NS;
}

/* Its reply was that there is no key (or, for PERSIST, no time to live). That may be true of what has expired by then.
 */
static void found_nothing(struct state *state, const struct la_op *op)
{
    if (op->kind == LA_EXPIRY_EXPIRE && over_by(state, op))
        state->seq = 0;
}

static void apply(void *context, const struct la_op *op)
{
    struct state *state = context;
    bool sets = op->kind == LA_EXPIRY_SET || op->kind == LA_EXPIRY_SET_FOR;
    if (sets)
        *state = (struct state){.seq = op->seq};
    else if (op->outcome != LA_OUTCOME_UNKNOWN && !op->result)
        found_nothing(state, op);
    else if (op->kind == LA_EXPIRY_PERSIST)
        state->expires = false;
    if (op->kind == LA_EXPIRY_SET_FOR || (op->kind == LA_EXPIRY_EXPIRE && (op->result || !op->done_ns)))
        set_deadline(state, op);
}

/* Two clocks drift apart while time passes, not while it lies ahead. */
static uint64_t tolerance(const struct state *state, const struct reading *read)
{
    return ROUNDING_NS + read->lenient_ns +
           (read->answered_ns > state->set_ns ? (read->answered_ns - state->set_ns) / SLEW_ONE_IN : 0);
}

static bool may_have_expired(const struct state *state, const struct reading *read)
{
    return state->expires && (read->timeless || state->from_ns <= read->answered_ns + tolerance(state, read));
}

static bool matches(const void *context, const void *other)
{
    const struct state *state = context;
    const struct reading *read = other;
    if (!read->seq)
        return !state->seq || may_have_expired(state, read);
    if (state->seq != read->seq || state->expires != read->expires)
        return false;
    if (!state->expires || read->timeless)
        return true;
    uint64_t tolerated = tolerance(state, read);
    bool early = read->answered_ns + read->left_ns + MS + tolerated < state->from_ns;
    bool late = state->to_ns != UINT64_MAX && read->asked_ns + read->left_ns > state->to_ns + tolerated;
    return !early && !late;
}

/* The value is there: could it be, with any time to live that was ever given to it? */
static bool must_have_expired(const struct la_history *history, const struct reading *read)
{
    struct state state = {0};
    bool expired = false;
    for (uint32_t i = 0; i < history->count; i++) {
        apply(&state, history->ops[i]);
        if (state.seq != read->seq)
            continue;
        bool over =
            state.expires && state.to_ns != UINT64_MAX && state.to_ns + tolerance(&state, read) < read->asked_ns;
        if (!over)
            return false;
        expired = true;
    }
    return expired && !read->timeless;
}

static double far_ms(const struct state *state, const struct reading *read)
{
    double early = (double)state->from_ns - (double)(read->answered_ns + read->left_ns);
    double late = (double)(read->asked_ns + read->left_ns) - (double)state->to_ns;
    return (early > late ? early : late) / (double)MS;
}

/* What this value was given that comes nearest, and by how much it is missed. */
static void add_nearest(const struct la_history *history, const struct reading *read, char *evidence, size_t size)
{
    struct state state = {0};
    struct state nearest = {0};
    for (uint32_t i = 0; i < history->count; i++) {
        apply(&state, history->ops[i]);
        bool fits = state.seq == read->seq && state.expires && state.to_ns != UINT64_MAX;
        if (fits && (!nearest.expires || far_ms(&state, read) < far_ms(&nearest, read)))
            nearest = state;
    }
    size_t length = strlen(evidence);
    if (!read->expires || !nearest.expires)
        snprintf(evidence + length, size - length, nearest.expires ? "; it was given one" : "; it was given none");
    else
        snprintf(evidence + length, size - length, "; given: %.0f to %.0f ms, %.0f ms off",
                 ((double)nearest.from_ns - (double)read->answered_ns) / (double)MS,
                 ((double)nearest.to_ns - (double)read->asked_ns) / (double)MS, far_ms(&nearest, read));
}

/* A reply that says that there is no such key, about one that must have been there. */
static void check_replies(struct la_history *history)
{
    struct state state = {0};
    for (uint32_t i = 0; i < history->count && !history->timeless; i++) {
        const struct la_op *op = history->ops[i];
        bool nothing = op->kind == LA_EXPIRY_EXPIRE && op->outcome != LA_OUTCOME_UNKNOWN && !op->result;
        if (nothing && state.seq && !over_by(&state, op))
            la_fates_report(history, LA_CORRUPT, NULL, "operation %u did not find what operation %u had put there",
                            op->seq, state.seq);
        apply(&state, op);
    }
}

void la_expiry_judge(struct la_history *history, const redisReply *value, long long left_ms)
{
    static const struct la_fates_model model = {sizeof(struct state), apply, matches};
    struct reading read = {.timeless = history->timeless,
                           .asked_ns = history->asked_ns,
                           .answered_ns = history->answered_ns,
                           .expires = left_ms >= 0,
                           .lenient_ns = history->lenient_ns,
                           .left_ns = left_ms > 0 ? (uint64_t)left_ms * MS : 0};
    char evidence[160];
    check_replies(history);
    if (value->type != REDIS_REPLY_NIL && left_ms != -2) { /* it may have expired between the two questions */
        uint32_t at = la_fates_value(history, value, -1);
        if (at == history->count)
            return;
        read.seq = history->ops[at]->seq;
    }
    if (la_fates_prefix(history, &model, &read))
        return;
    snprintf(evidence, sizeof evidence, "value of operation %u, time to live %lld ms", read.seq, left_ms);
    if (must_have_expired(history, &read))
        la_fates_report(history, LA_RESURRECTED, evidence, "it had expired, and is there again");
    else {
        add_nearest(history, &read, evidence, sizeof evidence);
        la_fates_report(history, LA_WRONG_TTL, evidence, "no operation gave it this time to live");
    }
}
