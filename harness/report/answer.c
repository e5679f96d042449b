#include "report/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "judge/loss.h"
#include "report/row.h"

static bool starts_by_itself(const struct la_run *run)
{
    return !run->repairs.count && !run->findings.count[LA_REFUSED] && !run->findings.count[LA_UNAVAILABLE];
}

json_t *la_answer_of(const struct la_run *run, bool sound)
{
    const char *situation = run->scenario->situation;
    const struct la_brink *brink = &run->brink;
    const struct la_verify *verify = &run->verify;
    double ready = run->recovered ? la_recovery_ms(&run->recovery, run->recovery.ready_ns) : -1;
    unsigned int factor = brink->factor > 1 ? brink->factor : 1;
    bool read = run->verified;
    /* of a few seconds of load a crash may take all; that says something where nothing would keep older data either */
    bool all_gone = read && verify->lost && !verify->survivors && (!brink->factor || !brink->keeps);
    if (!situation || run->replayed)
        return json_null();
    json_t *worst = json_pack("{s:s, s:b, s:s, s:i, s:b}", "situation", situation, "sound", sound, "moment",
                              brink->moment, "clock_factor", (int)factor, "by_itself", starts_by_itself(run));
    bool boundless = read && verify->lost && brink->boundless;
    json_object_set_new(worst, "window_ms",
                        read && !boundless ? json_real(la_loss_window_ms(run, false)) : json_null());
    json_object_set_new(worst, "lost", read ? json_integer((json_int_t)verify->lost) : json_null());
    json_object_set_new(worst, "one_write", json_boolean(read && verify->lost && brink->one_write));
    json_object_set_new(worst, "boundless", json_boolean(boundless));
    json_object_set_new(worst, "everything", json_boolean(all_gone));
    json_object_set_new(worst, "ready_ms", ready < 0 ? json_null() : json_real(ready));
    return worst;
}

json_t *la_answer_failed(const struct la_scenario *scenario)
{
    return scenario->situation ? json_pack("{s:s, s:b}", "situation", scenario->situation, "sound", 0) : json_null();
}

static bool is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* Nothing was read back, since it refuses to start. */
static bool starts_not(const json_t *answer)
{
    return json_is_false(json_object_get(answer, "by_itself")) && !json_is_number(json_object_get(answer, "lost"));
}

double la_answer_loss(const json_t *answer)
{
    bool all = is_true(answer, "boundless") || is_true(answer, "everything") || starts_not(answer);
    return all ? INFINITY : la_json_number(answer, "window_ms");
}

double la_answer_away(const json_t *answer)
{
    return json_is_false(json_object_get(answer, "by_itself")) ? INFINITY : la_json_number(answer, "ready_ms");
}

const json_t *la_answer_find(const json_t *answers, const char *situation)
{
    size_t i;
    json_t *answer;
    json_array_foreach (answers, i, answer) {
        const char *name = json_string_value(json_object_get(answer, "situation"));
        if (name && !strcmp(name, situation))
            return answer;
    }
    return NULL;
}

/* The run was sound, and what was lost was seen. */
static bool proves(const json_t *worst)
{
    return is_true(worst, "sound") && !isnan(la_answer_loss(worst));
}

static bool is_worse(const json_t *one, const json_t *other)
{
    double a = la_answer_loss(one);
    double b = la_answer_loss(other);
    if (isnan(a) || isnan(b))
        return isnan(b) && !isnan(a);
    if (a != b)
        return a > b;
    return la_json_number(one, "lost") > la_json_number(other, "lost");
}

static void keep_most(json_t *answer, const json_t *worst, const char *key)
{
    double here = la_json_number(worst, key);
    double so_far = la_json_number(answer, key);
    if (!isnan(here) && !(here <= so_far))
        json_object_set(answer, key, json_object_get(worst, key));
}

/* What is no part of how far back the loss reaches: the worst of any. */
static void keep_worst(json_t *answer, const json_t *other)
{
    if (!starts_not(answer)) /* that nothing was read back is what says so */
        keep_most(answer, other, "lost");
    keep_most(answer, other, "ready_ms");
    if (is_true(other, "one_write"))
        json_object_set_new(answer, "one_write", json_true());
    if (!is_true(other, "by_itself"))
        json_object_set_new(answer, "by_itself", json_false());
}

json_t *la_answer_worst_of(const json_t *runs)
{
    const json_t *worst = NULL;
    size_t i;
    json_t *run;
    json_array_foreach (runs, i, run) {
        const json_t *here = json_object_get(run, "worst");
        if (!worst || (proves(here) && (!proves(worst) || is_worse(here, worst))))
            worst = here;
    }
    json_t *all = worst ? json_deep_copy(worst) : json_null();
    json_array_foreach (runs, i, run)
        if (proves(json_object_get(run, "worst")))
            keep_worst(all, json_object_get(run, "worst"));
    return all;
}

/* Of one situation: the loss is that of the worst run, the rest the worst of any. */
static json_t *answer_in(const json_t *scenarios, const char *situation)
{
    json_t *answer = NULL;
    json_t *unknown = json_array();
    size_t i;
    json_t *scenario;
    json_array_foreach (scenarios, i, scenario) {
        const struct la_row row = la_row_of(scenario);
        const json_t *worst = json_object_get(scenario, "worst");
        const char *name = json_string_value(json_object_get(worst, "situation"));
        if (!name || strcmp(name, situation) != 0)
            continue;
        if (!proves(worst) || row.verdict == LA_INCONCLUSIVE) /* one run of several, perhaps */
            json_array_append_new(unknown,
                                  json_pack("{s:o, s:s, s:O}", "scenario", la_json_text(row.name), "verdict",
                                            la_verdict_name(row.verdict), "why", json_array_get(row.reasons, 0)));
        if (!proves(worst))
            continue;
        json_t *own = json_deep_copy(worst);
        json_object_set_new(own, "scenario", la_json_text(row.name));
        json_t *worse = !answer || is_worse(own, answer) ? own : answer;
        json_t *other = worse == own ? answer : own;
        if (other)
            keep_worst(worse, other);
        json_decref(other);
        answer = worse;
    }
    if (!answer && json_array_size(unknown))
        answer = json_pack("{s:s}", "situation", situation);
    if (answer)
        json_object_set(answer, "unknown", unknown);
    json_decref(unknown);
    return answer;
}

json_t *la_answers(const json_t *scenarios)
{
    json_t *answers = json_array();
    for (int i = 0; i < LA_SITUATIONS; i++) {
        json_t *answer = answer_in(scenarios, la_situation_names[i]);
        if (!answer)
            continue;
        char *words = la_answer_words(answer);
        json_object_set_new(answer, "in_words", json_string(words));
        free(words);
        json_array_append_new(answers, answer);
    }
    return answers;
}

char *la_answer_words(const json_t *answer)
{
    double ms = la_json_number(answer, "window_ms");
    if (starts_not(answer))
        return la_strdup("not loaded");
    if (is_true(answer, "everything"))
        return la_strdup("everything");
    if (is_true(answer, "boundless"))
        return la_strdup("no bound");
    if (isnan(ms))
        return la_strdup("not known");
    return ms < 10000 ? la_format("%.0f ms", ms) : la_format("%.0f s", ms / 1000);
}
