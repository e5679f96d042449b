#include "ledger/value.h"

#include "base/util.h"

#include <string.h>

enum { LETTERS_A_DRAW = 8 };

size_t la_value_size(const struct la_plan *plan, uint32_t seq)
{
    return plan->big_size && seq % plan->big_every == 0 ? plan->big_size : plan->value_size;
}

size_t la_value_largest(const struct la_plan *plan)
{
    return plan->big_size > plan->value_size ? plan->big_size : plan->value_size;
}

static size_t put_head(char *out, size_t size, uint32_t session, uint32_t key, uint32_t seq)
{
    char *at = la_put_number(out, session, '.');
    at = la_put_number(at, key, '.');
    at = la_put_number(at, seq, '.');
    return (size_t)(la_put_number(at, size, ':') - out);
}

static uint64_t filler(uint32_t session, uint32_t key, uint32_t seq)
{
    return ((uint64_t)session << 32 | key) * UINT64_C(0x100000001b3) ^ seq;
}

/* Eight letters from 0 to o at a time: six bits each. */
static void draw(uint64_t *state, char out[LETTERS_A_DRAW])
{
    uint64_t word = (la_random(state) & UINT64_C(0x3f3f3f3f3f3f3f3f)) + UINT64_C(0x3030303030303030);
    memcpy(out, &word, sizeof word);
}

void la_value_make(char *out, size_t size, uint32_t session, uint32_t key, uint32_t seq)
{
    uint64_t state = filler(session, key, seq);
    size_t at = put_head(out, size, session, key, seq);
    char last[LETTERS_A_DRAW];
    for (; at + LETTERS_A_DRAW <= size; at += LETTERS_A_DRAW)
        draw(&state, out + at);
    draw(&state, last);
    memcpy(out + at, last, size - at);
    out[size] = '\0';
}

/* Reads a number and the character behind it; NULL when it is not there. */
static const char *take_number(const char *at, const char *end, uint64_t *number, char behind)
{
    const char *from = at;
    for (*number = 0; at < end && *at >= '0' && *at <= '9' && at - from < 18; at++)
        *number = *number * 10 + (uint64_t)(*at - '0');
    return at > from && at < end && *at == behind ? at + 1 : NULL;
}

struct head {
    uint64_t session, key, seq, size;
};

static bool take_head(const char *value, size_t length, struct head *head)
{
    const char *end = value + length;
    const char *at = take_number(value, end, &head->session, '.');
    at = at ? take_number(at, end, &head->key, '.') : NULL;
    at = at ? take_number(at, end, &head->seq, '.') : NULL;
    at = at ? take_number(at, end, &head->size, ':') : NULL;
    return at && head->session <= UINT32_MAX && head->key <= UINT32_MAX && head->seq <= UINT32_MAX;
}

size_t la_value_stated(const char *value, size_t length)
{
    struct head head;
    return take_head(value, length, &head) && head.size >= LA_VALUE_MIN && head.size <= LA_VALUE_MAX ? head.size : 0;
}

bool la_value_seq(const char *value, size_t length, uint32_t *seq)
{
    struct head head;
    bool named = take_head(value, length, &head);
    *seq = named ? (uint32_t)head.seq : 0;
    return named;
}

/* Compares as it makes: a big value needs no second copy. */
static bool whole(const char *value, size_t size, uint32_t session, uint32_t key, uint32_t seq)
{
    char expected[LA_VALUE_MIN];
    uint64_t state = filler(session, key, seq);
    size_t at = put_head(expected, size, session, key, seq);
    if (memcmp(expected, value, at) != 0)
        return false;
    for (; at < size; at += LETTERS_A_DRAW) {
        draw(&state, expected);
        if (memcmp(expected, value + at, size - at < LETTERS_A_DRAW ? size - at : LETTERS_A_DRAW) != 0)
            return false;
    }
    return true;
}

enum la_value_kind la_value_read(const char *value, size_t length, const struct la_plan *plan, uint32_t session,
                                 uint32_t key, uint32_t *seq)
{
    struct head head;
    if (!take_head(value, length, &head) || head.size != length || length != la_value_size(plan, (uint32_t)head.seq) ||
        !whole(value, length, (uint32_t)head.session, (uint32_t)head.key, (uint32_t)head.seq))
        return LA_VALUE_CORRUPT;
    *seq = (uint32_t)head.seq;
    return head.session == session && head.key == key ? LA_VALUE_GOOD : LA_VALUE_FOREIGN;
}
