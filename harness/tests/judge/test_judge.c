/* From what was seen to a verdict: every row is a run made up of a sound one and what is different in it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "driver/control.h"
#include "judge/expectations.h"
#include "judge/judge.h"
#include "scenario_text.h"

#define MS UINT64_C(1000000)

static const char scenario_head[] = "name: x\n"
                                    "title: t\n"
                                    "load: {min_acked: 100}\n"
                                    "nodes:\n"
                                    "  - {name: a, restart: always}\n"
                                    "  - {name: b, replicates: a}\n"
                                    "steps:\n"
                                    "  - mark: {}\n"
                                    "  - recover: {}\n"
                                    "  - verify: {}\n";

struct world {
    struct la_run run;
    struct la_options options;
    struct la_scenario *scenario;
    struct la_ledger_head head;
    struct fi_control *control;
};

/* A sound run: 1000 operations acknowledged, the server killed once, everything read back and there. */
static struct world *begin(const char *expect)
{
    struct world *world = la_alloc(1, sizeof *world);
    struct la_run *run = &world->run;
    world->scenario = scenario_text("%s%s", scenario_head, expect);
    world->options.demands = (struct la_demands){-1, -1, false};
    world->control = la_alloc(1, sizeof *world->control);
    world->head.acked = 1000;
    world->head.life = 1;
    run->scenario = world->scenario;
    run->options = &world->options;
    run->ledger.head = &world->head;
    run->load_started = true;
    run->node_count = 2;
    for (unsigned int i = 0; i < run->node_count; i++) {
        run->nodes[i].spec = &world->scenario->nodes[i];
        run->nodes[i].control = world->control;
        run->nodes[i].starts = 2;
    }
    run->verified = &run->nodes[0];
    run->verify.acked = 1000;
    run->verify.acked_before = 900;
    run->verify.acked_marked = 500;
    run->fault_ns[0] = 5000 * MS;
    run->verify.read_ns = 9000 * MS;
    return world;
}

static void end(struct world *world)
{
    la_scenario_free(world->scenario);
    la_strings_free(&world->run.doubts);
    la_strings_free(&world->run.broken);
    la_strings_free(&world->run.suspected);
    free(world->control);
    free(world);
}

/* Operations lost, the earliest of them acknowledged so long before the fault. */
static void lose(struct world *world, uint64_t count, uint64_t age_ms)
{
    world->run.verify.lost = count;
    world->run.verify.earliest_lost_ns[0] = world->run.fault_ns[0] - age_ms * MS;
}

static void lose_ten(struct world *world)
{
    lose(world, 10, 700);
}

static void lose_ten_in_doubt(struct world *world)
{
    lose(world, 10, 700);
    la_run_doubt(&world->run, "something went amiss");
}

static void doubt(struct world *world)
{
    la_run_doubt(&world->run, "something went amiss");
}

static void doubt_and_exit(struct world *world)
{
    doubt(world);
    world->run.nodes[0].exits = 0;
}

static void no_writes_then_doubt(struct world *world)
{
    la_run_broken(&world->run, true, "no write was accepted within 10000 ms");
    doubt(world);
}

static void doubt_then_no_writes(struct world *world)
{
    doubt(world);
    la_run_broken(&world->run, true, "no write was accepted within 10000 ms");
}

static void arm_unfired(struct world *world)
{
    struct fi_rule *rule = &world->control->rules[0];
    snprintf(rule->text, sizeof rule->text, "op=fsync do=error:EIO");
    world->run.nodes[0].rule_count = 1;
}

static void no_refusal_as_rule_unfired(struct world *world)
{
    arm_unfired(world);
    la_run_broken(&world->run, !la_run_unfired(&world->run), "no client was refused within 10000 ms");
}

static void no_refusal(struct world *world)
{
    la_run_broken(&world->run, true, "no client was refused within 10000 ms");
    doubt(world);
}

