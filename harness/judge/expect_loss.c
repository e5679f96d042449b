/* The expectations lost, window and keys: what was read back. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "judge/expectations.h"
#include "judge/loss.h"
#include "judge/measured.h"
#include "run/steps.h"

struct lost {
    char *node; /* none: the one that is verified */
    unsigned int *max;
    unsigned int *min;
    unsigned int *before_mark; /* at most so many of those acknowledged before the step `mark` */
    unsigned int *promised;    /* at most so many of those that WAIT or WAITAOF has promised */
    unsigned int *since_move;  /* 0: none of those that the node has acknowledged to which the load has moved last */
    bool all;                  /* nothing from before the crash may be left */
};

/* What a scenario never puts to the test would be held against the server. */
static int check_read(const struct la_check *check, const char *what)
{
    if (!la_scenario_verifies(check->scenario))
        return la_check_wrong(check, "'%s' needs a step 'verify': nothing is read back without it", what);
    return 0;
}

static int check_lost(const struct la_check *check, const struct la_spec *spec)
{
    const struct lost *lost = (const struct lost *)spec;
    if (!lost->max && !lost->min && !lost->all && !lost->before_mark && !lost->promised && !lost->since_move)
        return la_check_wrong(check, "'lost' needs max, min, before_mark, promised, since_move or all");
    if ((lost->max || lost->min) && la_check_bounds(check, "lost", lost->min, lost->max))
        return -1;
    if (lost->before_mark && !la_scenario_step(check->scenario, &la_step_mark, UINT_MAX))
        return la_check_wrong(check, "'before_mark' needs a step 'mark'");
    if (lost->since_move && *lost->since_move)
        return la_check_wrong(check, "'since_move' is 0: whether any is lost can be told, and not how many");
    if (lost->since_move && !la_scenario_moves(check->scenario))
        return la_check_wrong(check, "'since_move' needs a step 'load' with a node: the load moves nowhere");
    return check_read(check, "lost");
}

/* The new primary has lived ever since, and who follows it has what it has. */
static struct la_opinion judge_since_move(const struct la_run *run)
{
    for (uint32_t life = run->moved_life; run->moved_life && life < LA_LIVES_MAX; life++)
        if (run->verify.earliest_lost_ns[life])
            return la_opinion_convicts("operations are lost that were acknowledged after clients had moved to %s",
                                       run->nodes[run->target].spec->name);
    return run->moved_life ? la_opinion_met() : la_opinion_unknown("clients have not moved");
}

/* More is gone than may be: data that is wrong convicts. */
static struct la_opinion at_most(const char *what, uint64_t lost, const unsigned int *max)
{
    struct la_opinion opinion = la_opinion_within(what, lost, NULL, max);
    opinion.convicts = opinion.met == LA_UNMET;
    return opinion;
}

bool la_expects_loss(const struct la_scenario *scenario)
{
    bool any = false;
    for (unsigned int i = 0; i < scenario->expect_count; i++) {
        const struct lost *lost = (const struct lost *)scenario->expect[i].spec;
        any = any || (scenario->expect[i].kind == &la_expect_lost && (lost->min || lost->all));
    }
    return any;
}

static struct la_opinion judge_bounds(const struct la_verify *verify, const struct lost *lost)
{
    struct la_opinion opinion =
        at_most("operations lost that were acknowledged before the mark", verify->lost_marked, lost->before_mark);
    if (opinion.met == LA_MET)
        opinion = at_most("operations lost that WAIT or WAITAOF had promised", verify->lost_promised, lost->promised);
    if (opinion.met == LA_MET)
        opinion = at_most("acknowledged operations lost", verify->lost, lost->max);
    return opinion;
}

/* Whether there was anything that could be lost, or kept. */
static struct la_opinion judge_test(const struct la_run *run, const struct lost *lost)
{
    const struct la_verify *verify = &run->verify;
    if (lost->all && !run->ledger.head->life)
        return la_opinion_unknown("the server never died, so that nothing could be lost");
    if (lost->all && !verify->acked_before)
        return la_opinion_unknown("nothing was acknowledged before the server died, so that nothing could be lost");
    if (lost->before_mark && !verify->acked_marked)
        return la_opinion_unknown("nothing was acknowledged before the mark, so that it was not put to the test");
    if (lost->promised && !verify->promised)
        return la_opinion_unknown("WAIT and WAITAOF have promised nothing, so no promise was put to the test");
    return la_opinion_met();
}

static struct la_opinion judge_lost(const struct la_run *run, const struct la_spec *spec)
{
    const struct lost *lost = (const struct lost *)spec;
    const struct la_verify *verify = &run->verify;
    struct la_opinion opinion = la_loss_read(run);
    if (opinion.met != LA_MET)
        return opinion;
    opinion = judge_bounds(verify, lost);
    if (opinion.met == LA_MET && lost->since_move)
        opinion = judge_since_move(run);
    if (opinion.met != LA_MET || run->replayed) /* of what was to be lost a replay sees a part: up to the first crash */
        return opinion;
    if (lost->all)
        opinion = la_loss_without_fault(run);
    if (opinion.met != LA_MET)
        return opinion;
    if (lost->all && verify->survivors)
        return la_opinion_unmet("%llu operations from before the crash are still there, none expected",
                                (unsigned long long)verify->survivors);
    opinion = la_opinion_within("acknowledged operations lost", verify->lost, lost->min, NULL);
    return opinion.met == LA_MET ? judge_test(run, lost) : opinion;
}

