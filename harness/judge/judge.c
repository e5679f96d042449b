#include "judge/judge.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>

#include "journal_file.h"

/* The outcome of one expectation, with a sentence for the report when it is not met. */
struct check {
    struct la_run *run;
    struct la_strings *reasons; /* NULL: the sentence is not wanted */
};

__attribute__((format(printf, 2, 3))) static bool unmet(const struct check *check, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (check->reasons)
        la_strings_add(check->reasons, la_strdup(text));
    return false;
}

/* The fault that ended the life `epoch`, or with `last` the last fault of all. */
static uint64_t fault_after(const struct la_run *run, int epoch, bool last)
{
    uint64_t fault = run->fault_ns[epoch];
    for (int later = epoch + 1; last && later < LA_EPOCHS_MAX; later++)
        fault = run->fault_ns[later] ? run->fault_ns[later] : fault;
    /* lost although the server did not even die: the loss is as old as the operation */
    return fault ? fault : run->verify.read_ns;
}

/* When the server died several times, which of the faults took an operation is not known: the first one or the last. */
static double window(const struct la_run *run, bool last)
{
    double widest = 0;
    for (int epoch = 0; epoch < LA_EPOCHS_MAX; epoch++) {
        uint64_t earliest = run->verify.earliest_lost_ns[epoch];
        uint64_t fault = fault_after(run, epoch, last);
        double ms = earliest && fault > earliest ? (double)(fault - earliest) / 1e6 : 0;
        widest = ms > widest ? ms : widest;
    }
    return widest;
}

double la_judge_window_ms(const struct la_run *run)
{
    return window(run, true);
}

/* min <= value <= max, as far as they are given. */
static bool within(const struct check *check, const char *what, unsigned long long value, const unsigned int *min,
                   const unsigned int *max)
{
    if (max && value > *max)
        return unmet(check, "%s: %llu, at most %u expected", what, value, *max);
    if (min && value < *min)
        return unmet(check, "%s: %llu, at least %u expected", what, value, *min);
    return true;
}

#define LOST_WITHOUT_FAULT                                                                                             \
    "operations are lost that were acknowledged in the server's last life: no crash has taken them"

/* A scenario that makes the node a replica means it to take over the other's data. */
static bool takes_over(const struct la_scenario *scenario)
{
    static const char *const commands[] = {"REPLICAOF", "SLAVEOF", "FAILOVER"};
    for (unsigned int i = 0; i < scenario->step_count; i++) {
        const struct la_step_command *command = scenario->steps[i].command;
        for (size_t c = 0; command && c < sizeof commands / sizeof *commands; c++)
            if (!strncasecmp(command->send, commands[c], strlen(commands[c])))
                return true;
    }
    return false;
}

/* Lost on the node that the load talked to, in the life in which it was read. */
static bool lost_without_fault(const struct la_run *run)
{
    uint32_t life = run->ledger.head->epoch;
    return run->verified == &run->nodes[0] && life < LA_EPOCHS_MAX && run->verify.earliest_lost_ns[life] &&
           !takes_over(run->scenario);
}

static bool met_lost(const struct check *check, const struct la_expect_lost *expect)
{
    const struct la_verify *verify = &check->run->verify;
    if (!check->run->verified)
        return unmet(check, "nothing was read back");
    if (expect->all && !check->run->ledger.head->epoch)
        la_run_doubt(check->run, "the server never died, so that nothing could be lost");
    else if (expect->all && !verify->acked_before)
        la_run_doubt(check->run, "nothing was acknowledged before the server died, so that nothing could be lost");
    if (expect->all && lost_without_fault(check->run))
        return unmet(check, LOST_WITHOUT_FAULT);
    if (expect->all && verify->survivors)
        return unmet(check, "%llu operations from before the crash are still there, none expected",
                     (unsigned long long)verify->survivors);
    if (expect->before_mark && !verify->acked_marked)
        la_run_doubt(check->run, "nothing was acknowledged before the mark, so that it was not put to the test");
    if (!within(check, "operations lost that were acknowledged before the mark", verify->lost_marked, NULL,
                expect->before_mark))
        return false;
    if (expect->promised && !verify->promised)
        la_run_doubt(check->run, "WAIT and WAITAOF have promised nothing, so no promise was put to the test");
    if (!within(check, "operations lost that WAIT or WAITAOF had promised", verify->lost_promised, NULL,
                expect->promised))
        return false;
    return within(check, "acknowledged operations lost", verify->lost, expect->min, expect->max);
}