static void torn(struct world *world)
{
    la_findings_add(&world->run.findings, LA_TORN, "", "half of a MULTI");
}

static void torn_in_doubt(struct world *world)
{
    torn(world);
    doubt(world);
}

static void torn_and_evicted(struct world *world)
{
    torn(world);
    world->run.evicted = 3;
}

static void torn_behind_a_blind_cut(struct world *world)
{
    static struct fi_journal journal;
    torn(world);
    world->control->blind = 1;
    world->run.nodes[0].power.journal = &journal;
    world->run.nodes[0].power.cuts = 1;
}

static void behind_a_blind_cut(struct world *world)
{
    static struct fi_journal journal;
    world->control->blind = 1;
    world->run.nodes[0].power.journal = &journal;
    world->run.nodes[0].power.cuts = 1;
}

static void no_writes_behind_a_blind_cut(struct world *world)
{
    behind_a_blind_cut(world);
    la_run_broken(&world->run, true, "no write was accepted within 10000 ms");
}

static void refuse_behind_a_blind_cut(struct world *world)
{
    behind_a_blind_cut(world);
    world->run.may_evict = true;
    world->run.nodes[0].refusals = 1;
    world->run.verified = NULL;
    la_findings_add(&world->run.findings, LA_REFUSED, "", "a does not start on what it left behind");
}

static void wrong_reply_then_doubt(struct world *world)
{
    la_run_broken(&world->run, false, "GET k: expected a reply with 'v', got ''");
    doubt(world);
}

static void never_begun(struct world *world)
{
    la_run_doubt(&world->run, "no disk");
    world->run.ledger.head = NULL;
    world->run.node_count = 0;
    world->run.verified = NULL;
}

static void stood_still(struct world *world)
{
    lose(world, 10, 700);
    la_run_stalled(&world->run, 500 * MS);
}

static void torn_and_blind(struct world *world)
{
    torn(world);
    world->control->blind = 1;
}

static void torn_in_an_unproven_replay(struct world *world)
{
    torn(world);
    world->run.replayed = true;
    world->run.unproven = true;
    doubt(world);
}

static void refuse(struct world *world)
{
    world->run.nodes[0].refusals = 1;
    world->run.verified = NULL;
    la_findings_add(&world->run.findings, LA_REFUSED, "", "a does not start on what it left behind");
}

static void refuse_and_evicted(struct world *world)
{
    refuse(world);
    world->run.evicted = 3;
}

static void unread(struct world *world)
{
    world->run.verified = NULL;
}

static void thin(struct world *world)
{
    world->head.acked = 99;
}

static void no_load(struct world *world)
{
    world->run.load_started = false;
}

static void no_mark(struct world *world)
{
    world->run.verify.acked_marked = 0;
}

static void lost_marked(struct world *world)
{
    lose(world, 10, 700);
    world->run.verify.lost_marked = 1;
}

static void lost_in_the_last_life(struct world *world)
{
    world->run.verify.lost = 1;
    world->run.verify.earliest_lost_ns[1] = 8999 * MS;
}

static void two_crashes(struct world *world)
{
    lose(world, 10, 700);
    world->head.life = 2;
    world->run.fault_ns[1] = 7000 * MS;
}

static void slow_disk(struct world *world)
{
    lose(world, 10, 700);
    world->control->slowest_sync_ns = 150 * MS;
}

static void slow_replies(struct world *world)
{
    lose(world, 10, 700);
    world->run.verify.slowest_ns = 250 * MS;
}

static void quick_replies(struct world *world)
{
    lose(world, 10, 700);
    world->run.verify.slowest_ns = 150 * MS;
}

static void given_lost(struct world *world)
{
    la_findings_add(&world->run.findings, LA_LOST, "", "key:1");
}

static void rpo_400(struct world *world)
{
    lose(world, 10, 700);
    world->options.demands.rpo_ms = 400;
}

static void rpo_0_slow_disk(struct world *world)
{
    lose(world, 10, 200);
    world->control->slowest_sync_ns = 150 * MS;
    world->options.demands.rpo_ms = 0;
}

