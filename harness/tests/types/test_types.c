/* Values, and what each data type's judge says of recovered states with known answers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "ledger/value.h"
#include "types/fates.h"

enum { SET = 1, DEL = 2 }; /* kinds of strings */
enum { SIZE = 64, SESSION = 3, KEY = 5, OPS_MAX = 64, FLEETING = 0x100 };

static const struct la_plan plan = {.value_size = SIZE};

/* ---- building histories and replies ---- */

struct bench {
    int type;
    struct la_op ops[OPS_MAX];
    const struct la_op *pointers[OPS_MAX];
    uint8_t fates[OPS_MAX];
    struct la_findings findings;
    struct la_history history;
};

static void begin(struct bench *b, const char *type)
{
    memset(b, 0, sizeof *b);
    b->type = la_type_find(type);
    assert_true(b->type >= 0);
    b->history = (struct la_history){.plan = &plan,
                                     .name = "la:3:5",
                                     .session = SESSION,
                                     .key = KEY,
                                     .ops = b->pointers,
                                     .fates = b->fates,
                                     .findings = &b->findings};
}

/* `kind` with FLEETING: no reply came. */
static void did(struct bench *b, int kind, unsigned int field)
{
    uint32_t i = b->history.count++;
    b->ops[i] = (struct la_op){.session = SESSION, .key = KEY, .seq = i + 1, .field = (uint16_t)field};
    b->ops[i].type = (uint8_t)b->type;
    b->ops[i].kind = (uint8_t)(kind & ~FLEETING);
    b->ops[i].result = 1;
    b->ops[i].outcome = kind & FLEETING ? LA_OUTCOME_UNKNOWN : LA_OUTCOME_OK;
    b->pointers[i] = &b->ops[i];
}

static char *value(uint32_t seq)
{
    char *text = calloc(1, SIZE + 1);
    la_value_make(text, SIZE, SESSION, KEY, seq);
    return text;
}

static redisReply *string(char *text)
{
    redisReply *reply = calloc(1, sizeof *reply);
    reply->type = text ? REDIS_REPLY_STRING : REDIS_REPLY_NIL;
    reply->str = text;
    reply->len = text ? strlen(text) : 0;
    return reply;
}

/* A list of the values of these operations, 0-terminated. */
static redisReply *list(const uint32_t *seqs)
{
    redisReply *reply = calloc(1, sizeof *reply);
    reply->type = REDIS_REPLY_ARRAY;
    reply->element = calloc(OPS_MAX, sizeof *reply->element);
    for (; *seqs; seqs++)
        reply->element[reply->elements++] = string(value(*seqs));
    return reply;
}

static void judge(struct bench *b, redisReply *first, redisReply *second, redisReply *third)
{
    redisReply *replies[] = {first, second, third};
    la_types[b->type]->judge(&b->history, replies);
    for (int i = 0; i < 3; i++)
        freeReplyObject(replies[i]);
}

/* Fates as a word: k kept, i implied, L lost, - none. */
static void assert_fates(const struct bench *b, const char *word)
{
    char got[OPS_MAX + 1] = "";
    for (uint32_t i = 0; i < b->history.count; i++)
        got[i] = "-kiL"[b->fates[i]];
    assert_string_equal(got, word);
}

/* ---- the tests ---- */

static void values_tell_their_faults_apart(void **state)
{
    (void)state;
    uint32_t seq = 0;
    char *text = value(7);
    assert_int_equal(la_value_read(text, SIZE, &plan, SESSION, KEY, &seq), LA_VALUE_GOOD);
    assert_int_equal(seq, 7);
    assert_int_equal(la_value_read(text, SIZE, &plan, SESSION, KEY + 1, &seq), LA_VALUE_FOREIGN);
    assert_int_equal(la_value_read(text, SIZE, &plan, SESSION + 1, KEY, &seq), LA_VALUE_FOREIGN);
    assert_int_equal(la_value_read(text, SIZE - 1, &plan, SESSION, KEY, &seq), LA_VALUE_CORRUPT);
    assert_int_equal(la_value_read("", 0, &plan, SESSION, KEY, &seq), LA_VALUE_CORRUPT);
    for (int i = 0; i < SIZE; i++) { /* any one byte changed shows */
        text[i] ^= 1;
        assert_int_not_equal(la_value_read(text, SIZE, &plan, SESSION, KEY, &seq), LA_VALUE_GOOD);
        text[i] ^= 1;
    }
    free(text);
}