static bool met_start(const struct check *check, const struct la_expect_start *expect)
{
    const struct la_node *node = la_run_node(check->run, expect->node);
    bool refused = node->refused_start;
    char words[300];
    la_node_last_words(node, words, sizeof words);
    if (expect->refused != refused)
        return unmet(check, "%s %s: %s", node->spec->name,
                     refused ? "refuses to start" : "was expected to refuse to start, and serves", words);
    if (expect->log && !la_node_log_count(node, expect->log))
        return unmet(check, "the log of %s does not say '%s'", node->spec->name, expect->log);
    return true;
}

static bool met_replies(const struct check *check, const struct la_expect_replies *expect)
{
    const struct la_ledger_head *head = check->run->ledger.head;
    unsigned long long count = 0;
    char what[128];
    for (int i = 0; head && i < LA_ERRORS_MAX; i++)
        if (strstr(head->errors[i].text, expect->error))
            count += head->errors[i].count;
    snprintf(what, sizeof what, "replies with '%.80s'", expect->error);
    bool clear = !expect->min || count >= *expect->min;
    if (head && head->errors[LA_ERRORS_MAX - 1].count && (expect->max || !clear)) {
        la_run_doubt(check->run, "there were more different error replies than can be told apart");
        return !expect->max || count <= *expect->max ||
               unmet(check, "%s: %llu, at most %u expected", what, count, *expect->max);
    }
    return within(check, what, count, expect->min, expect->max);
}

static bool met_keys(const struct check *check, const struct la_expect_count *expect)
{
    if (!check->run->verified)
        return unmet(check, "the keys were not read");
    return within(check, "keys after recovery", check->run->verify.keys, expect->min, expect->max);
}

static bool met_exit(const struct check *check, const struct la_expect_exit *expect)
{
    const struct la_node *node = la_run_node(check->run, expect->node);
    const char *how = "alive";
    int status = node->first_exit_status;
    if (node->exits)
        how = WIFEXITED(status) ? (WEXITSTATUS(status) ? "failed" : "stopped")
                                : (WTERMSIG(status) == SIGKILL ? "killed" : "crashed");
    return !strcmp(how, expect->how) ? true : unmet(check, "%s: %s, expected %s", node->spec->name, how, expect->how);
}

static bool met_log(const struct check *check, const struct la_expect_log *expect)
{
    const struct la_node *node = la_run_node(check->run, expect->node);
    if (la_node_log_count(node, expect->contains))
        return true;
    return unmet(check, "the log of %s does not say '%s'", node->spec->name, expect->contains);
}

/* In ms: the slowest fsync of the node that the load talks to. */
static double slowest_sync_ms(const struct la_run *run)
{
    const struct fi_control *control = run->nodes[0].control;
    return control ? (double)atomic_load(&control->slowest_sync_ns) / 1e6 : 0;
}

/*
 * A machine that stood still for so long may have held up the server as well, but by no more than all of it. A disk
 * whose fsync takes long widens a window twice: what is written during one waits for the next.
 */
static bool stalls_explain(const struct la_run *run, double least_ms, unsigned int max_ms)
{
    double sync_ms = slowest_sync_ms(run);
    bool stood_still = (double)run->stall_ns / 1e6 > max_ms / 10.0 || sync_ms > max_ms / 10.0;
    return stood_still && least_ms - (double)run->stalls_ns / 1e6 - 2 * sync_ms <= max_ms;
}

