/* Small computations with known answers: what is due when, how keys are drawn, confidence, throughput. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "load/pick.h"
#include "report/answer.h"
#include "report/repeat.h"
#include "report/throughput.h"

#define MS UINT64_C(1000000)

static void a_rate_ramps_and_rests(void **state)
{
    (void)state;
    static const struct {
        struct la_plan plan;
        uint64_t ms, due;
    } rows[] = {
        {{.rate = 0}, 500, UINT64_MAX},
        {{.rate = 1000}, 500, 500},
        {{.rate = 1000, .ramp_ms = 400}, 200, 50},  /* half-way up: a quarter of the ramp's operations */
        {{.rate = 1000, .ramp_ms = 400}, 400, 200}, /* the ramp takes half of its time */
        {{.rate = 1000, .ramp_ms = 400}, 1400, 1200},
        {{.busy_ms = 100, .idle_ms = 50}, 99, UINT64_MAX},
        {{.busy_ms = 100, .idle_ms = 50}, 120, 0},
        {{.busy_ms = 100, .idle_ms = 50, .rate = 1000}, 120, 0},
        {{.busy_ms = 100, .idle_ms = 50, .rate = 1000}, 160, 110}, /* rest does not count */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (la_draw_due(&rows[i].plan, rows[i].ms * MS) != rows[i].due)
            fail_msg("row %zu: %llu", i, (unsigned long long)la_draw_due(&rows[i].plan, rows[i].ms * MS));
}

static void count_draws(const struct la_plan *plan, uint32_t *counts)
{
    struct la_draw draw;
    uint64_t random = 5;
    la_draw_make(&draw, plan);
    for (int i = 0; i < 100000; i++)
        counts[la_draw_key(&draw, &random)]++;
    la_draw_free(&draw);
}

static void keys_are_drawn_by_share_and_skew(void **state)
{
    (void)state;
    uint32_t even[8] = {0};
    uint32_t skewed[8] = {0};
    struct la_plan plan = {.keys = {4, 4}, .shares = {3, 1}};
    count_draws(&plan, even);
    for (int i = 0; i < 8; i++) /* 3/16 of the draws each, and 1/16 */
        assert_true(fabs(even[i] / 100000.0 - (i < 4 ? 3 : 1) / 16.0) < 0.01);
    plan.skew = 100; /* within a type 1, 1/2, 1/3, 1/4 */
    count_draws(&plan, skewed);
    assert_true(fabs((double)skewed[0] / skewed[1] - 2) < 0.1);
    assert_true(fabs((double)skewed[0] / skewed[3] - 4) < 0.2);
    assert_true(fabs((double)(skewed[0] + skewed[1] + skewed[2] + skewed[3]) / 100000 - 0.75) < 0.01);
}

