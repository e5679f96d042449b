/*
 * Times to live: random histories executed by a model that knows the exact moment of each command, then read back as
 * they are, and with each of the ways in which a server can get them wrong. And queues, whose pops come from elsewhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "ledger/value.h"
#include "types/expiry.h"

enum { OPS = 10, ROUNDS = 3000, SIZE = 64 };

#define MS UINT64_C(1000000)

static const struct la_plan plan = {.value_size = SIZE};

/* What the model server holds. */
struct model {
    uint32_t seq;
    bool expires;
    uint64_t deadline_ns;
};

struct bench {
    struct la_op ops[OPS];
    const struct la_op *pointers[OPS];
    uint8_t fates[OPS];
    struct la_findings findings;
    struct la_history history;
    struct model model;
    uint64_t now_ns;
};

static void expire(struct bench *b)
{
    if (b->model.expires && b->model.deadline_ns <= b->now_ns)
        b->model = (struct model){0};
}

static void execute(struct bench *b, struct la_op *op)
{
    struct model *model = &b->model;
    expire(b);
    switch ((int)op->kind) {
    case LA_EXPIRY_SET: *model = (struct model){.seq = op->seq}; break;
    case LA_EXPIRY_SET_FOR: *model = (struct model){op->seq, true, b->now_ns + la_expiry_ms(op) * MS}; break;
    case LA_EXPIRY_EXPIRE:
        op->result = model->seq != 0;
        if (model->seq)
            *model = (struct model){model->seq, true, b->now_ns + la_expiry_ms(op) * MS};
        break;
    default:
        op->result = model->seq && model->expires;
        model->expires = false;
        break;
    }
}

/* Commands take up to 2 ms, with pauses between them in which what lives shortly may expire. */
static void generate(struct bench *b, uint64_t *random)
{
    memset(b, 0, sizeof *b);
    b->now_ns = 1000 * MS;
    b->history = (struct la_history){.plan = &plan,
                                     .name = "la:1:2",
                                     .session = 1,
                                     .key = 2,
                                     .count = OPS,
                                     .ops = b->pointers,
                                     .fates = b->fates,
                                     .findings = &b->findings};
    for (uint32_t i = 0; i < OPS; i++) {
        struct la_op *op = &b->ops[i];
        *op = (struct la_op){.session = 1, .key = 2, .seq = i + 1, .type = (uint8_t)la_type_find("expiry")};
        la_expiry_choose(op, NULL, la_random(random));
        b->pointers[i] = op;
        op->invoked_ns = b->now_ns += la_random(random) % (100 * MS);
        b->now_ns += la_random(random) % MS;
        execute(b, op);
        op->done_ns = b->now_ns += la_random(random) % MS;
        op->outcome = LA_OUTCOME_OK;
    }
    b->now_ns += la_random(random) % (400 * MS);
    expire(b);
}

/* Judges as if the server said this. */
static void judge(struct bench *b, uint32_t seq, long long left_ms)
{
    char text[SIZE + 1];
    redisReply value = {.type = REDIS_REPLY_NIL};
    if (seq) {
        la_value_make(text, SIZE, 1, 2, seq);
        value = (redisReply){.type = REDIS_REPLY_STRING, .str = text, .len = SIZE};
    }
    memset(&b->findings, 0, sizeof b->findings);
    memset(b->fates, 0, sizeof b->fates);
    b->history.asked_ns = b->now_ns - MS;
    b->history.answered_ns = b->now_ns + MS;
    la_expiry_judge(&b->history, &value, left_ms);
}

static uint32_t lost(const struct bench *b)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < OPS; i++)
        count += b->fates[i] == LA_FATE_LOST;
    return count;
}

static long long left_ms(const struct bench *b)
{
    if (!b->model.seq)
        return -2;
    return b->model.expires ? (long long)((b->model.deadline_ns - b->now_ns) / MS) : -1;
}

static void what_is_right_is_right(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int round = 0; round < ROUNDS; round++) {
        struct bench b;
        generate(&b, &random);
        judge(&b, b.model.seq, left_ms(&b));
        assert_int_equal(la_findings_defects(&b.findings), 0);
        assert_int_equal(lost(&b), 0);
    }
}

/* No operation but a plain SET or a PERSIST leaves this value without a time to live. */
static bool ever_without(const struct bench *b, uint32_t seq)
{
    for (uint32_t i = seq - 1; i < OPS; i++) {
        bool sets = b->ops[i].kind <= LA_EXPIRY_SET_FOR;
        if (sets && i > seq - 1)
            return false;
        if (b->ops[i].kind == LA_EXPIRY_SET || (b->ops[i].kind == LA_EXPIRY_PERSIST && b->ops[i].result))
            return true;
    }
    return false;
}

static void a_time_to_live_that_is_lost_or_begins_anew_shows(void **state)
{
    (void)state;
    uint64_t random = 2;
    int tried = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct bench b;
        generate(&b, &random);
        if (!b.model.expires || ever_without(&b, b.model.seq))
            continue;
        tried++;
        judge(&b, b.model.seq, -1);
        assert_int_equal(b.findings.count[LA_WRONG_TTL], 1);
        judge(&b, b.model.seq, left_ms(&b) + 700000000);
        assert_int_equal(b.findings.count[LA_WRONG_TTL], 1);
        b.history.timeless = true;
        judge(&b, b.model.seq, left_ms(&b) + 700000000);
        assert_int_equal(la_findings_defects(&b.findings), 0);
    }
    assert_true(tried > ROUNDS / 20);
}

