#include "suite/matrix.h"

#include <stdio.h>
#include <stdlib.h>

#include "judge/expectations.h"
#include "report/row.h"
#include "scenario/read.h"
#include "suite/trial.h"

enum { RUNS = 5 }; /* of each scenario, with seeds of their own, where --repeat does not say */

/* One row: what the runs of one scenario have seen. */
static json_t *row_of(const json_t *result)
{
    static const char *const spreads[] = {"window_ms", "lost", "ready_ms"};
    const struct la_row row = la_row_of(result);
    const json_t *worst = json_object_get(result, "worst");
    json_t *entry = json_pack("{s:o, s:s, s:O, s:O, s:I}", "scenario", la_json_text(row.name), "verdict",
                              la_verdict_name(row.verdict), "situation", json_object_get(worst, "situation"), "worst",
                              worst, "runs", json_integer_value(json_object_get(row.repeats, "runs")));
    for (size_t i = 0; i < sizeof spreads / sizeof *spreads; i++) {
        json_t *spread = json_object_get(row.repeats, spreads[i]);
        json_object_set(entry, spreads[i], spread ? spread : json_null());
    }
    return entry;
}

static char *joined(const struct la_strategy *strategy)
{
    return la_lines_joined(&(struct la_strings){strategy->lines, strategy->line_count});
}

/* Runs a strategy through these scenarios: "rows". */
static json_t *rows_of(struct la_work *work, const struct la_strategy *strategy, const struct la_strings *scenarios,
                       const char *lines)
{
    size_t first = work->scenarios.count;
    json_t *unseen = json_array();
    for (size_t i = 0; i < scenarios->count; i++)
        la_trial_add(work, scenarios->items[i], strategy->name, lines, unseen);
    json_t *results = la_trial_run(work, first);
    json_t *rows = json_array();
    size_t i;
    json_t *result;
    json_array_foreach (unseen, i, result)
        la_strings_add(&work->skipped, la_format("%s: %s", la_json_get(result, "name"),
                                                 json_string_value(json_array_get(la_row_of(result).reasons, 0))));
    json_decref(unseen);
    json_array_foreach (results, i, result)
        json_array_append_new(rows, row_of(result));
    json_array_extend(work->results, results);
    json_decref(results);
    return rows;
}

/* A strategy, against the first one. */
static json_t *entry_of(struct la_work *work, const struct la_strategy *strategy, const struct la_strings *failovers,
                        const char *baseline)
{
    char *lines = joined(strategy);
    json_t *rows = rows_of(work, strategy, strategy->replica ? failovers : &work->all_worst, lines);
    unsigned int repeat = work->suite->repeat;
    work->suite->repeat = 1; /* it has rounds of its own */
    json_t *price = la_trial_price(work, strategy->name, baseline, lines, strategy->replica);
    work->suite->repeat = repeat;
    json_t *entry = json_pack("{s:s, s:b, s:s, s:o, s:o}", "strategy", strategy->name, "replica", strategy->replica,
                              "lines", lines, "rows", rows, "price", price);
    free(lines);
    return entry;
}

/* The files of the scenarios in which a replica takes over. */
static struct la_strings find_failovers(const struct la_work *work)
{
    char path[LA_PATH_MAX];
    struct la_error error;
    struct la_scenarios list = {0};
    struct la_strings files = {0};
    la_path(path, "%s/failover", work->suite->parts.scenarios);
    if (la_scenarios_read(&list, path, &la_kinds, &error))
        fprintf(stderr, "lastack: %s\n", error.text);
    for (size_t i = 0; i < list.count; i++)
        la_strings_add(&files, la_strdup(list.items[i]->path));
    la_scenarios_free(&list);
    return files;
}

json_t *la_matrix(struct la_work *work)
{
    json_t *matrix = json_array();
    const struct la_strategies *strategies = &work->strategies;
    work->suite->repeat = work->suite->repeat > 1 ? work->suite->repeat : RUNS;
    const struct la_demands demands = work->options.demands;
    work->options.demands = (struct la_demands){-1, -1, true}; /* they are about a configuration, and not about these */
    char *baseline = joined(&strategies->items[0]);
    struct la_strings failovers = find_failovers(work);
    for (unsigned int i = 0; i < strategies->count && !work->interrupted; i++)
        json_array_append_new(matrix, entry_of(work, &strategies->items[i], &failovers, baseline));
    la_strings_free(&failovers);
    free(baseline);
    work->options.demands = demands;
    return matrix;
}
