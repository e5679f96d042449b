#include "judge/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/expectations.h"
#include "judge/loss.h"
#include "judge/soundness.h"

/* What was said so far, by what it is worth. */
struct opinions {
    const struct la_run *run;
    bool sound;
    bool state_speaks; /* see soundness.h */
    bool data_speaks;
    struct la_strings convicting;
    struct la_strings convicting_kinds; /* of findings and expectations, each once */
    struct la_strings unmet;
    struct la_strings unmet_kinds;
    struct la_strings unknown;
};

static void add_unmet(struct opinions *opinions, bool convicts, const char *kind, const char *reason)
{
    la_strings_add_once(convicts ? &opinions->convicting : &opinions->unmet, reason);
    la_strings_add_once(convicts ? &opinions->convicting_kinds : &opinions->unmet_kinds, kind);
}

static void add(struct opinions *opinions, const char *kind, const struct la_opinion *opinion)
{
    if (opinion->met == LA_UNKNOWN)
        la_strings_add_once(&opinions->unknown, opinion->reason);
    else if (opinion->met == LA_UNMET)
        add_unmet(opinions, opinion->convicts && opinions->data_speaks, kind, opinion->reason);
}

static void free_opinions(struct opinions *opinions)
{
    la_strings_free(&opinions->convicting);
    la_strings_free(&opinions->convicting_kinds);
    la_strings_free(&opinions->unmet);
    la_strings_free(&opinions->unmet_kinds);
    la_strings_free(&opinions->unknown);
}

static enum la_verdict verdict_of(const struct opinions *opinions)
{
    if (opinions->convicting.count)
        return LA_VIOLATED;
    if (!opinions->sound)
        return LA_INCONCLUSIVE;
    if (opinions->unmet.count)
        return LA_VIOLATED;
    return opinions->unknown.count ? LA_INCONCLUSIVE : LA_HOLDS;
}

/* Every node that refused to start was expected to. */
static bool refusals_expected(const struct la_run *run)
{
    for (unsigned int i = 0; i < run->node_count; i++)
        if (run->nodes[i].refusals && !la_expects_refusal(run->scenario, run->nodes[i].spec->name))
            return false;
    return true;
}

/* That a server does not start, or not serve, is seen without looking at its data. */
static bool finding_convicts(const struct opinions *opinions, enum la_finding_kind kind)
{
    bool of_data = kind != LA_REFUSED && kind != LA_UNAVAILABLE;
    return of_data ? opinions->data_speaks : opinions->state_speaks;
}

/* Findings that no scenario expects. */
static void look_at_findings(struct opinions *opinions)
{
    const struct la_findings *findings = &opinions->run->findings;
    if (la_run_may_refuse(opinions->run)) /* another version reads what it has left: told, and promised by nobody */
        return;
    for (int kind = LA_LOST + 1; kind < LA_FINDING_KINDS; kind++) {
        if (!findings->count[kind] || (kind == LA_REFUSED && refusals_expected(opinions->run)))
            continue;
        const struct la_finding *first = &findings->kept[kind][0];
        bool in_words = (kind == LA_REFUSED || kind == LA_UNAVAILABLE) && *first->evidence; /* the server's own */
        char *text = la_format("%s (%llu): %s%s%s", la_finding_name((enum la_finding_kind)kind),
                               (unsigned long long)findings->count[kind], first->detail, in_words ? ": " : "",
                               in_words ? first->evidence : "");
        bool convicts = finding_convicts(opinions, (enum la_finding_kind)kind);
        add_unmet(opinions, convicts, la_finding_name((enum la_finding_kind)kind), text);
        free(text);
    }
    if (findings->count[LA_LOST]) {
        struct la_opinion lost =
            la_opinion_convicts("%llu keys of the given data are lost", (unsigned long long)findings->count[LA_LOST]);
        add(opinions, la_finding_name(LA_LOST), &lost);
    }
}

static void look_at_expectations(struct opinions *opinions, const struct la_expect *expects, unsigned int count)
{
    bool begun = la_run_begun(opinions->run); /* else not even its nodes may be there */
    for (unsigned int i = 0; begun && i < count; i++) {
        bool told = expects[i].kind->of_state || (expects[i].kind->of_moment && opinions->run->at_moment);
        if (opinions->run->replayed && !told)
            continue;
        struct la_opinion opinion = expects[i].kind->judge(opinions->run, expects[i].spec);
        add(opinions, expects[i].kind->form.name, &opinion);
    }
}