static void measure_lost(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct lost *lost = (const struct lost *)spec;
    const struct la_verify *verify = &run->verify;
    unsigned int none = 0;
    if (!run->verified)
        return;
    if (lost->before_mark)
        la_measured_once(measured, (double)verify->lost_marked, "operations",
                         "lost of %llu that were acknowledged before the mark",
                         (unsigned long long)verify->acked_marked);
    else if (lost->promised)
        la_measured_once(measured, (double)verify->lost_promised, "operations", "lost of %llu that WAIT had promised",
                         (unsigned long long)verify->promised);
    else if (lost->all)
        la_measured_once(measured, (double)verify->survivors, "operations", "left of what was there before the crash");
    else
        la_measured_once(measured, (double)verify->lost, "operations", "lost of %llu acknowledged",
                         (unsigned long long)verify->acked);
    const unsigned int *most = lost->before_mark ? lost->before_mark : lost->promised ? lost->promised : lost->max;
    la_measured_bound(measured, lost->all ? NULL : lost->min, lost->all ? &none : most, "operations");
    snprintf(measured->words, sizeof measured->words, "window %.0f ms", la_loss_window_ms(run, false));
}

static const cyaml_schema_field_t lost_fields[] = {LA_BOUND("max", struct lost, max),
                                                   LA_BOUND("min", struct lost, min),
                                                   LA_BOUND("before_mark", struct lost, before_mark),
                                                   LA_BOUND("promised", struct lost, promised),
                                                   LA_BOUND("since_move", struct lost, since_move),
                                                   LA_FLAG("all", struct lost, all),
                                                   LA_END};

const struct la_expect_kind la_expect_lost = {
    .form = {"lost", lost_fields, sizeof(struct lost)},
    .check = check_lost,
    .judge = judge_lost,
    .measure = measure_lost,
    .of_state = true,
};

struct window {
    char *node;
    unsigned int max_ms;
};

static int check_window(const struct la_check *check, const struct la_spec *spec)
{
    (void)spec;
    const struct la_scenario *scenario = check->scenario;
    for (unsigned int i = 0; i < scenario->step_count; i++) {
        const char *rule = la_step_rule(&scenario->steps[i]);
        if (rule && la_rule_is_clock(rule))
            return la_check_wrong(check, "a window cannot be judged where the clock is changed");
    }
    return check_read(check, "window");
}

static struct la_opinion judge_window(const struct la_run *run, const struct la_spec *spec)
{
    char bound[64];
    unsigned int max_ms = ((const struct window *)spec)->max_ms;
    snprintf(bound, sizeof bound, "at most %u ms expected", max_ms);
    return la_loss_within(run, max_ms, "window of loss", bound);
}

static void measure_window(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    if (!run->verified)
        return;
    la_measured_once(measured, la_loss_window_ms(run, false), "ms", "window of loss");
    la_measured_bound(measured, NULL, &((const struct window *)spec)->max_ms, "ms");
    snprintf(measured->words, sizeof measured->words, "%llu of %llu acknowledged operations",
             (unsigned long long)run->verify.lost, (unsigned long long)run->verify.acked);
}

static const cyaml_schema_field_t window_fields[] = {LA_NEEDED("max_ms", struct window, max_ms), LA_END};

const struct la_expect_kind la_expect_window = {
    .form = {"window", window_fields, sizeof(struct window)},
    .check = check_window,
    .judge = judge_window,
    .measure = measure_window,
    .of_moment = true,
};

static int check_keys(const struct la_check *check, const struct la_spec *spec)
{
    const struct la_count *keys = (const struct la_count *)spec;
    if (la_check_bounds(check, "keys", keys->min, keys->max) || check_read(check, "keys"))
        return -1;
    const char *read = la_scenario_verifies(check->scenario);
    if (spec->node && strcmp(spec->node, read) != 0)
        return la_check_wrong(check, "'keys' are counted on the node that 'verify' reads, %s", read);
    return 0;
}

static struct la_opinion judge_keys(const struct la_run *run, const struct la_spec *spec)
{
    const struct la_count *keys = (const struct la_count *)spec;
    struct la_opinion read = la_loss_read(run);
    return read.met == LA_MET ? la_opinion_within("keys after recovery", run->verify.keys, keys->min, keys->max) : read;
}

static void measure_keys(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct la_count *keys = (const struct la_count *)spec;
    if (!run->verified)
        return;
    la_measured_once(measured, (double)run->verify.keys, "keys", "there after recovery");
    la_measured_bound(measured, keys->min, keys->max, "keys");
}

const struct la_expect_kind la_expect_keys = {
    .form = {"keys", la_count_fields, sizeof(struct la_count)},
    .check = check_keys,
    .judge = judge_keys,
    .measure = measure_keys,
};
