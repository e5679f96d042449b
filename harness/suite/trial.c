#include "suite/trial.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/expectations.h"
#include "judge/fit.h"
#include "report/result.h"
#include "report/row.h"
#include "scenario/read.h"

/* "worst-kill", "save 60 1" -> "worst-kill-with-save-60-1": a name, and a folder of the report. */
static char *name_with(const char *name, const char *line)
{
    char *whole = la_format("%s-with-%s", name, line);
    for (char *c = whole; *c; c++)
        *c = (char)(isalnum((unsigned char)*c) ? tolower((unsigned char)*c) : '-');
    return whole;
}

static void put(char **member, char *text)
{
    free(*member);
    *member = text;
}

/*
 * Adds a scenario to be run; takes it over. False: it cannot be run here, and a result that says why goes to `unseen`,
 * unless it is not about such a configuration.
 */
static bool add(struct la_work *work, struct la_scenario *scenario, json_t *unseen)
{
    char why[256];
    struct la_fit fit = {0};
    if (la_prepare_unfit(work, scenario, &fit, why, sizeof why)) {
        if (!fit.beside)
            json_array_append_new(unseen, la_result_failed(scenario, NULL, why));
        la_fit_free(&fit);
        la_scenario_free(scenario);
        return false;
    }
    size_t count = work->scenarios.count + 1;
    work->scenarios.items = la_realloc(work->scenarios.items, count, sizeof *work->scenarios.items);
    work->fits = la_realloc(work->fits, count, sizeof *work->fits);
    work->runs = la_realloc(work->runs, count, sizeof(json_t *));
    work->scenarios.items[count - 1] = scenario;
    work->fits[count - 1] = fit;
    work->runs[count - 1] = NULL;
    work->scenarios.count = count;
    return true;
}

json_t *la_trial_run(struct la_work *work, size_t first)
{
    json_t *results = json_array();
    json_t *before = work->into;
    work->into = results;
    la_suite_run_range(work, first, work->scenarios.count);
    work->into = before;
    for (size_t i = first; i < work->scenarios.count; i++) {
        la_fit_free(&work->fits[i]);
        la_scenario_free(work->scenarios.items[i]);
    }
    work->scenarios.count = first;
    return results;
}

static struct la_scenario *copy_of(const char *path, const char *line)
{
    struct la_error error;
    struct la_scenario *scenario = la_scenario_read(path, &la_kinds, &error);
    if (!scenario) {
        fprintf(stderr, "lastack: %s\n", error.text);
        return NULL;
    }
    put(&scenario->name, name_with(scenario->name, line));
    return scenario;
}

void la_trial_add(struct la_work *work, const char *path, const char *with, const char *lines, json_t *unseen)
{
    struct la_scenario *trial = copy_of(path, with);
    if (!trial)
        return;
    char *set = la_lines_joined(&work->suite->set);
    put(&trial->set, la_format("%s%s", set, lines));
    free(set);
    add(work, trial, unseen);
}

static struct la_measure samples_of(const json_t *figures, const char *name)
{
    struct la_measure measure = {0};
    size_t i;
    json_t *figure;
    json_array_foreach (figures, i, figure) {
        const char *own = json_string_value(json_object_get(figure, "name"));
        const json_t *samples = json_object_get(figure, "samples");
        if (!own || strcmp(own, name) != 0)
            continue;
        measure.count = json_array_size(samples);
        measure.samples = la_alloc(measure.count, sizeof *measure.samples);
        for (size_t n = 0; n < measure.count; n++)
            measure.samples[n].value = json_number_value(json_array_get(samples, n));
    }
    return measure;
}

/* The samples of a figure together, one of each server; null: there is none. */
static json_t *sum_of(const json_t *figures, const char *name)
{
    struct la_measure measure = samples_of(figures, name);
    double sum = 0;
    for (size_t i = 0; i < measure.count; i++)
        sum += measure.samples[i].value;
    free(measure.samples);
    return measure.count ? json_real(sum) : json_null();
}

static json_t *price_in(const json_t *result)
{
    static const char *const figures[][2] = {{"memory", "memory_bytes"},
                                             {"cpu-user", "cpu_user_s"},
                                             {"cpu-system", "cpu_system_s"},
                                             {"log", "log_bytes"},
                                             {"snapshot", "snapshot_bytes"}};
    const json_t *measured = json_object_get(result, "figures");
    struct la_measure with = samples_of(measured, "changed");
    struct la_measure without = samples_of(measured, "as-it-is");
    const struct la_middle ratio = la_middle_of_ratio(&with, &without);
    free(with.samples);
    free(without.samples);
    if (!ratio.count)
        return json_null();
    json_t *price = json_pack("{s:f, s:[f, f], s:i, s:O}", "percent", 100 * ratio.median, "interval", 100 * ratio.low,
                              100 * ratio.high, "n", (int)ratio.count, "scenario", json_object_get(result, "name"));
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        json_object_set_new(price, figures[i][1], sum_of(measured, figures[i][0]));
    return price;
}

json_t *la_trial_price(struct la_work *work, const char *with, const char *before, const char *lines, bool replica)
{
    char path[LA_PATH_MAX];
    size_t first = work->scenarios.count;
    la_path(path, "%s/%s.yaml", work->suite->parts.fixtures, replica ? "price-replica" : "price");
    struct la_scenario *scenario = copy_of(path, with);
    if (!scenario)
        return json_null();
    put(&scenario->set, la_lines_joined(&work->suite->set));
    put(&scenario->nodes[0].config, before ? la_strdup(before) : NULL);
    for (unsigned int i = 1; i < scenario->node_count; i++)
        put(&scenario->nodes[i].config, la_strdup(lines));
    if (!add(work, scenario, NULL))
        return json_null();
    json_t *results = la_trial_run(work, first);
    json_t *price = price_in(json_array_get(results, 0));
    json_decref(results);
    return price;
}
