#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/health.h"
#include "report/row.h"
#include "run/watch.h"

/* What a rule made of a fault. */
enum sight { UNSEEN, NOT_LOOKED_AT, SEEN };

static const json_t *health_in(const json_t *scenario)
{
    const json_t *health = json_object_get(scenario, "health");
    return json_is_object(health) ? health : NULL;
}

/* Fields that move where there is no fault: what they do under one says nothing. */
static json_t *ordinary_fields(const json_t *scenarios)
{
    json_t *names = json_object();
    size_t i;
    size_t n;
    json_t *scenario;
    json_t *name;
    json_array_foreach (scenarios, i, scenario)
        json_array_foreach (json_object_get(health_in(scenario), "moving"), n, name)
            json_object_set_new(names, json_string_value(name), json_true());
    return names;
}

/* The entry of a list whose `key` is that text, added if need be. */
static json_t *entry_in(json_t *list, const char *key, const char *text)
{
    size_t i;
    json_t *entry;
    json_array_foreach (list, i, entry)
        if (!strcmp(la_json_get(entry, key), text))
            return entry;
    entry = json_pack("{s:s}", key, text);
    json_array_append_new(list, entry);
    return entry;
}

static json_t *list_in(json_t *object, const char *key)
{
    json_t *list = json_object_get(object, key);
    if (!list)
        json_object_set_new(object, key, list = json_array());
    return list;
}

/* The median in place of the samples. */
static void sum_up(json_t *entry)
{
    const json_t *samples = json_object_get(entry, "samples");
    size_t count = json_array_size(samples);
    double *seconds = la_alloc(count, sizeof *seconds);
    for (size_t i = 0; i < count; i++)
        seconds[i] = json_number_value(json_array_get(samples, i));
    qsort(seconds, count, sizeof *seconds, la_ascending);
    json_object_set_new(entry, "seconds", json_real((seconds[(count - 1) / 2] + seconds[count / 2]) / 2));
    json_object_set_new(entry, "runs", json_integer((json_int_t)count));
    json_object_del(entry, "samples");
    free(seconds);
}

static void sum_up_all(json_t *list)
{
    size_t i;
    json_t *entry;
    json_array_foreach (list, i, entry)
        sum_up(entry);
}

/* What two runs do not agree on is not told. */
static void agree(json_t *entry, const char *key, json_t *value)
{
    json_t *before = json_object_get(entry, key);
    if (!before)
        json_object_set(entry, key, value ? value : json_null());
    else if (!json_equal(before, value))
        json_object_set_new(entry, key, json_null());
}

static void add_moved(json_t *fault, const json_t *health, const json_t *ordinary)
{
    size_t i;
    json_t *moved;
    json_array_foreach (json_object_get(health, "moved"), i, moved) {
        const char *name = la_json_get(moved, "field");
        if (json_object_get(ordinary, name))
            continue;
        json_t *entry = entry_in(list_in(fault, "moved"), "field", name);
        agree(entry, "from", json_object_get(moved, "from"));
        agree(entry, "to", json_object_get(moved, "to"));
        json_array_append(list_in(entry, "samples"), json_object_get(moved, "seconds"));
    }
}

/* The rules that saw this run's fault. */
static enum sight add_seen(json_t *fault, const json_t *health)
{
    size_t i;
    json_t *alert;
    enum sight sight = UNSEEN;
    json_array_foreach (json_object_get(health, "alerts"), i, alert) {
        json_t *seconds = json_object_get(alert, "seconds");
        if (sight == UNSEEN && json_is_false(json_object_get(alert, "looked")))
            sight = NOT_LOOKED_AT;
        if (!json_is_number(seconds))
            continue;
        json_t *entry = entry_in(list_in(fault, "seen_by"), "rule", la_json_get(alert, "rule"));
        json_array_append(list_in(entry, "samples"), seconds);
        sight = SEEN;
    }
    return sight;
}

static void add_run(json_t *faults, const json_t *scenario, const json_t *health, const json_t *ordinary)
{
    json_t *fault = entry_in(faults, "fault", la_json_get(health, "fault"));
    const char *harm = la_json_get(health, "harm");
    json_array_append(list_in(fault, "scenarios"), json_object_get(scenario, "name"));
    list_in(fault, "moved");
    list_in(fault, "seen_by");
    list_in(fault, "unseen");
    list_in(fault, "not_looked_at");
    add_moved(fault, health, ordinary);
    enum sight sight = add_seen(fault, health);
    if (sight != SEEN && *harm)
        json_array_append_new(list_in(fault, sight == UNSEEN ? "unseen" : "not_looked_at"),
                              json_pack("{s:O, s:s}", "scenario", json_object_get(scenario, "name"), "harm", harm));
}