static void a_string_tells_how_far_it_came(void **state)
{
    (void)state;
    struct bench b;
    static const struct {
        uint32_t there; /* seq of the value found; 0: no key */
        const char *fates;
    } rows[] = {{4, "iiik"}, {2, "ikLL"}, {1, "kLLL"}, {0, "iiiL"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(&b, "string");
        did(&b, SET, 0);
        did(&b, SET, 0);
        did(&b, DEL, 0);
        did(&b, SET, 0);
        judge(&b, string(rows[i].there ? value(rows[i].there) : NULL), NULL, NULL);
        assert_fates(&b, rows[i].fates);
        assert_int_equal(la_findings_defects(&b.findings), 0);
    }
}

static void what_had_no_reply_is_never_lost(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, "string");
    did(&b, SET, 0);
    did(&b, SET | FLEETING, 0);
    did(&b, SET | FLEETING, 0);
    judge(&b, string(value(1)), NULL, NULL);
    assert_fates(&b, "k--");
    judge(&b, string(value(2)), NULL, NULL); /* and may be there */
    assert_int_equal(b.fates[1], LA_FATE_KEPT);
    assert_int_equal(la_findings_defects(&b.findings), 0);
}

static void a_string_nobody_wrote_is_a_finding(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, "string");
    did(&b, SET, 0);
    judge(&b, string(value(9)), NULL, NULL); /* number 9 was never sent */
    assert_int_equal(b.findings.count[LA_PHANTOM], 1);
    judge(&b, string(strdup("rubbish")), NULL, NULL);
    assert_int_equal(b.findings.count[LA_CORRUPT], 1);
    char *other = calloc(1, SIZE + 1);
    la_value_make(other, SIZE, SESSION, KEY + 1, 1);
    judge(&b, string(other), NULL, NULL);
    assert_int_equal(b.findings.count[LA_PHANTOM], 2);
}

static void a_counter_counts(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, "counter");
    for (int i = 0; i < 3; i++)
        did(&b, 1, 0);
    did(&b, 1 | FLEETING, 0);
    judge(&b, string(strdup("2")), NULL, NULL);
    assert_fates(&b, "kkL-");
    memset(b.fates, 0, sizeof b.fates);
    judge(&b, string(strdup("4")), NULL, NULL);
    assert_fates(&b, "kkkk");
    memset(b.fates, 0, sizeof b.fates);
    judge(&b, string(NULL), NULL, NULL);
    assert_fates(&b, "LLL-");
    judge(&b, string(strdup("5")), NULL, NULL);
    assert_int_equal(b.findings.count[LA_PHANTOM], 1);
    judge(&b, string(strdup("x")), NULL, NULL);
    assert_int_equal(b.findings.count[LA_CORRUPT], 1);
}

