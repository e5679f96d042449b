#include "cli/list.h"

#include <stdio.h>
#include <string.h>

#include "judge/expectations.h"
#include "report/claims.h"
#include "report/row.h"
#include "scenario/read.h"
#include "scenario/scenario.h"

static json_t *scenarios_json(const struct la_scenarios *scenarios)
{
    json_t *all = json_array();
    for (size_t i = 0; i < scenarios->count; i++) {
        const struct la_scenario *scenario = scenarios->items[i];
        json_t *claims = json_array();
        for (unsigned int c = 0; c < scenario->claim_count; c++)
            json_array_append_new(claims, json_string(scenario->claims[c].id));
        json_array_append_new(all,
                              json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", scenario->name, "title", scenario->title,
                                        "file", scenario->path, "quick", scenario->quick, "claims", claims));
    }
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
            printf("%-34s %s\n", la_json_get(entry, "name"), la_json_get(entry, "title"));
        }
    }
}

int la_list(const struct la_parts *parts, bool claims, bool json, struct la_error *error)
{
    struct la_scenarios scenarios = {0};
    char path[LA_PATH_MAX];
    la_path(path, "%s/claims.yaml", parts->fixtures);
    struct la_claims *catalogue = la_claims_read(path, error);
    int result = catalogue ? la_scenarios_read(&scenarios, parts->scenarios, &la_kinds, error) : -1;
    if (!result) {
        json_t *all = claims ? claims_json(catalogue, &scenarios) : scenarios_json(&scenarios);
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
