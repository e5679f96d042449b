#include "suite/rejudge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "judge/expectations.h"
#include "judge/judge.h"
#include "report/again.h"
#include "report/evidence.h"
#include "report/result.h"
#include "report/row.h"
#include "run/steps.h"
#include "scenario/read.h"
#include "suite/past.h"
#include "types/ledger_check.h"
#include "verify/verify.h"

/* What is judged again; a key that nobody wrote is not looked for, so that a phantom stays. */
static bool is_of_data(const char *kind)
{
    static const char *const kinds[] = {"hole", "torn transaction", "resurrected", "corrupt", "wrong ttl", "lost"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i], kind))
            return true;
    return false;
}

struct counts {
    unsigned int judged;
    unsigned int changed;
    unsigned int nothing_kept;
    unsigned int damaged;
};

/* Replies alone do not tell: there was data before, no load of types, or other nodes have it. */
static bool keeps_too_little(const struct la_scenario *scenario, const struct la_past *recorded)
{
    return recorded->given_data || scenario->world || la_load_is_list(scenario->load) || la_scenario_moves(scenario);
}

/* What a bundle is judged to be. */
struct judged {
    struct la_judgement judgement;
    struct la_verify verify;
    bool loss_expected; /* that too little was lost cannot be seen again */
};

/* The run as far as its bundle tells. 1: nothing was kept; -1 with `error` filled. */
static int judge_bundle(const char *bundle, struct judged *judged, struct la_error *error)
{
    static const struct la_options options = {.demands = {-1, -1, false}};
    char path[LA_PATH_MAX];
    enum la_seal seal;
    struct la_past recorded = {.json = NULL};
    struct la_config config = {0};
    struct la_run *run = la_alloc(1, sizeof *run);
    int result = la_evidence_check(bundle, &seal, error);
    la_path(path, "%s/scenario.yaml", bundle);
    run->scenario = result ? NULL : la_scenario_read(path, &la_kinds, error);
    la_path(path, "%s/scenario.json", bundle);
    result = !run->scenario || la_past_read(&recorded, path, error) ? -1 : 0;
    if (!result && keeps_too_little(run->scenario, &recorded))
        result = 1;
    la_path(path, "%s/ledger", bundle);
    if (!result)
        result = la_ledger_open(&run->ledger, path, error);
    if (!result) {
        la_path(path, "%s/%s", bundle, run->scenario->nodes[0].name);
        result = la_config_read_back(&config, path, error);
        la_config_find_login(&config);
    }
    const struct la_address names = {.renamed = &config.renamed};
    la_path(path, "%s/replies", bundle);
    if (!result)
        result = la_verify_kept(&run->ledger, path, &names, &run->findings, &run->verify, error);
    if (!result) {
        run->options = &options;
        run->replayed = true;
        run->clock_changed = true;
        run->node_count = 1;
        run->nodes[0].spec = &run->scenario->nodes[0];
        run->verified = &run->nodes[0];
        la_past_doubts(run, &recorded);
        judged->judgement = la_judge(run);
        judged->verify = run->verify;
        judged->loss_expected = la_expects_loss(run->scenario);
    }
    la_config_free(&config);
    json_decref(recorded.json);
    la_scenario_free((struct la_scenario *)run->scenario);
    la_run_free(run);
    return result;
}

/* It was found in the bundle that was judged again, and would be found there once more. */
static bool is_seen_again(const json_t *entry, const struct judged *judged, const char *kind)
{
    const bool one_of_many = json_integer_value(json_object_get(la_row_of(entry).repeats, "runs")) > 1;
    return is_of_data(kind) && !one_of_many && !(judged->loss_expected && !strcmp(kind, "lost"));
}

/* What is violated now: of the data as judged again, of everything else as it was. */
static json_t *kinds_now(const json_t *entry, const struct judged *judged)
{
    const struct la_strings *violated = &judged->judgement.violated;
    json_t *now = json_array();
    size_t i;
    json_t *kind;
    json_array_foreach (json_object_get(entry, "violated"), i, kind)
        if (!is_seen_again(entry, judged, json_string_value(kind)))
            json_array_append(now, kind);
    for (size_t n = 0; n < violated->count; n++) {
        json_t *name = json_string(violated->items[n]);
        if (is_of_data(violated->items[n]) && !la_json_holds(now, name))
            json_array_append(now, name);
        json_decref(name);
    }
    return now;
}