static void rpo_400_slow_disk(struct world *world)
{
    slow_disk(world);
    world->options.demands.rpo_ms = 400;
}

static void rto(struct world *world, int bound_ms, uint64_t ready_ms, uint64_t stall_ms)
{
    world->options.demands.rto_ms = bound_ms;
    world->run.recovered = true;
    world->run.recovery.fault_ns = 5000 * MS;
    world->run.recovery.gone_ns = 5000 * MS;
    world->run.recovery.ready_ns = (5000 + ready_ms) * MS;
    world->run.recovery.stall_ns = stall_ms * MS;
}

static void rto_missed(struct world *world)
{
    rto(world, 100, 250, 0);
}

static void rto_kept(struct world *world)
{
    rto(world, 100, 50, 0);
}

static void rto_unseen(struct world *world)
{
    rto(world, 100, 150, 90);
}

static void rto_with_clock(struct world *world)
{
    rto(world, 100, 250, 0);
    world->run.clock_changed = true;
}

static void killed(struct world *world)
{
    world->run.nodes[0].exits = 1;
    world->run.nodes[0].ends[0] = SIGKILL;
}

static void crashed(struct world *world)
{
    world->run.nodes[0].exits = 1;
    world->run.nodes[0].ends[0] = SIGSEGV;
}

static void killed_then_crashed(struct world *world)
{
    killed(world);
    world->run.nodes[0].exits = 2;
    world->run.nodes[0].ends[1] = SIGSEGV;
}

static void replies(struct world *world)
{
    snprintf(world->head.errors[0].text, LA_ERROR_TEXT, "MISCONF no");
    world->head.errors[0].count = 5;
}

static void other_replies(struct world *world)
{
    replies(world);
    world->head.errors[LA_ERRORS_MAX - 1].count = 1;
}

static void survivors(struct world *world)
{
    world->run.verify.survivors = 4;
}

static void same(struct world *world)
{
    (void)world;
}

#define LOST "expect:\n  - lost: {max: 0}\n"