static bool met_window(const struct check *check, const struct la_expect_window *expect)
{
    struct la_run *run = check->run;
    double least = window(run, false);
    double most = window(run, true);
    if (lost_without_fault(run))
        return unmet(check, LOST_WITHOUT_FAULT);
    if (most <= expect->max_ms)
        return true;
    if (least > expect->max_ms && !stalls_explain(run, least, expect->max_ms))
        return unmet(check, "window of loss %.1f ms, at most %u ms expected", least, expect->max_ms);
    if (least > expect->max_ms)
        la_run_doubt(
            run, "window of loss %.1f ms, but the harness itself stood still for %.1f ms, and an fsync took %.1f ms",
            least, (double)run->stalls_ns / 1e6, slowest_sync_ms(run));
    else
        la_run_doubt(run, "window of loss between %.1f and %.1f ms: which of the crashes took it is not known", least,
                     most);
    return true;
}

static bool met(const struct check *check, const struct la_expect *expect)
{
    struct la_run *run = check->run;
    if (expect->lost)
        return met_lost(check, expect->lost);
    if (expect->start)
        return met_start(check, expect->start);
    if (expect->replies)
        return met_replies(check, expect->replies);
    if (expect->keys)
        return met_keys(check, expect->keys);
    if (expect->exit)
        return met_exit(check, expect->exit);
    if (expect->log)
        return met_log(check, expect->log);
    if (expect->restarts)
        return within(check, "restarts by the policy", la_run_node(run, expect->restarts->node)->restarts,
                      expect->restarts->min, expect->restarts->max);
    if (expect->full_syncs)
        return within(
            check, "full syncs",
            la_node_log_count(la_run_node(run, expect->full_syncs->node), "MASTER <-> REPLICA sync: Finished"),
            expect->full_syncs->min, expect->full_syncs->max);
    return met_window(check, expect->window);
}

static bool any_refused(const struct la_run *run)
{
    for (unsigned int i = 0; i < run->node_count; i++)
        if (run->nodes[i].refused_start)
            return true;
    return false;
}

/* What makes a run sound, beyond what the steps have doubted already. */
static void check_soundness(struct la_run *run)
{
    const struct la_ledger_head *head = run->ledger.head;
    if (!head || run->doubts.count)
        return;
    if (run->load_started && head->acked < run->scenario->load->min_acked)
        la_run_doubt(run, "load too thin: only %llu operations acknowledged, %u wanted",
                     (unsigned long long)head->acked, run->scenario->load->min_acked);
    if (run->load_died)
        la_run_doubt(run, "the load ended on its own (wait status %#x)", (unsigned int)run->load_status);
    if (!run->load_started)
        la_run_doubt(run, "no load ran");
    if (head->full)
        la_run_doubt_full(run);
    if (head->epoch >= LA_EPOCHS_MAX)
        la_run_doubt(run, "the server died %u times, more than can be told apart", head->epoch);
    if (run->evicted)
        la_run_doubt(run, "the server evicted %lld keys (maxmemory): a missing key says nothing", run->evicted);
    if (run->may_evict && !run->evicted)
        la_run_doubt(run, "memory is near maxmemory and the policy evicts keys: a missing key says nothing");
    for (unsigned int i = 0; i < run->node_count; i++) {
        const struct la_node *node = &run->nodes[i];
        uint64_t unrecorded = 0;
        char blind[256];
        if (fi_control_blind(node->control, blind, sizeof blind))
            la_run_doubt(run, "%s changed its files in a way that libfaultinject.so cannot follow: %s",
                         node->spec->name, blind);
        if (node->power.journal && fi_journal_incomplete(node->power.journal, blind, sizeof blind))
            la_run_doubt(run, "%s: %s", node->spec->name, blind);
        fi_control_log_count(node->control, &unrecorded);
        if (unrecorded)
            la_run_doubt(run, "the injection log of %s is full: %llu not recorded", node->spec->name,
                         (unsigned long long)unrecorded);
        for (unsigned int r = 0; r < node->rule_count; r++)
            if (!node->control->rules[node->rules[r]].fired)
                la_run_doubt(run, "the rule '%s' did not fire", node->control->rules[node->rules[r]].text);
    }
}