static void none_of_n_says_this_much(void **state)
{
    (void)state;
    static const struct {
        unsigned int hits, runs;
        double bound; /* Clopper and Pearson, one side, from tables */
    } rows[] = {{0, 1, 0.95},    {0, 10, 0.2589}, {0, 300, 0.00994}, {1, 10, 0.3942},
                {5, 10, 0.7776}, {10, 10, 1},     {0, 0, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(fabs(la_repeat_upper_95(rows[i].hits, rows[i].runs) - rows[i].bound) < 0.0002);
}

/* What every entry has, besides what a test is about. */
static void complete(json_t *runs)
{
    size_t i;
    size_t c;
    json_t *run;
    json_t *said;
    json_t *rest = json_pack("{s:s, s:s, s:f, s:[], s:[], s:[]}", "name", "x", "reproduce", "", "seconds", 0.0,
                             "reasons", "overrides", "claim_verdicts");
    json_t *id = json_pack("{s:s}", "id", "S0-01");
    json_array_foreach (runs, i, run) {
        json_object_update_missing(run, rest);
        json_array_foreach (json_object_get(run, "claim_verdicts"), c, said)
            json_object_update_missing(said, id);
    }
    json_decref(rest);
    json_decref(id);
}

/* Who accepts what one run shows has not accepted what another does. */
static void what_any_run_violates(void **state)
{
    (void)state;
    json_t *runs = json_pack("[{s:s, s:{s:i}, s:n, s:[s]}, {s:s, s:{s:i}, s:n, s:[s, s]}]", "verdict", "violated",
                             "rpo", "lost", 5, "rto", "violated", "lost", "verdict", "violated", "rpo", "lost", 1,
                             "rto", "violated", "hole", "lost");
    complete(runs);
    json_t *merged = la_repeat_merge(runs);
    json_t *kinds = json_pack("[s, s]", "lost", "hole");
    assert_true(json_equal(json_object_get(merged, "violated"), kinds));
    json_decref(kinds);
    json_decref(merged);
}

static void the_worst_run_stands_for_all(void **state)
{
    (void)state;
    json_t *runs = json_pack("[{s:s, s:{s:i}, s:{s:f}}, {s:s, s:{s:i}, s:n}, {s:s, s:n, s:{s:f}}]", "verdict", "holds",
                             "rpo", "lost", 3, "rto", "ready_ms", 10.0, "verdict", "violated", "rpo", "lost", 5, "rto",
                             "verdict", "inconclusive", "rpo", "rto", "ready_ms", 30.0);
    complete(runs);
    json_t *merged = la_repeat_merge(runs);
    const json_t *repeats = json_object_get(merged, "repeats");
    assert_string_equal(json_string_value(json_object_get(merged, "verdict")), "violated");
    assert_int_equal(json_integer_value(json_object_get(repeats, "runs")), 3);
    assert_int_equal(json_integer_value(json_object_get(repeats, "inconclusive")), 1);
    const json_t *lost = json_object_get(repeats, "lost");
    const json_t *ready = json_object_get(repeats, "ready_ms");
    assert_true(fabs(json_number_value(json_object_get(lost, "median")) - 4) < 1e-9);
    assert_true(fabs(json_number_value(json_object_get(lost, "max")) - 5) < 1e-9);
    assert_true(fabs(json_number_value(json_object_get(ready, "median")) - 20) < 1e-9);
    assert_true(json_is_null(json_object_get(repeats, "window_ms")));
    json_decref(merged);
}

/* What is no part of how far back the loss reaches is the worst of any run; and one that says nothing leaves a doubt.
 */
static void of_the_worst_case_every_figure_is_the_worst(void **state)
{
    (void)state;
    json_t *runs = json_pack("[{s:{s:b, s:s, s:f, s:i, s:f, s:b}}, {s:{s:b, s:s, s:f, s:i, s:f, s:b}}, {s:{s:b, s:f}}]",
                             "worst", "sound", 1, "situation", "kill", "window_ms", 900.0, "lost", 5, "ready_ms", 50.0,
                             "by_itself", 1, "worst", "sound", 1, "situation", "kill", "window_ms", 10.0, "lost", 7,
                             "ready_ms", 3000.0, "by_itself", 0, "worst", "sound", 0, "ready_ms", 9000.0);
    json_t *worst = la_answer_worst_of(runs);
    assert_true(fabs(json_number_value(json_object_get(worst, "window_ms")) - 900) < 1e-9);
    assert_true(fabs(json_number_value(json_object_get(worst, "ready_ms")) - 3000) < 1e-9);
    assert_int_equal(json_integer_value(json_object_get(worst, "lost")), 7);
    assert_true(json_is_false(json_object_get(worst, "by_itself")));
    json_t *scenarios = json_pack("[{s:s, s:s, s:[s], s:o}]", "name", "worst-kill", "verdict", "inconclusive",
                                  "reasons", "one of the runs says nothing", "worst", worst);
    json_t *answers = la_answers(scenarios);
    const json_t *answer = la_answer_find(answers, "kill");
    assert_true(la_answer_loss(answer) > 899);
    assert_int_equal(json_array_size(json_object_get(answer, "unknown")), 1);
    json_decref(answers);
    json_decref(scenarios);
    json_decref(runs);
}

static json_t *runs_from(int first, int step, int count)
{
    json_t *runs = json_array();
    for (int i = 0; i < count; i++) {
        const int seed = first + i * step;
        json_array_append_new(runs, json_pack("{s:i, s:s, s:{s:i}, s:{s:f}, s:[]}", "seed", seed, "verdict",
                                              seed % 3 ? "holds" : "violated", "rpo", "lost", seed * 7 % 5, "rto",
                                              "ready_ms", seed * 1.5, "violated"));
    }
    complete(runs);
    return runs;
}

/* Runs that were dealt out to machines say what they say when one has made them all. */
static void put_together_twice(void **state)
{
    (void)state;
    json_t *once = la_repeat_merge(runs_from(10, 1, 7));
    json_t *parts = json_array();
    for (int machine = 0; machine < 3; machine++)
        json_array_append_new(parts, la_repeat_merge(runs_from(10 + machine, 3, machine ? 2 : 3)));
    json_array_append(parts, json_array_get(parts, 0)); /* in another order */
    json_array_remove(parts, 0);
    json_t *together = la_repeat_merge(parts);
    assert_true(json_equal(json_object_get(once, "repeats"), json_object_get(together, "repeats")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(together, "repeats"), "runs")), 7);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(together, "repeats"), "violated")), 2);
    assert_true(json_equal(json_object_get(once, "rpo"), json_object_get(together, "rpo")));
    json_decref(once);
    json_decref(together);
}