static void what_has_expired_must_not_be_back(void **state)
{
    (void)state;
    uint64_t random = 3;
    int tried = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct bench b;
        generate(&b, &random);
        const struct la_op *last = &b.ops[OPS - 1];
        if (last->kind != LA_EXPIRY_SET_FOR || b.model.seq)
            continue;
        tried++;
        b.now_ns += 10 * MS;
        judge(&b, last->seq, 5);
        assert_int_equal(b.findings.count[LA_RESURRECTED], 1);
        judge(&b, 0, -2);
        assert_int_equal(lost(&b), 0);
        assert_int_equal(la_findings_defects(&b.findings), 0);
    }
    assert_true(tried > ROUNDS / 40);
}

static void what_lives_for_hours_is_lost_when_it_is_gone(void **state)
{
    (void)state;
    uint64_t random = 4;
    int tried = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct bench b;
        generate(&b, &random);
        if (!b.model.seq || (b.model.expires && b.model.deadline_ns < b.now_ns + 3600 * MS))
            continue;
        tried++;
        judge(&b, 0, -2);
        assert_true(lost(&b) > 0);
    }
    assert_true(tried > ROUNDS / 10);
}

/* ---- queues ---- */

enum { RPUSH = 1, BLPOP };

static void push_or_pop(struct bench *b, uint8_t kind, uint32_t popped, bool replied)
{
    uint32_t i = b->history.count++;
    b->ops[i] = (struct la_op){.session = 1, .key = 2, .seq = i + 1, .type = (uint8_t)la_type_find("queue")};
    b->ops[i].kind = kind;
    b->ops[i].outcome = replied ? LA_OUTCOME_OK : LA_OUTCOME_UNKNOWN;
    b->ops[i].result = popped ? (popped > i + 1 ? 0xff : 1) : 0; /* the upper bits carry the sign */
    b->ops[i].field = (uint16_t)(popped ? i + 1 - popped : 0);
    b->pointers[i] = &b->ops[i];
}

/* Pushes 1, 3, 4; the pop 2 waited for 3 or whatever is said; 5 has no reply. */
static void judge_queue(struct bench *b, uint32_t popped, bool open_pop, const uint32_t *there)
{
    char texts[4][SIZE + 1];
    redisReply values[4];
    redisReply *elements[4];
    redisReply list = {.type = REDIS_REPLY_ARRAY, .element = elements};
    memset(b, 0, sizeof *b);
    b->history = (struct la_history){.plan = &plan,
                                     .name = "la:1:2",
                                     .session = 1,
                                     .key = 2,
                                     .ops = b->pointers,
                                     .fates = b->fates,
                                     .findings = &b->findings};
    push_or_pop(b, RPUSH, 0, true);
    push_or_pop(b, BLPOP, popped, true);
    push_or_pop(b, RPUSH, 0, true);
    push_or_pop(b, RPUSH, 0, true);
    if (open_pop)
        push_or_pop(b, BLPOP, 0, false);
    for (; *there; there++) {
        size_t i = list.elements++;
        la_value_make(texts[i], SIZE, 1, 2, *there);
        values[i] = (redisReply){.type = REDIS_REPLY_STRING, .str = texts[i], .len = SIZE};
        elements[i] = &values[i];
    }
    redisReply *replies[] = {&list};
    la_types[la_type_find("queue")]->judge(&b->history, replies);
}

static void a_queue_hands_out_once(void **state)
{
    (void)state;
    static const struct {
        uint32_t popped;
        bool open_pop;
        uint32_t there[5];
        const char *fates;
        uint64_t corrupt;
    } rows[] = {
        {1, false, {3, 4, 0}, "iikk", 0}, /* right */
        {3, false, {1, 4, 0}, "kiik", 0}, /* a pop may be sent before what it gets */
        {1, false, {1, 3, 4, 0}, "kLkk", 0} /* handed out, and there again */,
        {1, false, {4, 0}, "iiLk", 0},    /* one is gone */
        {1, true, {4, 0}, "iiiki", 0},    /* or went to a pop without a reply */
        {1, true, {0}, "iiiLi", 0},       /* but only one of them */
        {1, true, {3, 0}, "iikLi", 0},    /* and from the head */
        {1, false, {4, 3, 0}, "iikk", 1}, /* out of order */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        char got[OPS + 1] = "";
        judge_queue(&b, rows[i].popped, rows[i].open_pop, rows[i].there);
        for (uint32_t n = 0; n < b.history.count; n++)
            got[n] = "-kiL"[b.fates[n]];
        assert_string_equal(got, rows[i].fates);
        assert_int_equal(b.findings.count[LA_CORRUPT], rows[i].corrupt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_is_right),
        cmocka_unit_test(a_time_to_live_that_is_lost_or_begins_anew_shows),
        cmocka_unit_test(what_has_expired_must_not_be_back),
        cmocka_unit_test(what_lives_for_hours_is_lost_when_it_is_gone),
        cmocka_unit_test(a_queue_hands_out_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