/* Every node that refused to start was expected to. */
static bool refusals_expected(struct la_run *run)
{
    for (unsigned int n = 0; n < run->node_count; n++) {
        bool expected = !run->nodes[n].refused_start;
        for (unsigned int i = 0; i < run->scenario->expect_count && !expected; i++) {
            const struct la_expect_start *start = run->scenario->expect[i].start;
            expected = start && start->refused && la_run_node(run, start->node) == &run->nodes[n];
        }
        if (!expected)
            return false;
    }
    return true;
}

/* Findings that no scenario expects. */
static bool defects(struct la_run *run, struct la_strings *reasons)
{
    bool any = false;
    for (int kind = LA_LOST + 1; kind < LA_FINDING_KINDS; kind++) {
        uint64_t count = run->findings.count[kind];
        if (!count || (kind == LA_REFUSED && refusals_expected(run)))
            continue;
        const struct la_finding *first = &run->findings.kept[kind][0];
        la_strings_add(reasons, la_format("%s (%llu): %s", la_finding_name((enum la_finding_kind)kind),
                                          (unsigned long long)count, first->detail));
        any = true;
    }
    if (run->findings.count[LA_LOST]) {
        la_strings_add(reasons, la_format("%llu keys of the given data are lost",
                                          (unsigned long long)run->findings.count[LA_LOST]));
        any = true;
    }
    return any;
}

/* --rpo and --rto: the user's own bounds, on top of the scenario's. */
static bool demands_met(const struct check *check)
{
    const struct la_run *run = check->run;
    const struct la_demands *demands = &run->options->demands;
    double ready = la_recovery_ms(&run->recovery, run->recovery.ready_ns);
    bool ok = true;
    if (demands->rpo_ms >= 0 && run->verified && run->verify.lost && window(run, false) > demands->rpo_ms)
        ok = unmet(check, "RPO %.1f ms, --rpo %d", window(run, false), demands->rpo_ms);
    else if (demands->rpo_ms >= 0 && run->verified && run->verify.lost && window(run, true) > demands->rpo_ms)
        la_run_doubt(check->run, "RPO between %.1f and %.1f ms, --rpo %d: which of the crashes took it is not known",
                     window(run, false), window(run, true), demands->rpo_ms);
    if (demands->rto_ms < 0)
        return ok;
    if (ready < 0) {
        if (run->nodes[0].starts > 1 && run->nodes[0].pid)
            la_run_doubt(check->run, "--rto: a recovery that no step has watched");
        return ok;
    }
    if (run->clock_changed)
        la_run_doubt(check->run, "--rto: the server's clock was changed, so its times say nothing");
    double stall = (double)run->recovery.stall_ns / 1e6;
    if (ready - stall > demands->rto_ms) /* too slow, whatever the harness did to it */
        ok = unmet(check, "RTO %.1f ms, --rto %d", ready, demands->rto_ms);
    else if (ready > demands->rto_ms || stall > demands->rto_ms / 10.0)
        la_run_doubt(check->run, "RTO %.1f ms, --rto %d, but for %.1f ms of it nobody looked", ready, demands->rto_ms,
                     stall);
    return ok;
}

static bool all_met(const struct check *check, const struct la_expect *expect, unsigned int count)
{
    bool ok = true;
    for (unsigned int i = 0; i < count; i++)
        ok = met(check, &expect[i]) && ok;
    return ok;
}

/* Data that is wrong convicts whatever else went amiss in the run. */
static bool lost_too_much(struct la_run *run)
{
    struct check silent = {run, NULL};
    for (unsigned int i = 0; i < run->scenario->expect_count; i++) {
        const struct la_expect *expect = &run->scenario->expect[i];
        if (run->verified && expect->lost && !expect->lost->min && !expect->lost->all && !met(&silent, expect))
            return true;
        if (run->verified && expect->window && !met(&silent, expect))
            return true;
    }
    return false;
}