static enum la_verdict verdict_now(const json_t *entry, const json_t *kinds, const struct la_judgement *judgement)
{
    if (json_array_size(kinds))
        return LA_VIOLATED;
    bool open = la_row_of(entry).verdict == LA_INCONCLUSIVE || judgement->verdict == LA_INCONCLUSIVE;
    return open ? LA_INCONCLUSIVE : LA_HOLDS;
}

/* The entry with what was found out. True: its verdict is another one. */
static bool renew(json_t *entry, const struct judged *judged)
{
    const enum la_verdict before = la_row_of(entry).verdict;
    const struct la_judgement *judgement = &judged->judgement;
    const struct la_verify *verify = &judged->verify;
    json_t *kinds = kinds_now(entry, judged);
    const enum la_verdict now = verdict_now(entry, kinds, judgement);
    json_t *rpo = json_object_get(entry, "rpo");
    if (json_is_object(rpo)) {
        json_object_set_new(rpo, "acked", json_integer((json_int_t)verify->acked));
        json_object_set_new(rpo, "lost", json_integer((json_int_t)verify->lost));
    }
    json_object_set_new(entry, "violated", kinds);
    if (now == before)
        return false;
    json_object_set_new(entry, "verdict", json_string(la_verdict_name(now)));
    json_object_set_new(entry, "reasons", now == LA_HOLDS ? json_array() : la_json_texts(&judgement->reasons));
    return true;
}

static void judge_entry(json_t *entry, const char *report, struct counts *counts)
{
    char bundle[LA_PATH_MAX];
    struct la_error error = {""};
    struct judged judged = {.judgement = {.verdict = LA_INCONCLUSIVE}};
    const struct la_row row = la_row_of(entry);
    const char *before = la_verdict_name(row.verdict);
    bool told = json_is_array(json_object_get(entry, "violated")); /* else it does not say what convicted it */
    la_path(bundle, "%s/%s", report, la_json_get(entry, "bundle"));
    int result = !told || access(bundle, R_OK) ? 1 : judge_bundle(bundle, &judged, &error);
    if (result > 0) {
        counts->nothing_kept++;
        return;
    }
    if (result < 0) {
        counts->damaged++;
        printf("%s: not judged again: %s\n", row.name, error.text);
        return;
    }
    counts->judged++;
    if (renew(entry, &judged)) {
        const struct la_row again = la_row_of(entry);
        const char *why = json_string_value(json_array_get(again.reasons, 0));
        counts->changed++;
        printf("%s: %s -> %s%s%s\n", row.name, before, la_verdict_name(again.verdict), why ? ": " : "", why ? why : "");
    }
    la_judgement_free(&judged.judgement);
}

/* -1 with `error` filled: it is no report. */
static int judge_report(const struct la_rejudge *rejudge, const char *report, const struct la_claims *claims,
                        int *status, struct la_error *error)
{
    struct counts counts = {0};
    size_t i;
    json_t *entry;
    json_t *result = la_again_read(report, error);
    if (!result)
        return -1;
    json_t *scenarios = json_deep_copy(json_object_get(result, "scenarios"));
    json_array_foreach (scenarios, i, entry)
        judge_entry(entry, report, &counts);
    json_t *again = la_again(result, scenarios, claims);
    *status = la_result_exit_status(again);
    int failed = rejudge->json ? la_result_hand_over(again, rejudge->json, STDOUT_FILENO, error) : 0;
    if (!rejudge->json || strcmp(rejudge->json, "-") != 0)
        printf("%s: %u judged again, %u verdicts changed; %u had nothing kept, %u could not be read; exit %d\n", report,
               counts.judged, counts.changed, counts.nothing_kept, counts.damaged, *status);
    json_decref(again);
    json_decref(result);
    return failed;
}

int la_rejudge_run(const struct la_rejudge *rejudge)
{
    char path[LA_PATH_MAX];
    struct la_error error;
    int worst = LA_EXIT_HOLDS;
    la_path(path, "%s/claims.yaml", rejudge->parts.fixtures);
    struct la_claims *claims = la_claims_read(path, &error);
    bool bad = !claims;
    for (size_t i = 0; i < rejudge->reports.count && !bad; i++) {
        int status = LA_EXIT_HOLDS;
        bad = judge_report(rejudge, rejudge->reports.items[i], claims, &status, &error);
        if (status == LA_EXIT_VIOLATED || (status == LA_EXIT_INCONCLUSIVE && worst != LA_EXIT_VIOLATED))
            worst = status;
    }
    if (bad)
        fprintf(stderr, "lastack: %s\n", error.text);
    if (claims)
        la_claims_free(claims);
    return bad ? LA_EXIT_USAGE : worst;
}