/* Of runs with one verdict that with the greatest loss, then the widest window; of each claim its own worst run. */
static void of_equal_verdicts_the_greatest_loss(void **state)
{
    (void)state;
    static const struct {
        const char *verdict, *claim, *other;
        int lost;
        double window;
    } rows[] = {{"holds", "violated", "holds", 1, 0.0},
                {"holds", "holds", "holds", 350, 10.0},
                {"holds", "violated", "holds", 5, 99.0},
                {"holds", "holds", "qualified", 350, 20.0},
                {"holds", "holds", "holds", 350, 20.0}};
    json_t *runs = json_array();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        json_array_append_new(runs, json_pack("{s:s, s:{s:i, s:f}, s:[{s:s, s:i}, {s:s, s:i}]}", "verdict",
                                              rows[i].verdict, "rpo", "lost", rows[i].lost, "window_ms", rows[i].window,
                                              "claim_verdicts", "verdict", rows[i].claim, "run", (int)i, "verdict",
                                              rows[i].other, "run", (int)i));
    complete(runs);
    assert_int_equal(la_repeat_worst(runs), 3);
    json_array_insert_new(runs, 0, json_null()); /* not ended yet */
    assert_int_equal(la_repeat_worst(runs), 4);
    json_array_remove(runs, 0);
    json_t *merged = la_repeat_merge(runs);
    assert_true(fabs(json_number_value(json_object_get(json_object_get(merged, "rpo"), "window_ms")) - 20) < 1e-9);
    const json_t *claims = json_object_get(merged, "claim_verdicts");
    assert_int_equal(json_array_size(claims), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(claims, 0), "run")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(claims, 1), "run")), 3);
    json_decref(merged);
    json_t *none = json_pack("[n]");
    assert_int_equal(la_repeat_worst(none), -1);
    json_decref(none);
}

enum { STEADY = 1000, OUTAGE_MS = 300, SLOW_MS = 200 };

/* An operation a millisecond, a fault, nothing for a while, every fourth millisecond, then as before. */
static void throughput_is_back_when_it_is(void **state)
{
    (void)state;
    char path[64] = "/tmp/figures-XXXXXX";
    struct la_ledger ledger = {0};
    struct la_error error;
    const struct la_plan plan = {.clients = 1, .pipeline = 1, .value_size = 64, .keys = {1}, .shares = {1}};
    close(mkstemp(path));
    unlink(path);
    assert_int_equal(la_ledger_create(&ledger, path, &plan, 10000, &error), 0);
    const uint64_t start_ms = 100000;
    const uint64_t fault_ms = start_ms + STEADY;
    for (uint64_t ms = start_ms; ms < fault_ms + 2000; ms++) {
        bool outage = ms >= fault_ms && ms < fault_ms + OUTAGE_MS;
        bool slow = ms >= fault_ms && ms < fault_ms + OUTAGE_MS + SLOW_MS && ms % 4;
        if (outage || slow)
            continue;
        struct la_op *op = &ledger.ops[ledger.head->count++];
        *op = (struct la_op){.invoked_ns = ms * MS, .done_ns = ms * MS + 1, .seq = 1};
        op->kind = 1;
        op->outcome = LA_OUTCOME_OK;
    }
    struct la_throughput found = la_throughput_after(&ledger, fault_ms * MS);
    assert_true(fabs(found.before - 1000) < 20);
    double back_ms = (double)found.back_ns / 1e6 - (double)fault_ms;
    assert_true(back_ms >= OUTAGE_MS + SLOW_MS + 70 && back_ms <= OUTAGE_MS + SLOW_MS + 120);
    /* a server that was up for 400 ms only: what was before it was down does not count */
    const uint64_t second_ms = fault_ms + OUTAGE_MS + SLOW_MS + 400;
    ledger.head->session[1].life = 1;
    for (uint64_t i = 0; i < ledger.head->count; i++)
        ledger.ops[i].session = ledger.ops[i].done_ns >= (fault_ms + OUTAGE_MS + SLOW_MS) * MS;
    assert_true(fabs(la_throughput_after(&ledger, second_ms * MS).before - 1000) < 40);
    for (uint64_t i = 0; i < ledger.head->count; i++)
        ledger.ops[i].session = 0;
    ledger.head->count = STEADY + 40; /* the load ended soon after */
    assert_int_equal(la_throughput_after(&ledger, fault_ms * MS).back_ns, 0);
    assert_true(la_throughput_after(&ledger, (start_ms + 20) * MS).before < 1); /* too short a time to tell */
    la_ledger_close(&ledger);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_ramps_and_rests),
        cmocka_unit_test(keys_are_drawn_by_share_and_skew),
        cmocka_unit_test(none_of_n_says_this_much),
        cmocka_unit_test(what_any_run_violates),
        cmocka_unit_test(the_worst_run_stands_for_all),
        cmocka_unit_test(of_the_worst_case_every_figure_is_the_worst),
        cmocka_unit_test(put_together_twice),
        cmocka_unit_test(of_equal_verdicts_the_greatest_loss),
        cmocka_unit_test(throughput_is_back_when_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
