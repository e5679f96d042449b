#include "cli/list.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "judge/expectations.h"
#include "report/claims.h"
#include "report/result.h"
#include "report/row.h"
#include "run/steps.h"
#include "scenario/read.h"
#include "scenario/scenario.h"
#include "suite/catalogues.h"

/* What it takes that not every machine or command line has. */
static json_t *needs_of(const struct la_scenario *scenario)
{
    json_t *needs = json_array();
    const char *const named[] = {
        scenario->power_cut && scenario->power_cut->method == LA_POWER_REAL ? "root" : NULL,
        scenario->world ? "root and systemd" : NULL,
        la_scenario_quotes(scenario) ? "--document" : NULL,
        la_scenario_step(scenario, &la_step_script, UINT_MAX) ? "--backup" : NULL,
        scenario->situation && la_situation(scenario->situation) > LA_AT_RESTART ? "--old-server" : NULL,
        scenario->alone ? "nothing beside it" : NULL,
        scenario->only_with ? scenario->only_with : NULL,
    };
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (named[i])
            json_array_append_new(needs, json_string(named[i]));
    bool bounded = false;
    for (unsigned int i = 0; i < scenario->node_count; i++)
        bounded = bounded || scenario->nodes[i].memory_mb;
    if (bounded)
        json_array_append_new(needs, json_string("a memory cgroup"));
    return needs;
}

static json_t *scenario_json(const struct la_scenario *scenario, const struct la_durations *durations)
{
    const struct la_duration *known = la_durations_find(durations, scenario->name);
    json_t *claims = json_array();
    for (unsigned int c = 0; c < scenario->claim_count; c++)
        json_array_append_new(claims, json_string(scenario->claims[c].id));
    return json_pack("{s:s, s:s, s:o, s:s, s:b, s:o, s:o, s:o, s:o}", "name", scenario->name, "title", scenario->title,
                     "group", la_json_owned(la_scenario_group(scenario)), "file", scenario->path, "quick",
                     scenario->quick, "seconds", known ? json_integer(known->seconds) : json_null(), "needs",
                     needs_of(scenario), "claims", claims, "history", la_history_json(scenario));
}

static json_t *scenarios_json(const struct la_scenarios *scenarios, const struct la_durations *durations)
{
    json_t *all = json_array();
    for (size_t i = 0; i < scenarios->count; i++)
        json_array_append_new(all, scenario_json(scenarios->items[i], durations));
    return all;
}

static bool checks(const struct la_scenario *scenario, const char *id)
{
    for (unsigned int i = 0; i < scenario->claim_count; i++)
        if (!strcmp(scenario->claims[i].id, id))
            return true;
    return false;
}

static json_t *claims_json(const struct la_claims *claims, const struct la_scenarios *scenarios)
{
    json_t *all = json_array();
    for (unsigned int i = 0; i < claims->count; i++) {
        const struct la_claim *claim = &claims->items[i];
        json_t *by = json_array();
        for (size_t s = 0; s < scenarios->count; s++)
            if (checks(scenarios->items[s], claim->id))
                json_array_append_new(by, json_string(scenarios->items[s]->name));
        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:o}", "id", claim->id, "text", claim->text, "source",
                                             claim->source, "scenarios", by));
    }
    return all;
}

static void print_scenario(const json_t *entry)
{
    const json_t *seconds = json_object_get(entry, "seconds");
    char about[24] = "-";
    size_t i;
    json_t *need;
    if (json_is_integer(seconds))
        snprintf(about, sizeof about, "%d s", (int)json_integer_value(seconds));
    printf("%-11s %-33s %6s  %s", la_json_get(entry, "group"), la_json_get(entry, "name"), about,
           la_json_get(entry, "title"));
    json_array_foreach (json_object_get(entry, "needs"), i, need)
        printf("%s%s", i ? ", " : " [needs ", json_string_value(need));
    if (i)
        putchar(']');
    const json_t *history = json_object_get(entry, "history");
    if (json_is_object(history))
        printf(" [%s: %s]", la_json_get(history, "tracker"), la_json_get(history, "versions"));
    putchar('\n');
}

static void print_plain(const json_t *all, bool claims)
{
    size_t i;
    json_t *entry;
    json_array_foreach (all, i, entry) {
        if (claims) {
            size_t n = json_array_size(json_object_get(entry, "scenarios"));
            printf("%-7s %-12s %s\n", la_json_get(entry, "id"), n ? "checked" : "not checked",
                   la_json_get(entry, "text"));
        } else {
            print_scenario(entry);
        }
    }
}

int la_list(const struct la_parts *parts, bool claims, bool json, struct la_error *error)
{
    struct la_scenarios scenarios = {0};
    char path[LA_PATH_MAX];
    la_path(path, "%s/claims.yaml", parts->fixtures);
    struct la_claims *catalogue = la_claims_read(path, error);
    struct la_durations durations = {0};
    bool bad = !catalogue || la_scenarios_read(&scenarios, parts->scenarios, &la_kinds, error);
    la_path(path, "%s/seconds.yaml", parts->fixtures);
    int result = bad || la_durations_read(path, &durations, error) ? -1 : 0;
    if (!result) {
        json_t *all = claims ? claims_json(catalogue, &scenarios) : scenarios_json(&scenarios, &durations);
        la_durations_free(&durations);
        if (json)
            json_dumpf(all, stdout, JSON_INDENT(2)), putchar('\n');
        else
            print_plain(all, claims);
        json_decref(all);
    }
    la_scenarios_free(&scenarios);
    la_claims_free(catalogue);
    return result;
}
