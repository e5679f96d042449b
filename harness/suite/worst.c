#include "suite/worst.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "report/answer.h"
#include "report/row.h"
#include "suite/trial.h"

size_t la_worst_first(struct la_work *work)
{
    size_t count = 0;
    for (size_t i = 0; i < work->scenarios.count; i++) {
        struct la_scenario *scenario = work->scenarios.items[i];
        struct la_fit fit = work->fits[i];
        if (!scenario->situation)
            continue;
        for (size_t at = i; at > count; at--) {
            work->scenarios.items[at] = work->scenarios.items[at - 1];
            work->fits[at] = work->fits[at - 1];
        }
        work->scenarios.items[count] = scenario;
        work->fits[count++] = fit;
    }
    return count;
}

/* What is lost with one line more, in the situations that the quick scenarios are about. */
static json_t *try_line(struct la_work *work, const char *line)
{
    size_t first = work->scenarios.count;
    json_t *unseen = json_array();
    for (size_t i = 0; i < work->quick_worst.count; i++)
        la_trial_add(work, work->quick_worst.items[i], line, line, unseen);
    json_t *results = la_trial_run(work, first);
    json_array_extend(results, unseen);
    json_decref(unseen);
    json_t *answers = la_answers(results);
    json_decref(results);
    return answers;
}

/* As the configuration has it, with the lines of --set; to be freed. NULL: the server does not say. */
static char *setting(const struct la_work *work, const char *name)
{
    struct la_config set = {0};
    struct la_error error;
    char *lines = la_lines_joined(&work->suite->set);
    char *value = la_config_append(&set, lines, "--set", &error) ? NULL : la_config_all(&set, name);
    const char *told = value ? NULL : la_probe_setting(&work->probe, name);
    la_config_free(&set);
    free(lines);
    return told ? la_strdup(told) : value;
}

static bool applies(const struct la_work *work, const struct la_remedy *remedy)
{
    for (unsigned int i = 0; i < remedy->where_count; i++) {
        char name[64];
        const char *wanted = la_setting_split(remedy->where[i], name);
        char *has = setting(work, name);
        const bool so = has && !strcasecmp(has, wanted);
        free(has);
        if (!so)
            return false;
    }
    return true;
}

static double loss_at(const json_t *answers, enum la_situation situation)
{
    return la_answer_loss(la_answer_find(answers, la_situation_names[situation]));
}

/* It loses less in one situation, and more in none. */
static bool is_better(const json_t *answers, const json_t *than)
{
    static const enum la_situation situations[] = {LA_AT_KILL, LA_AT_POWER_CUT};
    bool better = false;
    for (size_t i = 0; i < sizeof situations / sizeof *situations; i++) {
        const char *name = la_situation_names[situations[i]];
        if (json_array_size(json_object_get(la_answer_find(answers, name), "unknown")))
            return false;
        double loss = loss_at(answers, situations[i]);
        double before = loss_at(than, situations[i]);
        if (isnan(loss) || isnan(before) || loss > before * 1.1 + 100) /* what repeated runs differ by is no loss */
            return false;
        better = better || loss < before / 2;
    }
    return better;
}

/* Tries every remedy that is one here. The best comes first, with its price. */
static json_t *try_remedies(struct la_work *work, const json_t *answers)
{
    json_t *tried = json_array();
    const json_t *best = answers;
    for (unsigned int i = 0; i < work->remedies.count && !work->interrupted; i++) {
        const struct la_remedy *remedy = &work->remedies.items[i];
        char name[64];
        la_setting_split(remedy->line, name);
        if (!applies(work, remedy))
            continue;
        char *was = setting(work, name);
        json_t *entry = json_pack("{s:s, s:s, s:s, s:o}", "line", remedy->line, "directive", name, "was",
                                  was ? was : "", "situations", try_line(work, remedy->line));
        free(was);
        const json_t *got = json_object_get(entry, "situations");
        if (is_better(got, best)) {
            best = got;
            json_array_insert_new(tried, 0, entry);
        } else {
            json_array_append_new(tried, entry);
        }
    }
    json_t *first = json_array_get(tried, 0);
    const char *line = json_string_value(json_object_get(first, "line"));
    bool proposed = best != answers && !work->interrupted;
    if (first)
        json_object_set_new(first, "proposed", json_boolean(proposed));
    if (proposed)
        json_object_set_new(first, "throughput", la_trial_price(work, line, NULL, line, false));
    return tried;
}