static json_t *faults_of(const json_t *scenarios, bool own)
{
    json_t *faults = json_array();
    json_t *ordinary = ordinary_fields(scenarios);
    size_t i;
    json_t *scenario;
    json_t *fault;
    json_array_foreach (scenarios, i, scenario) {
        const json_t *health = health_in(scenario);
        if (json_is_string(json_object_get(health, "fault")))
            add_run(faults, scenario, health, ordinary);
    }
    json_array_foreach (faults, i, fault) {
        sum_up_all(json_object_get(fault, "moved"));
        sum_up_all(json_object_get(fault, "seen_by"));
        enum la_verdict verdict = json_array_size(json_object_get(fault, "unseen"))          ? LA_VIOLATED
                                  : json_array_size(json_object_get(fault, "not_looked_at")) ? LA_INCONCLUSIVE
                                                                                             : LA_HOLDS;
        if (own)
            json_object_set_new(fault, "verdict", json_string(la_verdict_name(verdict)));
    }
    json_decref(ordinary);
    return faults;
}

/*
 * Fields that INFO has in some states of a server only, and the check, which may not have ended yet: that they were not
 * seen says nothing.
 */
static bool comes_and_goes(const char *field)
{
    static const char *const beginnings[] = {"master_", "slave", "errorstat_", "db", "loading_", "module", "sentinel_",
                                             "cluster", "async_", LA_WATCH_CHECK,
                                             /* of a log that is on, or was written anew */
                                             "aof_current_size", "aof_base_size", "aof_pending_", "aof_buffer_length",
                                             "aof_rewrite_buffer_length", "aof_delayed_fsync"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (strncmp(field, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

/* How a rule has done over all faults. */
static json_t *rule_of(const char *words, const json_t *scenarios, const json_t *faults, bool own)
{
    json_t *rule = json_pack("{s:o}", "rule", la_json_text(words));
    json_t *unprovoked = list_in(rule, "without_fault");
    bool watched = false;
    bool known = false;
    bool no_number = false;
    size_t i;
    size_t n;
    json_t *entry;
    json_t *alarm;
    json_array_foreach (scenarios, i, entry)
        json_array_foreach (json_object_get(health_in(entry), "alerts"), n, alarm) {
            if (strcmp(la_json_get(alarm, "rule"), words) != 0)
                continue;
            watched = true;
            known = known || json_is_true(json_object_get(alarm, "known"));
            no_number = no_number || json_is_true(json_object_get(alarm, "no_number"));
            if (json_is_true(json_object_get(alarm, "without_fault")))
                json_array_append(unprovoked, json_object_get(entry, "name"));
        }
    json_object_set_new(rule, "known", json_boolean(known));
    json_object_set_new(rule, "no_number", json_boolean(no_number));
    json_array_foreach (faults, i, entry) {
        const json_t *saw = NULL;
        json_array_foreach (json_object_get(entry, "seen_by"), n, alarm)
            saw = strcmp(la_json_get(alarm, "rule"), words) ? saw : alarm;
        json_array_append_new(list_in(rule, saw ? "fired" : "silent"),
                              saw ? json_pack("{s:O, s:O, s:O}", "fault", json_object_get(entry, "fault"), "seconds",
                                              json_object_get(saw, "seconds"), "runs", json_object_get(saw, "runs"))
                                  : json_incref(json_object_get(entry, "fault")));
    }
    list_in(rule, "fired");
    list_in(rule, "silent");
    bool wrong = (watched && !known && !comes_and_goes(words)) || no_number || json_array_size(unprovoked);
    bool fired = json_array_size(json_object_get(rule, "fired"));
    if (own)
        json_object_set_new(rule, "verdict",
                            json_string(la_verdict_name(wrong   ? LA_VIOLATED
                                                        : fired ? LA_HOLDS
                                                                : LA_INCONCLUSIVE)));
    return rule;
}

json_t *la_health_together(const json_t *scenarios, const json_t *rules, bool own)
{
    bool watched = false;
    size_t i;
    json_t *scenario;
    json_array_foreach (scenarios, i, scenario)
        watched = watched || health_in(scenario);
    if (!watched && !own)
        return json_null();
    json_t *faults = faults_of(scenarios, own);
    json_t *all = json_array();
    json_t *words;
    json_array_foreach (rules, i, words)
        json_array_append_new(all, rule_of(json_string_value(words), scenarios, faults, own));
    return json_pack("{s:b, s:o, s:o}", "own", own, "faults", faults, "rules", all);
}
