/*
 * Holes and loss over generated histories: the judge against a deliberately naive
 * second opinion that compares every pair of operations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "verify/tally.h"

enum { SET = 1, DEL = 2 }; /* kinds of strings */
enum { OPS = 120, ROUNDS = 400, CLIENTS = 4 };

static struct la_ledger make_ledger(char path[64])
{
    struct la_ledger ledger = {0};
    struct la_error error;
    struct la_plan plan = {.clients = CLIENTS, .pipeline = 1, .value_size = LA_VALUE_MIN, .keys = {10}, .shares = {1}};
    strcpy(path, "/tmp/judge-XXXXXX");
    int fd = mkstemp(path);
    close(fd);
    unlink(path);
    assert_int_equal(la_ledger_create(&ledger, path, &plan, OPS, &error), 0);
    return ledger;
}

/* Random operations of a few clients over two lives of the server, with random fates. */
static void generate(struct la_ledger *ledger, uint8_t *fates, uint64_t *random)
{
    uint64_t clock = 1;
    uint64_t busy_until[2 * CLIENTS] = {0};
    ledger->head->sessions = 2 * CLIENTS;
    for (uint32_t s = 0; s < 2 * CLIENTS; s++)
        ledger->head->session[s] = (struct la_session){s % CLIENTS, s / CLIENTS};
    for (uint32_t i = 0; i < OPS; i++) {
        struct la_op *op = &ledger->ops[i];
        uint32_t session = (uint32_t)(la_random(random) % CLIENTS) + (i >= OPS / 2 ? CLIENTS : 0);
        memset(op, 0, sizeof *op);
        clock += 1 + la_random(random) % 5;
        op->session = session;
        op->seq = i + 1;
        op->kind = la_random(random) % 5 ? SET : DEL;
        op->invoked_ns = clock > busy_until[session] ? clock : busy_until[session] + 1;
        op->done_ns = busy_until[session] = op->invoked_ns + la_random(random) % 20;
        op->outcome = LA_OUTCOME_OK;
        fates[i] = la_random(random) % 12 == 0 ? LA_FATE_LOST : la_random(random) % 3 ? LA_FATE_KEPT : LA_FATE_IMPLIED;
    }
    ledger->head->count = OPS;
    ledger->head->life = 1;
}

static bool comes_after(const struct la_ledger *ledger, uint32_t kept, uint32_t lost)
{
    const struct la_op *a = &ledger->ops[lost];
    const struct la_op *b = &ledger->ops[kept];
    if (ledger->head->session[a->session].life != ledger->head->session[b->session].life)
        return false;
    return (a->session == b->session && kept > lost) || a->done_ns < b->invoked_ns;
}

static void naive(const struct la_ledger *ledger, const uint8_t *fates, uint64_t *lost, uint64_t *holes,
                  uint64_t *revived)
{
    *lost = *holes = *revived = 0;
    for (uint32_t i = 0; i < OPS; i++) {
        bool hole = false;
        if (fates[i] != LA_FATE_LOST)
            continue;
        ++*lost;
        for (uint32_t k = 0; k < OPS; k++)
            hole = hole || (fates[k] == LA_FATE_KEPT && comes_after(ledger, k, i));
        if (hole)
            ++*(ledger->ops[i].kind == DEL ? revived : holes);
    }
}

static void tally(const struct la_ledger *ledger, const uint8_t *fates, struct la_findings *findings,
                  struct la_verify *result)
{
    struct la_tally tally;
    la_tally_begin(&tally, ledger, NULL, findings, result);
    for (uint32_t i = OPS; i > 0; i--) /* the order must not matter */
        la_tally_add(&tally, &ledger->ops[i - 1], (enum la_fate)fates[i - 1]);
    la_tally_end(&tally);
}

static void agrees_with_a_naive_judge(void **state)
{
    (void)state;
    char path[64];
    uint64_t random = 42;
    struct la_ledger ledger = make_ledger(path);
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t fates[OPS];
        uint64_t lost, holes, revived;
        struct la_findings findings = {0};
        struct la_verify result = {0};
        generate(&ledger, fates, &random);
        naive(&ledger, fates, &lost, &holes, &revived);
        tally(&ledger, fates, &findings, &result);
        assert_int_equal(result.lost, lost);
        assert_int_equal(findings.count[LA_HOLE], holes);
        assert_int_equal(findings.count[LA_RESURRECTED], revived);
        assert_int_equal(result.acked, OPS);
    }
    la_ledger_close(&ledger);
    unlink(path);
}