/* Expectations that are built into steps. */
static void look_at_steps(struct opinions *opinions)
{
    const struct la_run *run = opinions->run;
    for (size_t i = 0; i < run->broken.count; i++)
        add_unmet(opinions, opinions->state_speaks, "step", run->broken.items[i]);
    for (size_t i = 0; i < run->suspected.count; i++)
        add_unmet(opinions, false, "step", run->suspected.items[i]);
}

/*
 * A node has been down and is up again, or, where no recovery was `watched` at all, another one has taken its clients
 * over, and no step has followed that.
 */
static bool recovered_unseen(const struct la_run *run, bool watched)
{
    for (unsigned int i = 0; i < run->node_count; i++) {
        const struct la_node *node = &run->nodes[i];
        bool back = node->pid && (watched ? node->exits != node->recovered : node->starts > 1);
        bool replaced = !watched && run->moved_life && node->exits && !node->spec->replicates;
        if ((back || replaced) && !node->spec->sentinel_of)
            return true;
    }
    return false;
}

/* --rto. What of it nobody looked may be the harness's: too slow is what was so whatever the harness did to it. */
static struct la_opinion judge_rto(const struct la_run *run, int rto_ms)
{
    double ready = la_recovery_ms(&run->recovery, run->recovery.ready_ns);
    double stall = (double)run->recovery.stall_ns / 1e6;
    if (ready < 0 && recovered_unseen(run, false))
        return la_opinion_unknown("--rto: a recovery that no step has watched");
    if (ready < 0)
        return la_opinion_met();                  /* there was none, or it failed: that is found elsewhere */
    if (run->clock_changed && !run->brink.factor) /* that step's clock is taken back before a recovery */
        return la_opinion_unknown("--rto: the server's clock was changed, so its times say nothing");
    if (ready - stall > rto_ms)
        return la_opinion_unmet("RTO %.1f ms, --rto %d", ready, rto_ms);
    if (ready > rto_ms || stall > rto_ms / 10.0)
        return la_opinion_unknown("RTO %.1f ms, --rto %d, but for %.1f ms of it nobody looked", ready, rto_ms, stall);
    if (recovered_unseen(run, true))
        return la_opinion_unknown("--rto: beside those that were watched there is a recovery that no step has watched");
    return la_opinion_met();
}

/* --rpo and --rto: the user's own bounds, on top of the scenario's. */
static void look_at_demands(struct opinions *opinions)
{
    const struct la_run *run = opinions->run;
    const struct la_demands *demands = &run->options->demands;
    const char *situation = run->scenario->situation;
    bool of_one = situation && la_situation(situation) < LA_AT_RESTART; /* else a replica's loss, or another server's */
    if (demands->of_worst && !of_one)
        return;
    if (demands->rpo_ms >= 0 && run->verified) {
        char bound[32];
        snprintf(bound, sizeof bound, "--rpo %d", demands->rpo_ms);
        bool untold = run->clock_changed && !run->brink.factor && run->verify.lost;
        struct la_opinion rpo =
            untold ? la_opinion_unknown("--rpo: the server's clock was changed, so its times say nothing")
                   : la_loss_within(run, (unsigned int)demands->rpo_ms, "RPO", bound);
        add(opinions, "rpo", &rpo);
    }
    if (demands->rto_ms >= 0) {
        struct la_opinion rto = judge_rto(run, demands->rto_ms);
        add(opinions, "rto", &rto);
    }
}

/* What is wrong already is wrong, but nothing holds of what was not read. */
static void look_at_reading(struct opinions *opinions)
{
    struct la_opinion read = la_loss_read(opinions->run);
    if (opinions->sound && read.met == LA_UNKNOWN)
        add(opinions, "", &read);
}

/* The expectation that decides: the first that is not met, or else the first that has measured something. */
static struct la_measured deciding(const struct la_run *run, const struct la_expect *expects, unsigned int count)
{
    struct la_measured decides = {.value = NAN};
    for (unsigned int i = 0; la_run_begun(run) && i < count; i++) {
        struct la_measured measured = {.value = NAN};
        expects[i].kind->measure(run, expects[i].spec, &measured);
        if (expects[i].kind->judge(run, expects[i].spec).met != LA_MET)
            return measured;
        if (!*decides.quantity)
            decides = measured;
    }
    return decides;
}

/* Why nothing was measured, or what there is of it says nothing; to be freed. NULL: it does. */
static char *why_not(const struct opinions *all, const struct opinions *own, const struct la_claim_judgement *judgement)
{
    if (judgement->verdict == LA_INCONCLUSIVE && !all->sound)
        return la_strdup(all->unknown.items[0]);
    const struct la_strings *unknown = own->unknown.count ? &own->unknown : &all->unknown;
    if (judgement->verdict == LA_INCONCLUSIVE && unknown->count)
        return la_strdup(unknown->items[0]);
    if (*judgement->measured.quantity)
        return NULL;
    return la_strdup(all->run->findings.count[LA_REFUSED] ? "refuses to start" : "nothing was measured");
}