static const struct {
    const char *expect;
    void (*change)(struct world *world);
    enum la_verdict verdict;
    const char *first; /* reason; NULL: none */
    const char *later; /* another one; NULL: none is asked for */
} rows[] = {
    {LOST, same, LA_HOLDS, NULL, NULL},
    {LOST, lose_ten, LA_VIOLATED, "acknowledged operations lost: 10, at most 0", NULL},
    {LOST, lose_ten_in_doubt, LA_VIOLATED, "acknowledged operations lost: 10", "in doubt: something went amiss"},
    {LOST, doubt, LA_INCONCLUSIVE, "something went amiss", NULL},
    {LOST, unread, LA_INCONCLUSIVE, "nothing was read back", NULL},
    {LOST, thin, LA_INCONCLUSIVE, "load too thin: only 99", NULL},
    {LOST, no_load, LA_INCONCLUSIVE, "no load ran", NULL},
    {LOST, arm_unfired, LA_INCONCLUSIVE, "the rule 'op=fsync do=error:EIO' did not fire", NULL},
    {"expect:\n  - lost: {min: 1}\n", same, LA_VIOLATED, "at least 1 expected", NULL},
    {"expect:\n  - lost: {min: 1}\n", doubt, LA_INCONCLUSIVE, "something went amiss",
     "not met, but the run proves nothing: acknowledged operations lost: 0, at least 1 expected"},
    {"expect:\n  - lost: {before_mark: 0}\n", lose_ten, LA_HOLDS, NULL, NULL},
    {"expect:\n  - lost: {before_mark: 0}\n", lost_marked, LA_VIOLATED, "before the mark: 1", NULL},
    {"expect:\n  - lost: {before_mark: 0}\n", no_mark, LA_INCONCLUSIVE, "nothing was acknowledged before the mark",
     NULL},
    {"expect:\n  - lost: {promised: 0}\n", same, LA_INCONCLUSIVE, "have promised nothing", NULL},
    {"expect:\n  - lost: {all: true}\n", survivors, LA_VIOLATED, "4 operations from before the crash", NULL},
    {"expect:\n  - lost: {all: true}\n", lost_in_the_last_life, LA_VIOLATED, "no crash has taken them", NULL},
    /* windows */
    {"expect:\n  - window: {max_ms: 800}\n", lose_ten, LA_HOLDS, NULL, NULL},
    {"expect:\n  - window: {max_ms: 600}\n", lose_ten, LA_VIOLATED, "window of loss 700.0 ms, at most 600", NULL},
    {"expect:\n  - window: {max_ms: 600}\n", lose_ten_in_doubt, LA_VIOLATED, "window of loss 700.0 ms", NULL},
    {"expect:\n  - window: {max_ms: 600}\n", slow_replies, LA_INCONCLUSIVE, "and a reply 250.0 ms", NULL},
    {"expect:\n  - window: {max_ms: 500}\n", quick_replies, LA_VIOLATED, "window of loss 700.0 ms", NULL},
    {"expect:\n  - window: {max_ms: 600}\n", slow_disk, LA_INCONCLUSIVE, "an fsync took 150.0 ms", NULL},
    {"expect:\n  - window: {max_ms: 800}\n", two_crashes, LA_INCONCLUSIVE, "between 700.0 and 2700.0 ms", NULL},
    {"expect:\n  - window: {max_ms: 600}\n", lost_in_the_last_life, LA_VIOLATED, "no crash has taken them", NULL},
    {"expect:\n  - window: {max_ms: 600}\n", refuse, LA_VIOLATED, "refuses to start", "nothing was read back: a"},
    /* what convicts, convicts */
    {LOST, torn, LA_VIOLATED, "torn transaction (1): half of a MULTI", NULL},
    {LOST, torn_in_doubt, LA_VIOLATED, "torn transaction", "in doubt: something went amiss"},
    {LOST, no_writes_then_doubt, LA_VIOLATED, "no write was accepted", "in doubt: something went amiss"},
    {LOST, doubt_then_no_writes, LA_INCONCLUSIVE, "something went amiss", "no write was accepted"},
    {LOST, no_refusal, LA_VIOLATED, "no client was refused", NULL},
    {LOST, no_refusal_as_rule_unfired, LA_INCONCLUSIVE, "did not fire", "no client was refused"},
    {LOST, given_lost, LA_VIOLATED, "1 keys of the given data are lost", NULL},
    /* ... unless it is not the server's doing */
    {LOST, torn_and_evicted, LA_INCONCLUSIVE, "the server evicted 3 keys", "torn transaction"},
    {LOST, torn_behind_a_blind_cut, LA_INCONCLUSIVE, "cannot follow: a shared writable mapping", "torn transaction"},
    {LOST, torn_and_blind, LA_VIOLATED, "torn transaction", "in doubt: a changed its files"},
    {LOST, torn_in_an_unproven_replay, LA_INCONCLUSIVE, "something went amiss", "torn transaction"},
    {LOST, no_writes_behind_a_blind_cut, LA_INCONCLUSIVE, "cannot follow", "no write was accepted"},
    {LOST, refuse_behind_a_blind_cut, LA_INCONCLUSIVE, "memory is near maxmemory", "refuses to start"},
    {LOST, wrong_reply_then_doubt, LA_INCONCLUSIVE, "something went amiss", "GET k: expected"},
    {"expect:\n  - exit: {node: b, how: alive}\n", never_begun, LA_INCONCLUSIVE, "no disk", NULL},
    {"expect:\n  - window: {max_ms: 600}\n", stood_still, LA_INCONCLUSIVE, "stood still for 500.0 ms", NULL},
    {LOST, refuse_and_evicted, LA_VIOLATED, "refuses to start", NULL},
    /* starts and ends */
    {LOST, refuse, LA_VIOLATED, "refuses to start (1)", "nothing was read back: a refuses to start"},
    {"expect:\n  - start: {refused: true}\n", refuse, LA_HOLDS, NULL, NULL},
    {"expect:\n  - start: {refused: true}\n", same, LA_VIOLATED, "was expected to refuse to start", NULL},
    {"expect:\n  - exit: {how: killed}\n", killed, LA_HOLDS, NULL, NULL},
    {"expect:\n  - exit: {how: killed}\n", crashed, LA_VIOLATED, "a: crashed, expected killed", NULL},
    {"expect:\n  - exit: {never: crashed}\n", killed, LA_HOLDS, NULL, NULL},
    {"expect:\n  - exit: {how: killed}\n", killed_then_crashed, LA_HOLDS, NULL, NULL},
    {"expect:\n  - exit: {never: crashed}\n", killed_then_crashed, LA_VIOLATED, "a: crashed, at end 2", NULL},
    {"expect:\n  - exit: {how: killed}\n", doubt_and_exit, LA_INCONCLUSIVE, "something went amiss",
     "a: alive, expected killed"},
    {"expect:\n  - restarts: {min: 1}\n", same, LA_VIOLATED, "restarts by the policy: 0", NULL},
    /* replies */
    {"expect:\n  - replies: {error: MISCONF, min: 1}\n", replies, LA_HOLDS, NULL, NULL},
    {"expect:\n  - replies: {error: MISCONF, max: 4}\n", replies, LA_VIOLATED, "replies with 'MISCONF': 5", NULL},
    {"expect:\n  - replies: {error: OOM, min: 1}\n", replies, LA_VIOLATED, "replies with 'OOM': 0", NULL},
    {"expect:\n  - replies: {error: OOM, min: 1}\n", other_replies, LA_INCONCLUSIVE, "more different error replies",
     NULL},
    {"expect:\n  - replies: {error: MISCONF, max: 5}\n", other_replies, LA_INCONCLUSIVE, "more different error replies",
     NULL},
    /* the user's own bounds */
    {"expect:\n  - lost: {max: 10}\n", rpo_400, LA_VIOLATED, "RPO 700.0 ms, --rpo 400", NULL},
    {"expect:\n  - lost: {max: 10}\n", rpo_400_slow_disk, LA_INCONCLUSIVE, "RPO 700.0 ms, --rpo 400, but", NULL},
    {"expect:\n  - lost: {max: 10}\n", rpo_0_slow_disk, LA_VIOLATED, "RPO 200.0 ms, --rpo 0", NULL},
    {"expect:\n  - window: {max_ms: 0}\n", slow_disk, LA_VIOLATED, "window of loss 700.0 ms", NULL},
    {LOST, rto_missed, LA_VIOLATED, "RTO 250.0 ms, --rto 100", NULL},
    {LOST, rto_kept, LA_HOLDS, NULL, NULL},
    {LOST, rto_unseen, LA_INCONCLUSIVE, "nobody looked", NULL},
    {LOST, rto_with_clock, LA_INCONCLUSIVE, "the server's clock was changed", NULL},
};