/* In the words of the documents: which of their strategies it is. */
static char *strategy_of(const struct la_work *work)
{
    char *log = setting(work, "appendonly");
    char *points = setting(work, "save");
    char *sync = setting(work, "appendfsync");
    char *preamble = setting(work, "aof-use-rdb-preamble");
    bool mixed = preamble && !strcasecmp(preamble, "yes");
    char *strategy = NULL;
    if (!log || !points)
        strategy = la_strdup("not known: the server does not tell its settings");
    else if (!strcasecmp(log, "yes"))
        strategy = la_format("%s: appendonly yes, appendfsync %s; save \"%s\"",
                             mixed ? "mixed persistence" : "an append-only file", sync ? sync : "?", points);
    else
        strategy = *points ? la_format("RDB snapshots: save \"%s\", appendonly no", points)
                           : la_strdup("no persistence: save \"\", appendonly no");
    free(log);
    free(points);
    free(sync);
    free(preamble);
    return strategy;
}

/* A scenario that looks for the worst case has found that the demand is not met, whatever held the run up. */
static bool is_violated(const json_t *scenarios, const char *demand)
{
    size_t i;
    json_t *scenario;
    json_array_foreach (scenarios, i, scenario) {
        size_t k;
        json_t *kind;
        json_array_foreach (json_object_get(scenario, "violated"), k, kind)
            if (json_is_object(json_object_get(scenario, "worst")) && !strcmp(json_string_value(kind), demand))
                return true;
    }
    return false;
}

/* --rpo and --rto (`name`), against what scenarios have `seen`, and the worst of it. */
static json_t *requirement(const char *name, int target_ms, const json_t *seen, const json_t *answers, bool quick)
{
    bool of_loss = !strcmp(name, "rpo");
    const json_t *worst = NULL;
    double most = -1;
    bool unknown = false;
    for (int i = 0; i < LA_AT_RESTART; i++) {
        const json_t *answer = la_answer_find(answers, la_situation_names[i]);
        double ms = of_loss ? la_answer_loss(answer) : la_answer_away(answer);
        unknown = unknown || (!answer && !quick) || (answer && isnan(ms)) ||
                  json_array_size(json_object_get(answer, "unknown"));
        if (!answer || !(ms > most))
            continue;
        most = ms;
        worst = answer;
    }
    bool violated = isinf(most) || is_violated(seen, name);
    if (violated && most <= target_ms) /* by a run that proves no more than that */
        worst = NULL;
    return json_pack("{s:s, s:i, s:s, s:o, s:o}", "name", name, "target_ms", target_ms, "verdict",
                     violated                                ? "violated"
                     : unknown || !worst || most > target_ms ? "inconclusive"
                                                             : "holds",
                     "worst_ms", worst && isfinite(most) ? json_real(most) : json_null(), "situation",
                     worst ? json_incref(json_object_get(worst, "situation")) : json_null());
}

static json_t *requirements(const struct la_work *work, const json_t *seen, const json_t *answers)
{
    const struct la_demands *demands = &work->suite->demands;
    bool quick = work->suite->quick;
    json_t *list = json_array();
    if (demands->rpo_ms >= 0)
        json_array_append_new(list, requirement("rpo", demands->rpo_ms, seen, answers, quick));
    if (demands->rto_ms >= 0)
        json_array_append_new(list, requirement("rto", demands->rto_ms, seen, answers, quick));
    return list;
}

json_t *la_worst_answer(struct la_work *work)
{
    json_t *seen = json_copy(work->results);
    json_array_extend(seen, work->unseen);
    json_t *answers = la_answers(seen);
    char *strategy = strategy_of(work);
    json_t *answer = json_pack("{s:o, s:o, s:o}", "strategy", la_json_text(strategy), "situations", answers,
                               "requirements", requirements(work, seen, answers));
    free(strategy);
    json_decref(seen);
    bool asked = !work->suite->quick && !work->interrupted;
    const struct la_demands demands = work->options.demands;
    work->options.demands = (struct la_demands){-1, -1, true}; /* they are asked of what is, not of what might be */
    json_object_set_new(answer, "remedies", asked ? try_remedies(work, answers) : json_array());
    work->options.demands = demands;
    return answer;
}