static void a_lost_tail_is_no_hole(void **state)
{
    (void)state;
    char path[64];
    struct la_ledger ledger = make_ledger(path);
    uint8_t fates[OPS];
    uint64_t random = 7;
    struct la_findings findings = {0};
    struct la_verify result = {0};
    generate(&ledger, fates, &random);
    for (uint32_t i = 0; i < OPS; i++) {
        ledger.ops[i].invoked_ns = i * 10 + 1;
        ledger.ops[i].done_ns = i * 10 + 5;
        ledger.head->session[ledger.ops[i].session].life = 0;
        fates[i] = i < OPS - 20 ? LA_FATE_KEPT : LA_FATE_LOST;
    }
    ledger.head->mark_ns = (OPS - 21) * 10 + 5;
    tally(&ledger, fates, &findings, &result);
    assert_int_equal(result.lost, 20);
    assert_int_equal(result.lost_marked, 0);
    assert_int_equal(result.earliest_lost_ns[0], (OPS - 20) * 10 + 5);
    assert_int_equal(la_findings_defects(&findings), 0);
    ledger.head->mark_ns += 10;
    result = (struct la_verify){0};
    tally(&ledger, fates, &findings, &result);
    assert_int_equal(result.lost_marked, 1);
    la_ledger_close(&ledger);
    unlink(path);
}

/* Lives are told apart up to a number: what later ones kept proves nothing of what an earlier one lost. */
static void lives_that_are_not_told_apart_prove_no_hole(void **state)
{
    (void)state;
    char path[64];
    struct la_ledger ledger = make_ledger(path);
    uint8_t fates[OPS];
    uint64_t random = 7;
    generate(&ledger, fates, &random);
    for (uint32_t life = LA_LIVES_MAX - 2; life < LA_LIVES_MAX; life++) {
        struct la_findings findings = {0};
        struct la_verify result = {0};
        for (uint32_t i = 0; i < OPS; i++) { /* a client's first connection loses all, the next one keeps all */
            ledger.ops[i].invoked_ns = i * 10 + 1;
            ledger.ops[i].done_ns = i * 10 + 5;
            ledger.head->session[ledger.ops[i].session].life = life;
            fates[i] = i < OPS / 2 ? LA_FATE_LOST : LA_FATE_KEPT;
        }
        tally(&ledger, fates, &findings, &result);
        assert_int_equal(result.lost, OPS / 2);
        assert_int_equal(la_findings_defects(&findings) > 0, life < LA_LIVES_MAX - 1);
    }
    la_ledger_close(&ledger);
    unlink(path);
}

/* How long clients waited is known of those that waited until the end, and of those that were answered. */
static void who_was_cut_off_has_not_waited_since(void **state)
{
    (void)state;
    char path[64];
    struct la_ledger ledger = make_ledger(path);
    uint8_t fates[OPS];
    uint64_t random = 7;
    uint64_t fault_ns[LA_LIVES_MAX] = {1000000};
    generate(&ledger, fates, &random);
    for (uint32_t s = 0; s < 2 * CLIENTS; s++)
        ledger.head->session[s].life = 0;
    /* of a connection that another followed; before one that was answered; neither */
    for (int open = 0; open < 3; open++) {
        struct la_findings findings = {0};
        struct la_verify result = {0};
        struct la_tally tally;
        for (uint32_t i = 0; i < OPS; i++) {
            bool unanswered = open == 0 ? i < 4 : open == 1 ? i == OPS - 2 : i == OPS - 1;
            ledger.ops[i].session = i < 4 ? 0 : CLIENTS;
            ledger.ops[i].invoked_ns = i * 10 + 1;
            ledger.ops[i].done_ns = unanswered ? 0 : i * 10 + 5;
            ledger.ops[i].outcome = unanswered ? LA_OUTCOME_UNKNOWN : LA_OUTCOME_OK;
        }
        la_tally_begin(&tally, &ledger, fault_ns, &findings, &result);
        for (uint32_t i = 0; i < OPS; i++)
            la_tally_add(&tally, &ledger.ops[i], LA_FATE_IMPLIED);
        la_tally_end(&tally);
        uint64_t next_ns = ledger.ops[4].invoked_ns; /* of the connection that followed */
        uint64_t slowest = open == 0   ? next_ns - ledger.ops[0].invoked_ns
                           : open == 1 ? 4
                                       : fault_ns[0] - ledger.ops[OPS - 1].invoked_ns;
        assert_int_equal(result.slowest_ns, slowest);
    }
    la_ledger_close(&ledger);
    unlink(path);
}

static void an_impossible_reply_is_a_finding(void **state)
{
    (void)state;
    char path[64];
    struct la_ledger ledger = make_ledger(path);
    uint8_t fates[OPS] = {0};
    uint64_t random = 9;
    struct la_findings findings = {0};
    struct la_verify result = {0};
    generate(&ledger, fates, &random);
    memset(fates, 0, sizeof fates);
    ledger.ops[3].outcome = LA_OUTCOME_WRONG;
    tally(&ledger, fates, &findings, &result);
    assert_int_equal(findings.count[LA_CORRUPT], 1);
    la_ledger_close(&ledger);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_naive_judge),
        cmocka_unit_test(a_lost_tail_is_no_hole),
        cmocka_unit_test(lives_that_are_not_told_apart_prove_no_hole),
        cmocka_unit_test(who_was_cut_off_has_not_waited_since),
        cmocka_unit_test(an_impossible_reply_is_a_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