static void a_list_shows_holes_and_disorder(void **state)
{
    (void)state;
    static const struct {
        uint32_t there[8];
        const char *fates;
        uint64_t corrupt, phantom;
    } rows[] = {
        {{1, 2, 3, 4}, "kkkk", 0, 0},    {{1, 2}, "kkLL", 0, 0},       {{0}, "LLLL", 0, 0},
        {{1, 3, 4}, "kLkk", 0, 0},       {{2, 1, 3, 4}, "Lkkk", 1, 0}, {{1, 1, 2, 3, 4}, "kkkk", 1, 0},
        {{1, 2, 3, 4, 9}, "kkkk", 0, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        begin(&b, "list");
        for (int n = 0; n < 4; n++)
            did(&b, 1, 0);
        judge(&b, list(rows[i].there), NULL, NULL);
        assert_fates(&b, rows[i].fates);
        assert_int_equal(b.findings.count[LA_CORRUPT], rows[i].corrupt);
        assert_int_equal(b.findings.count[LA_PHANTOM], rows[i].phantom);
    }
}

static redisReply *hash(uint32_t first, uint32_t second)
{
    redisReply *reply = list((const uint32_t[]){0});
    uint32_t seqs[] = {first, second};
    for (int field = 0; field < 2; field++) {
        if (!seqs[field])
            continue;
        char *name = NULL;
        assert_true(asprintf(&name, "f%d", field) > 0);
        reply->element[reply->elements++] = string(name);
        reply->element[reply->elements++] = string(value(seqs[field]));
    }
    return reply;
}

static void a_hash_is_judged_field_by_field(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, second;
        const char *fates;
        uint64_t defects;
    } rows[] = {{3, 2, "ikk", 0}, {1, 2, "kkL", 0}, {3, 0, "iLk", 0}, {0, 0, "LLL", 0}, {2, 2, "LkL", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        begin(&b, "hash");
        did(&b, 1, 0);
        did(&b, 1, 1);
        did(&b, 1, 0);
        judge(&b, hash(rows[i].first, rows[i].second), NULL, NULL);
        assert_fates(&b, rows[i].fates);
        assert_int_equal(la_findings_defects(&b.findings), rows[i].defects);
    }
}

static void the_parts_of_a_transaction_agree(void **state)
{
    (void)state;
    static const struct {
        uint32_t set;
        const char *counter;
        uint32_t pushed[4];
        uint64_t torn;
        const char *fates;
    } rows[] = {
        {3, "3", {1, 2, 3}, 0, "kkk"}, {2, "2", {1, 2}, 0, "kkL"}, {0, NULL, {0}, 0, "LLL"}, {3, "2", {1, 2}, 1, "kkL"},
        {2, "3", {1, 2}, 1, "kkL"},    {3, "3", {1, 2}, 1, "kkL"}, {1, NULL, {0}, 1, "LLL"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        begin(&b, "transaction");
        for (int n = 0; n < 3; n++)
            did(&b, 1, 0);
        judge(&b, string(rows[i].set ? value(rows[i].set) : NULL),
              string(rows[i].counter ? strdup(rows[i].counter) : NULL), list(rows[i].pushed));
        assert_int_equal(b.findings.count[LA_TORN], rows[i].torn);
        assert_fates(&b, rows[i].fates);
    }
}

static void places_do_not_come_twice(void **state)
{
    (void)state;
    const struct la_type *geo = la_types[la_type_find("geo")];
    struct la_key_state key = {0};
    int added = 0;
    for (uint64_t dice = 0; dice < 100; dice++) {
        struct la_op last = {.seq = 3000 * 3000 - 1};
        struct la_op beyond = {.seq = 3000 * 3000};
        geo->choose(&last, &key, dice);
        geo->choose(&beyond, &key, dice);
        assert_string_equal(geo->kinds[beyond.kind - 1].name, "zrem");
        added += last.kind != beyond.kind;
    }
    assert_true(added > 50);
}

/* What a place comes back as: the middle of its cell, or of one of the next, on a grid of 2^26 cells. */
static redisReply *middle(double place, double least, double most, int next)
{
    char *text = NULL;
    double cell = (most - least) / (1 << 26);
    assert_true(asprintf(&text, "%.17g", least + (floor((place - least) / cell) + 0.5 + next) * cell) > 0);
    return string(text);
}

/*
 * Places for the eight members, all absent but the first, where operation `seq` puts it, or `next` cells further north;
 * or fewer places.
 */
static redisReply *places(size_t count, uint32_t seq, int next)
{
    redisReply *reply = list((const uint32_t[]){0});
    for (; reply->elements < count; reply->elements++)
        reply->element[reply->elements] = string(NULL);
    if (!count || !seq)
        return reply;
    freeReplyObject(reply->element[0]);
    reply->element[0] = list((const uint32_t[]){0});
    reply->element[0]->element[0] = middle(-150 + seq * 0.1, -180, 180, 0);
    reply->element[0]->element[1] = middle(-75, -85.05112878, 85.05112878, next);
    reply->element[0]->elements = 2;
    return reply;
}

static redisReply *number(long long value)
{
    redisReply *reply = calloc(1, sizeof *reply);
    reply->type = REDIS_REPLY_INTEGER;
    reply->integer = value;
    return reply;
}

static void places_tell_who_put_them_there(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        uint32_t seq;
        long long members;
        const char *fates;
        uint64_t corrupt, phantom;
        int next;
    } rows[] = {
        {8, 2, 1, "ik", 0, 0, 0}, {8, 1, 1, "kL", 0, 0, 0}, {8, 0, 0, "LL", 0, 0, 0},
        {0, 0, 0, "LL", 0, 0, 0}, {8, 7, 1, "LL", 0, 1, 0}, {8, 2, 2, "ik", 0, 1, 0},
        {3, 0, 0, "--", 1, 0, 0}, {8, 2, 1, "LL", 0, 1, 1}, {8, 2, 1, "LL", 0, 1, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        begin(&b, "geo");
        did(&b, 1, 0);
        did(&b, 1, 0);
        judge(&b, places(rows[i].count, rows[i].seq, rows[i].next), number(rows[i].members), NULL);
        assert_fates(&b, rows[i].fates);
        assert_int_equal(b.findings.count[LA_CORRUPT], rows[i].corrupt);
        assert_int_equal(b.findings.count[LA_PHANTOM], rows[i].phantom);
    }
}

/* A shorter value was written over a longer one: the end of that is there still, or it is damage. */
static void the_rest_of_a_place_is_looked_at(void **state)
{
    (void)state;
    enum { BIG = 100 };
    const struct la_plan mixed = {.value_size = SIZE, .big_size = BIG, .big_every = 2}; /* every second one is big */
    for (int damaged = 0; damaged < 2; damaged++) {
        struct bench b;
        char text[BIG + 1];
        char shorter[SIZE + 1];
        begin(&b, "range");
        b.history.plan = &mixed;
        for (int i = 0; i < 3; i++)
            did(&b, 1, 0);
        la_value_make(text, BIG, SESSION, KEY, 2);
        la_value_make(shorter, SIZE, SESSION, KEY, 3);
        memcpy(text, shorter, SIZE);
        text[BIG - 1] ^= (char)damaged;
        redisReply *replies[] = {string(strdup(text))};
        la_types[b.type]->judge(&b.history, replies);
        freeReplyObject(replies[0]);
        assert_fates(&b, "iik");
        assert_int_equal(b.findings.count[LA_CORRUPT], damaged);
    }
}

/* Where nothing longer was ever written, nothing is behind a value. */
static void behind_the_longest_value_is_nothing(void **state)
{
    (void)state;
    const struct la_plan mixed = {.value_size = SIZE, .big_size = 2 * SIZE, .big_every = 1000};
    for (int garbage = 0; garbage < 2; garbage++) {
        struct bench b;
        begin(&b, "range");
        b.history.plan = &mixed;
        did(&b, 1, 0);
        redisReply *whole = string(calloc(1, 2 * SIZE + 1));
        la_value_make(whole->str, SIZE, SESSION, KEY, 1);
        whole->len = 2 * SIZE;
        whole->str[SIZE + 5] = (char)garbage;
        judge(&b, whole, NULL, NULL);
        assert_fates(&b, "k");
        assert_int_equal(b.findings.count[LA_CORRUPT], garbage);
    }
}

static void only_a_number_is_a_counter(void **state)
{
    (void)state;
    static const char *const texts[] = {"1", "01", " 1", "+1", "1x", "1 ", ""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct bench b;
        begin(&b, "counter");
        did(&b, 1, 0);
        judge(&b, string(strdup(texts[i])), NULL, NULL);
        assert_int_equal(b.findings.count[LA_CORRUPT], i > 0);
        begin(&b, "transaction");
        did(&b, 1, 0);
        judge(&b, string(value(1)), string(strdup(texts[i])), list((const uint32_t[]){1, 0}));
        assert_int_equal(b.findings.count[LA_CORRUPT], i > 0);
    }
}

static redisReply *popped(const char *text)
{
    redisReply *reply = list((const uint32_t[]){0});
    reply->element[0] = string(strdup("list"));
    reply->element[1] = string(strdup(text));
    reply->elements = 2;
    return reply;
}

/* A pop so long after its push that the record cannot say which it was: one element more may be gone, and no more. */
static void what_has_waited_long_may_have_been_popped(void **state)
{
    (void)state;
    struct bench b;
    struct la_key_state key = {0};
    begin(&b, "queue");
    did(&b, 1, 0);
    did(&b, 1, 0);
    did(&b, 1, 0);
    did(&b, 2, 0);
    b.ops[3].seq = 1U << 24;
    char *text = value(1);
    redisReply *reply = popped(text);
    assert_true(la_types[b.type]->accept(&key, &b.ops[3], reply));
    judge(&b, list((const uint32_t[]){3, 0}), NULL, NULL);
    assert_fates(&b, "iLki");
    freeReplyObject(reply);
    free(text);
}

static void a_reply_that_cannot_be_is_not_believed(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, "move");
    did(&b, 1, 0); /* SET a */
    did(&b, 3, 0); /* COPY a b */
    b.ops[1].result = 0;
    judge(&b, string(value(1)), string(NULL), NULL);
    assert_int_equal(b.findings.count[LA_CORRUPT], 1);
    begin(&b, "set");
    did(&b, 1, 0);
    did(&b, 2, 1); /* SREM of what the first one added */
    b.ops[1].result = 0;
    judge(&b, list((const uint32_t[]){0}), NULL, NULL);
    assert_int_equal(b.findings.count[LA_CORRUPT], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_tell_their_faults_apart),
        cmocka_unit_test(a_string_tells_how_far_it_came),
        cmocka_unit_test(what_had_no_reply_is_never_lost),
        cmocka_unit_test(a_string_nobody_wrote_is_a_finding),
        cmocka_unit_test(a_counter_counts),
        cmocka_unit_test(a_list_shows_holes_and_disorder),
        cmocka_unit_test(a_hash_is_judged_field_by_field),
        cmocka_unit_test(the_parts_of_a_transaction_agree),
        cmocka_unit_test(places_tell_who_put_them_there),
        cmocka_unit_test(places_do_not_come_twice),
        cmocka_unit_test(the_rest_of_a_place_is_looked_at),
        cmocka_unit_test(behind_the_longest_value_is_nothing),
        cmocka_unit_test(only_a_number_is_a_counter),
        cmocka_unit_test(what_has_waited_long_may_have_been_popped),
        cmocka_unit_test(a_reply_that_cannot_be_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