static bool has(const struct la_strings *list, size_t from, const char *text)
{
    for (size_t i = from; i < list->count; i++)
        if (strstr(list->items[i], text))
            return true;
    return false;
}

static void every_run_gets_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = begin(rows[i].expect);
        rows[i].change(world);
        struct la_judgement judgement = la_judge(&world->run);
        const char *first = judgement.reasons.count ? judgement.reasons.items[0] : NULL;
        if (judgement.verdict != rows[i].verdict)
            fail_msg("row %zu: %s, expected %s: %s", i, la_verdict_name(judgement.verdict),
                     la_verdict_name(rows[i].verdict), first ? first : "no reason");
        if (!rows[i].first != !first || (first && !strstr(first, rows[i].first)))
            fail_msg("row %zu: first reason: %s", i, first ? first : "none");
        if (rows[i].later && !has(&judgement.reasons, 1, rows[i].later))
            fail_msg("row %zu: no reason says '%s'", i, rows[i].later);
        la_judgement_free(&judgement);
        end(world);
    }
}

static const struct {
    const char *expect;
    void (*change)(struct world *world);
    enum la_verdict verdict; /* of the claim */
    const char *measured;
} claims[] = {
    /* by the scenario's expectations */
    {LOST "claims:\n  - {id: S0-01}\n", same, LA_HOLDS, "lost of 1000 acknowledged: 0 operations; window 0 ms"},
    {LOST "claims:\n  - {id: S0-01, when: here}\n", same, LA_HOLDS, "lost of 1000 acknowledged: 0"},
    {LOST "claims:\n  - {id: S0-01, when: here}\n", lose_ten, LA_VIOLATED, "lost of 1000 acknowledged: 10"},
    {LOST "claims:\n  - {id: S0-01}\n", doubt, LA_INCONCLUSIVE, "something went amiss"},
    /* by its own */
    {"expect:\n  - lost: {max: 10}\nclaims:\n  - {id: S0-01, expect: [lost: {max: 0}]}\n", lose_ten, LA_VIOLATED,
     "window 700 ms"},
    {"expect:\n  - lost: {max: 10}\nclaims:\n  - {id: S0-01, expect: [lost: {max: 0}]}\n", lose_ten_in_doubt,
     LA_VIOLATED, "window 700 ms"},
    {LOST "claims:\n  - {id: S0-01, expect: [lost: {max: 10}]}\n", lose_ten, LA_HOLDS, "window 700 ms"},
    {LOST "claims:\n  - {id: S0-01, expect: [lost: {promised: 0}]}\n", same, LA_INCONCLUSIVE, "promised nothing"},
    {LOST "claims:\n  - {id: S0-01, expect: [exit: {how: alive}]}\n", unread, LA_INCONCLUSIVE, "nothing was read back"},
    {LOST "claims:\n  - {id: S0-01, expect: [exit: {how: alive}]}\n", never_begun, LA_INCONCLUSIVE, "no disk"},
    {"expect:\n  - start: {refused: true}\nclaims:\n  - {id: S0-01, expect: [window: {max_ms: 100}]}\n", refuse,
     LA_VIOLATED, "refuses to start"},
};