static void copy_all(struct la_strings *to, const struct la_strings *from)
{
    for (size_t i = 0; i < from->count; i++)
        la_strings_add(to, la_strdup(from->items[i]));
}

static char *measured(const struct la_run *run)
{
    if (!run->verified)
        return la_strdup(run->findings.count[LA_REFUSED] ? "refuses to start" : "nothing was read back");
    return la_format("%llu of %llu acknowledged operations lost, window %.0f ms", (unsigned long long)run->verify.lost,
                     (unsigned long long)run->verify.acked, la_judge_window_ms(run));
}

/* A claim stands with its scenario, or by expectations of its own, which may doubt what the scenario's did not. */
static enum la_verdict judge_claim(struct la_run *run, const struct la_claim_ref *claim, enum la_verdict scenario)
{
    struct check silent = {run, NULL};
    if (scenario == LA_INCONCLUSIVE)
        return LA_INCONCLUSIVE;
    if (claim->expect_count ? !all_met(&silent, claim->expect, claim->expect_count) : scenario == LA_VIOLATED)
        return LA_VIOLATED;
    if (run->doubts.count)
        return LA_INCONCLUSIVE;
    return claim->qualified ? LA_QUALIFIED : LA_HOLDS;
}

static void judge_claims(struct la_run *run, struct la_judgement *judgement)
{
    const struct la_scenario *scenario = run->scenario;
    judgement->claim_count = scenario->claim_count;
    judgement->claims = la_alloc(scenario->claim_count, sizeof *judgement->claims);
    size_t before = run->doubts.count;
    for (unsigned int i = 0; i < scenario->claim_count; i++) {
        enum la_verdict verdict = judge_claim(run, &scenario->claims[i], judgement->verdict);
        bool doubted = verdict == LA_INCONCLUSIVE && judgement->verdict != LA_INCONCLUSIVE;
        judgement->claims[i].verdict = verdict;
        judgement->claims[i].measured = doubted ? la_strdup(run->doubts.items[0]) : measured(run);
        while (run->doubts.count > before) /* they are this claim's alone */
            free(run->doubts.items[--run->doubts.count]);
    }
}

struct la_judgement la_judge(struct la_run *run)
{
    struct la_judgement judgement = {.verdict = LA_HOLDS};
    struct check check = {run, &judgement.reasons};
    bool convicted = defects(run, &judgement.reasons) || lost_too_much(run);
    if (run->evicted || run->may_evict) /* keys, or parts of them, go missing by order */
        convicted = run->findings.count[LA_REFUSED] && !refusals_expected(run);
    check_soundness(run);
    if (run->doubts.count && !convicted) {
        judgement.verdict = LA_INCONCLUSIVE;
        copy_all(&judgement.reasons, &run->doubts);
        judge_claims(run, &judgement);
        return judgement;
    }
    bool ok = all_met(&check, run->scenario->expect, run->scenario->expect_count);
    ok = demands_met(&check) && ok && !run->broken.count;
    copy_all(&judgement.reasons, &run->broken);
    if (!run->verified && !any_refused(run)) /* what is wrong already is wrong, but nothing holds */
        la_run_doubt(run, "nothing was read back");
    if (convicted || !ok)
        judgement.verdict = LA_VIOLATED;
    else if (run->doubts.count) {
        judgement.verdict = LA_INCONCLUSIVE;
        copy_all(&judgement.reasons, &run->doubts);
    }
    judge_claims(run, &judgement);
    return judgement;
}

void la_judgement_free(struct la_judgement *judgement)
{
    la_strings_free(&judgement->reasons);
    for (unsigned int i = 0; i < judgement->claim_count; i++)
        free(judgement->claims[i].measured);
    free(judgement->claims);
}
