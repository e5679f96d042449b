#include "report/again.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/health.h"
#include "report/repeat.h"
#include "report/result.h"
#include "report/row.h"
#include "report/write_commands.h"

static bool says_untestable(const json_t *result)
{
    size_t i;
    json_t *claim;
    json_array_foreach (json_object_get(result, "claims"), i, claim)
        if (!strcmp(la_json_get(claim, "verdict"), "untestable"))
            return true;
    return false;
}

static json_t *health_again(const json_t *result, const json_t *scenarios)
{
    const json_t *before = json_object_get(result, "health");
    json_t *rules = json_array();
    size_t i;
    json_t *rule;
    json_array_foreach (json_object_get(before, "rules"), i, rule)
        json_array_append_new(rules, la_json_text(la_json_get(rule, "rule")));
    json_t *health = la_health_together(scenarios, rules, json_is_true(json_object_get(before, "own")));
    json_decref(rules);
    return health;
}

json_t *la_again(const json_t *result, json_t *scenarios, const struct la_claims *claims)
{
    json_t *again = json_deep_copy(result);
    json_t *said = la_claims_result(claims, scenarios);
    if (says_untestable(result))
        la_claims_untestable(claims, said);
    json_object_set_new(again, "claims", said);
    json_object_set_new(again, "health", health_again(result, scenarios));
    json_object_set_new(again, "write_commands", la_write_commands_together(scenarios));
    json_object_set_new(again, "scenarios", scenarios);
    return again;
}

/* Each has a name: what cannot be told of is not told as something else. */
static bool are_scenarios(const json_t *list)
{
    size_t i;
    json_t *entry;
    json_array_foreach (list, i, entry)
        if (!*la_json_get(entry, "name"))
            return false;
    return json_is_array(list);
}

json_t *la_again_read(const char *report, struct la_error *error)
{
    char path[LA_PATH_MAX];
    struct stat st;
    json_error_t why;
    bool folder = stat(report, &st) == 0 && S_ISDIR(st.st_mode);
    la_path(path, folder ? "%s/result.json" : "%s", report);
    json_t *result = json_load_file(path, 0, &why);
    if (result && are_scenarios(json_object_get(result, "scenarios")) &&
        la_json_whole(result, "schema") <= LA_RESULT_SCHEMA)
        return result;
    la_fail(error, "%s: %s", path, result ? "not the result of 'lastack run' or 'lastack certify'" : why.text);
    json_decref(result);
    return NULL;
}

/* Adds what is not in a list yet. */
static void unite(json_t *result, const json_t *other, const char *key)
{
    json_t *list = json_object_get(result, key);
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(other, key), i, item)
        if (!la_json_holds(list, item))
            json_array_append(list, item);
}

static void add_shard(json_t *result, const json_t *other)
{
    static const char *const lists[] = {"pending", "limits", "changed_directives", "not_applicable", "subjects"};
    static const char *const once[] = {"answer", "unit"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        unite(result, other, lists[i]);
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        if (json_is_null(json_object_get(result, once[i])))
            json_object_set(result, once[i], json_object_get(other, once[i]));
    if (!json_is_true(json_object_get(other, "finished")))
        json_object_set_new(result, "finished", json_false());
    if (la_json_number(other, "seconds") > la_json_number(result, "seconds"))
        json_object_set(result, "seconds", json_object_get(other, "seconds"));
    if (json_is_null(json_object_get(result, "health")))
        json_object_set(result, "health", json_object_get(other, "health"));
}

static int by_seed(const void *one, const void *other)
{
    const json_t *const *a = one;
    const json_t *const *b = other;
    const json_int_t first = json_integer_value(json_object_get(*a, "seed"));
    const json_int_t second = json_integer_value(json_object_get(*b, "seed"));
    return first < second ? -1 : first > second;
}

/* The entries of one scenario as one: its runs were dealt out. Of equally bad ones that with the first seed counts. */
static json_t *put_together(json_t *entries)
{
    const size_t count = json_array_size(entries);
    json_t **sorted = la_alloc(count, sizeof(json_t *));
    json_t *runs = json_array();
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(entries, i);
    qsort(sorted, count, sizeof *sorted, by_seed);
    for (size_t i = 0; i < count; i++)
        json_array_append(runs, sorted[i]);
    free(sorted);
    return la_repeat_merge(runs);
}

/* Of all shards, each scenario once, as they come. */
static json_t *each_once(const json_t *entries)
{
    json_t *by_name = json_object();
    json_t *scenarios = json_array();
    size_t i;
    json_t *entry;
    const char *name;
    json_array_foreach (entries, i, entry) {
        name = la_row_of(entry).name;
        if (!json_object_get(by_name, name))
            json_object_set_new(by_name, name, json_array());
        json_array_append(json_object_get(by_name, name), entry);
    }
    json_object_foreach (by_name, name, entry)
        json_array_append_new(scenarios, put_together(entry));
    json_decref(by_name);
    return scenarios;
}

/* Of shards, each once. -1 with `error` filled: it has been seen. */
static int see_shard(const json_t *one, json_t *seen, struct la_error *error)
{
    char number[32];
    const json_t *shard = json_object_get(one, "shard");
    snprintf(number, sizeof number, "%d", la_json_whole(shard, "number"));
    if (json_is_object(shard) && json_object_get(seen, number))
        return la_fail(error, "shard %s is there twice", number);
    json_object_set_new(seen, number, json_true());
    return 0;
}

json_t *la_again_merge(const struct la_strings *reports, const struct la_claims *claims, struct la_error *error)
{
    json_t *whole = NULL;
    json_t *entries = json_array();
    json_t *seen = json_object();
    bool bad = false;
    for (size_t i = 0; i < reports->count && !bad; i++) {
        json_t *one = la_again_read(reports->items[i], error);
        bad = !one || see_shard(one, seen, error);
        json_array_extend(entries, json_object_get(one, "scenarios"));
        if (whole && one)
            add_shard(whole, one);
        else if (one)
            whole = json_deep_copy(one);
        json_decref(one);
    }
    json_t *merged = NULL;
    if (!bad && whole) {
        json_object_set_new(whole, "shard", json_null());
        merged = la_again(whole, each_once(entries), claims);
    }
    json_decref(entries);
    json_decref(seen);
    json_decref(whole);
    return merged;
}