static void every_claim_gets_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        struct world *world = begin(claims[i].expect);
        claims[i].change(world);
        struct la_judgement judgement = la_judge(&world->run);
        assert_int_equal(judgement.claim_count, 1);
        const struct la_claim_judgement *claim = &judgement.claims[0];
        char *text = claim->why ? la_strdup(claim->why) : la_measured_text(&claim->measured);
        if (claim->verdict != claims[i].verdict || !strstr(text, claims[i].measured))
            fail_msg("row %zu: %s: %s", i, la_verdict_name(claim->verdict), text);
        free(text);
        la_judgement_free(&judgement);
        end(world);
    }
}

/* Of a replay, what the run itself did is not judged, nor what it was to lose. */
static void a_replay_is_judged_by_what_was_left(void **state)
{
    (void)state;
    struct world *world = begin("expect:\n  - lost: {min: 5, max: 9}\n  - exit: {how: killed}\n");
    world->run.replayed = true;
    world->run.load_started = false;
    struct la_judgement judgement = la_judge(&world->run);
    assert_int_equal(judgement.verdict, LA_HOLDS);
    la_judgement_free(&judgement);
    lose(world, 10, 700);
    judgement = la_judge(&world->run);
    assert_int_equal(judgement.verdict, LA_VIOLATED);
    assert_int_equal(judgement.claim_count, 0);
    la_judgement_free(&judgement);
    end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_run_gets_its_verdict),
        cmocka_unit_test(every_claim_gets_its_verdict),
        cmocka_unit_test(a_replay_is_judged_by_what_was_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