/* The situation that a sentence is about has to be there: where it is not, nothing is said of it. */
static void look_at_given(struct opinions *own)
{
    const struct la_run *run = own->run;
    const struct la_scenario *scenario = run->scenario;
    for (unsigned int i = 0; la_run_begun(run) && i < scenario->expect_count; i++) {
        const struct la_expect *expect = &scenario->expect[i];
        struct la_opinion opinion = expect->kind->given ? expect->kind->judge(run, expect->spec) : la_opinion_met();
        if (opinion.met == LA_MET)
            continue;
        la_strings_free(&own->unmet);
        la_strings_free(&own->unknown);
        la_strings_add(&own->unknown, la_strdup(opinion.reason));
        return;
    }
}

/* Nothing holds of steps that never came. */
static void look_at_end(struct opinions *own)
{
    if (own->run->unfinished)
        la_strings_add(&own->unknown, la_strdup("the scenario ended before its last step"));
}

/* A claim stands with its scenario, or by expectations of its own. */
static struct la_claim_judgement judge_claim(const struct opinions *all, const struct la_claim_ref *claim)
{
    const struct la_run *run = all->run;
    struct opinions own = {
        .run = run, .sound = all->sound, .state_speaks = all->state_speaks, .data_speaks = all->data_speaks};
    struct la_claim_judgement judgement = {.verdict = verdict_of(all)};
    bool by_itself = claim->expect_count > 0;
    look_at_expectations(&own, claim->expect, claim->expect_count);
    look_at_reading(&own);
    if (by_itself) {
        look_at_given(&own);
        look_at_end(&own);
        judgement.verdict = verdict_of(&own);
    }
    judgement.measured = by_itself ? deciding(run, claim->expect, claim->expect_count)
                                   : deciding(run, run->scenario->expect, run->scenario->expect_count);
    judgement.why = why_not(all, &own, &judgement);
    free_opinions(&own);
    return judgement;
}

static void copy_all(struct la_strings *to, const struct la_strings *from, const char *lead)
{
    for (size_t i = 0; i < from->count; i++)
        la_strings_add(to, la_format("%s%s", lead, from->items[i]));
}

/* All that speaks against `holds`, in the order of its weight. */
static void give_reasons(struct la_judgement *judgement, const struct opinions *opinions)
{
    bool violated = judgement->verdict == LA_VIOLATED;
    copy_all(&judgement->reasons, &opinions->convicting, "");
    if (opinions->sound)
        copy_all(&judgement->reasons, &opinions->unmet, "");
    copy_all(&judgement->reasons, &opinions->unknown, violated ? "in doubt: " : "");
    if (!opinions->sound)
        copy_all(&judgement->reasons, &opinions->unmet, "not met, but the run proves nothing: ");
}

struct la_judgement la_judge(const struct la_run *run)
{
    struct la_judgement judgement = {.claim_count = run->replayed ? 0 : run->scenario->claim_count};
    struct opinions opinions = {.run = run, .state_speaks = la_state_speaks(run), .data_speaks = la_data_speaks(run)};
    la_soundness(run, &opinions.unknown);
    opinions.sound = !opinions.unknown.count;
    look_at_findings(&opinions);
    look_at_expectations(&opinions, run->scenario->expect, run->scenario->expect_count);
    if (!run->replayed)
        look_at_demands(&opinions);
    look_at_steps(&opinions);
    look_at_reading(&opinions);
    judgement.verdict = verdict_of(&opinions);
    judgement.sound = opinions.sound;
    give_reasons(&judgement, &opinions);
    copy_all(&judgement.violated, &opinions.convicting_kinds, "");
    for (size_t i = 0; opinions.sound && i < opinions.unmet_kinds.count; i++)
        la_strings_add_once(&judgement.violated, opinions.unmet_kinds.items[i]);
    copy_all(&judgement.doubts, &opinions.unknown, "");
    judgement.claims = la_alloc(judgement.claim_count, sizeof *judgement.claims);
    for (unsigned int i = 0; i < judgement.claim_count; i++)
        judgement.claims[i] = judge_claim(&opinions, &run->scenario->claims[i]);
    free_opinions(&opinions);
    return judgement;
}

void la_judgement_free(struct la_judgement *judgement)
{
    la_strings_free(&judgement->reasons);
    la_strings_free(&judgement->violated);
    la_strings_free(&judgement->doubts);
    for (unsigned int i = 0; i < judgement->claim_count; i++)
        free(judgement->claims[i].why);
    free(judgement->claims);
}
