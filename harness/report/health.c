#include "report/health.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/row.h"
#include "run/watch.h"

enum {
    RECORD_MAX_BYTES = 16 << 20,
    WHOLE_LOOKS = 2, /* of a check: the second has begun after the fault */
};
static const double SAME_LOOK_MS = 0.05; /* a look's lines have one time, in tenths of a ms */

/* The first fault of a run. */
struct fault {
    uint64_t ns;      /* 0: none */
    uint64_t next_ns; /* when a step did harm again: what is seen from then on is of that; 0: none did */
    char words[96];
};

/* What a rule does, without its numbers: which error it is says more than that it is one. */
static void say_action(const struct fi_rule *rule, char out[32])
{
    static const char error[] = "error:";
    const char *action = strstr(rule->text, "do=");
    *out = '\0';
    if (!action || sscanf(action, "do=%31s", out) != 1)
        return;
    if (strncmp(out, error, sizeof error - 1) == 0)
        memmove(out, out + sizeof error - 1, strlen(out) + 1 - (sizeof error - 1));
    out[strcspn(out, ":")] = '\0';
}

/* "fsync EIO", "write disk-full", "fork ENOMEM by rewrite-child at replica" */
static void say_rule(const struct la_node *node, bool other, const struct fi_log_entry *entry, char *out, size_t size)
{
    char action[32];
    bool own = entry->role == FI_ROLE_SERVER || entry->role >= node->control->role_count;
    say_action(&node->control->rules[entry->rule], action);
    snprintf(out, size, "%s %s%s%s%s%s", fi_op_name(entry->op), action, own ? "" : " by ",
             own ? "" : node->control->roles[entry->role].name, other ? " at " : "", other ? node->spec->name : "");
}

static const struct fi_log_entry *first_injection(const struct la_node *node)
{
    uint64_t count = node->control ? fi_control_log_count(node->control, NULL) : 0;
    for (uint64_t i = 0; i < count; i++) {
        const struct fi_log_entry *entry = &node->control->log[i];
        if (entry->ready && entry->rule < FI_RULES_MAX && node->control->rules[entry->rule].action != FI_DO_CLOCK)
            return entry;
    }
    return NULL;
}

static struct fault first_fault(const struct la_run *run)
{
    const struct la_harms *harms = &run->harms;
    const struct la_harm *first = harms->count ? &harms->items[0] : NULL;
    struct fault fault = {.ns = first ? first->ns : 0};
    if (first)
        snprintf(fault.words, sizeof fault.words, "%s%s%s", first->words, first->node == run->watched ? "" : " at ",
                 first->node == run->watched ? "" : first->node->spec->name);
    for (unsigned int i = 0; i < run->node_count; i++) {
        const struct fi_log_entry *entry = first_injection(&run->nodes[i]);
        if (!entry || (fault.ns && entry->time_ns >= fault.ns))
            continue;
        fault.ns = entry->time_ns;
        say_rule(&run->nodes[i], &run->nodes[i] != run->watched, entry, fault.words, sizeof fault.words);
    }
    for (unsigned int i = harms->count; i-- > 0;)
        fault.next_ns = harms->items[i].ns > fault.ns ? harms->items[i].ns : fault.next_ns;
    return fault;
}

/* A rule in the course of what was watched. Times are ms; NAN: not so. */
struct alarm {
    const struct la_alert *rule;
    bool known;         /* INFO has its field */
    double since;       /* its condition has been met */
    bool no_number;     /* its rule compares numbers, and its field was none */
    bool unprovoked;    /* it would have fired before any fault */
    unsigned int looks; /* that ended while the fault lasted */
    double seen;        /* from the fault until it fires */
};

/* The condition of an alarm was met until then. */
static void settle(struct alarm *alarm, double first, double fault, double relief, double until)
{
    double fires = alarm->since + alarm->rule->hold_ms;
    if (isnan(alarm->since))
        return;
    bool of_start = alarm->since <= first && strncmp(alarm->rule->field, "uptime_", 7) == 0; /* and of nothing else */
    if (fires < fault && until >= fires && !of_start)
        alarm->unprovoked = true;
    else if (isnan(alarm->seen) && alarm->since > fault &&
             (until >= fires || (alarm->since < relief && until >= relief)))
        alarm->seen = fmax(fires - fault, 0);
}

static void tell_alarm(struct alarm *alarm, double first, double ms, const char *value, double fault, double relief)
{
    alarm->known = true;
    alarm->looks += ms > fault && ms < relief;
    alarm->no_number = alarm->no_number || !la_alert_fits(alarm->rule, value);
    if (la_alert_met(alarm->rule, value)) {
        alarm->since = isnan(alarm->since) ? ms : alarm->since;
        return;
    }
    settle(alarm, first, fault, relief, ms);
    alarm->since = NAN;
}

struct seen {
    json_t *values;  /* by field: what it was at the fault */
    json_t *moving;  /* fields that moved before */
    json_t *moved;   /* those that moved first after the fault, in that order */
    json_t *settled; /* their names */
    bool full;       /* the record breaks off while there was more to see */
    double first;    /* the first look, ms */
    double last;
};

static bool has_moved_before(const struct seen *seen, const char *name)
{
    return json_object_get(seen->moving, name) || json_object_get(seen->settled, name);
}

static void take(struct seen *seen, double ms, const char *name, const char *value, double fault)
{
    if (!strcmp(name, LA_WATCH_AGE)) /* it is time itself that moves it */
        return;
    json_t *text = la_json_text(value);
    json_t *was = json_object_get(seen->values, name);
    if (ms <= fault && ms > seen->first)
        json_object_set_new(seen->moving, name, json_true());
    if (ms > fault && !has_moved_before(seen, name)) {
        json_array_append_new(seen->moved, json_pack("{s:o, s:O*, s:O, s:f}", "field", la_json_text(name), "from", was,
                                                     "to", text, "seconds", (ms - fault) / 1000));
        json_object_set_new(seen->settled, name, json_true());
    }
    if (ms <= fault)
        json_object_set(seen->values, name, text);
    json_decref(text);
}

/* One line of the record; a last one without its end was cut off. */
static bool take_apart(char *line, double *ms, char **name, char **value)
{
    char *blank = strchr(line, ' ');
    char *second = blank ? strchr(blank + 1, ' ') : NULL;
    if (!second)
        return false;
    *blank = *second = '\0';
    *ms = strtod(line, NULL);
    *name = blank + 1;
    *value = second + 1;
    return true;
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : NULL;
}

/*
 * What a fault does ends with the step that brings relief, or where it had brought the server down, once that is back.
 * The first look at what it did may come later than the step: the one after it is counted as well. INFINITY: nobody has
 * brought any.
 */
static double relief_in(const char *record, double fault, double relief, double end)
{
    bool down = false;
    double after = relief;
    if (!isfinite(relief))
        return relief;
    for (const char *line = record; line && *line; line = next_line(line)) {
        static const char up_is[] = " up ";
        char *name;
        const double ms = strtod(line, &name);
        if (ms > end)
            break;
        after = after <= relief && ms > relief ? ms + SAME_LOOK_MS : after;
        const char *value = name + sizeof up_is - 1;
        if (strncmp(name, up_is, sizeof up_is - 1) != 0 || (*value != '0' && *value != '1') || ms <= fault)
            continue;
        const bool up = *value == '1';
        if (down && up)
            return fmax(ms, relief);
        down = down || !up;
    }
    return down ? INFINITY : after;
}

static double ms_of(const struct la_run *run, uint64_t ns)
{
    return ns ? (double)(ns - run->start_ns) / 1e6 : INFINITY;
}

static void go_through(char *record, struct seen *seen, struct alarm *alarms, unsigned int count, double fault,
                       double relief, double end)
{
    char *rest = record;
    for (char *line; (line = strsep(&rest, "\n")) && rest;) {
        double ms;
        char *name;
        char *value;
        if (!take_apart(line, &ms, &name, &value))
            continue;
        if (ms > end)
            break;
        if (!strcmp(name, LA_WATCH_FULL)) {
            seen->full = true;
            continue;
        }
        seen->first = isnan(seen->first) ? ms : seen->first;
        seen->last = ms;
        take(seen, ms, name, value, fault);
        for (unsigned int i = 0; i < count; i++)
            if (!strcmp(alarms[i].rule->field, name))
                tell_alarm(&alarms[i], seen->first, ms, value, fault, relief);
    }
    for (unsigned int i = 0; i < count; i++)
        settle(&alarms[i], seen->first, fault, fmin(relief, seen->last + 1),
               seen->last + 1); /* it may last for as long as it likes */
}

static json_t *alarms_json(const struct alarm *alarms, unsigned int count, bool full)
{
    json_t *array = json_array();
    for (unsigned int i = 0; i < count; i++) {
        char *words = la_alert_words(alarms[i].rule);
        bool looked = !full && (alarms[i].looks >= WHOLE_LOOKS || strcmp(alarms[i].rule->field, LA_WATCH_CHECK) != 0);
        json_array_append_new(array, json_pack("{s:o, s:b, s:b, s:b, s:b, s:o}", "rule", la_json_text(words), "known",
                                               alarms[i].known, "no_number", alarms[i].no_number, "looked", looked,
                                               "without_fault", alarms[i].unprovoked, "seconds",
                                               la_json_real(alarms[i].seen / 1000)));
        free(words);
    }
    return array;
}

/* A write was refused after the fault, before the next one. */
static bool refused_for(const struct la_run *run, const struct fault *fault)
{
    const struct la_ledger *ledger = &run->ledger;
    const uint64_t end = fault->next_ns ? fault->next_ns : UINT64_MAX;
    const uint64_t count = ledger->head && ledger->head->last_refused_ns > fault->ns ? la_ledger_count(ledger) : 0;
    bool refused = false;
    for (uint64_t i = 0; i < count && !refused; i++) {
        const struct la_op *op = &ledger->ops[i];
        refused = op->outcome >= LA_OUTCOME_ERROR && op->done_ns > fault->ns && op->done_ns < end;
        la_ledger_passed(ledger, i);
    }
    return refused;
}

/* What whoever uses the server had of the fault, and not of what came after it; "": nothing. */
static const char *harm_of(const struct la_run *run, const struct fault *fault, const struct seen *seen)
{
    if (!fault->ns)
        return "";
    if (json_object_get(seen->settled, "up"))
        return "down";
    if (refused_for(run, fault))
        return "writes refused";
    if (!fault->next_ns && run->verified && run->verify.lost)
        return "acknowledged writes lost";
    return seen->full ? "not known" : "";
}

static json_t *names_of(const json_t *object)
{
    json_t *array = json_array();
    for (void *at = json_object_iter((json_t *)object); at; at = json_object_iter_next((json_t *)object, at))
        json_array_append_new(array, json_string(json_object_iter_key(at)));
    return array;
}

static json_t *judge_record(const struct la_run *run, char *record)
{
    const struct la_alerts *rules = run->options->alerts;
    unsigned int count = rules ? rules->count : 0;
    struct alarm *alarms = la_alloc(count, sizeof *alarms);
    for (unsigned int i = 0; i < count; i++)
        alarms[i] = (struct alarm){.rule = &rules->items[i], .since = NAN, .seen = NAN};
    const struct fault fault = first_fault(run);
    double fault_ms = ms_of(run, fault.ns);
    struct seen seen = {json_object(), json_object(), json_array(), json_object(), false, NAN, 0};
    const double end = ms_of(run, fault.next_ns);
    const double relief = relief_in(record, fault_ms, ms_of(run, run->harms.relief_ns), end);
    go_through(record, &seen, alarms, count, fault_ms, relief, end);
    json_t *health = json_pack(
        "{s:o, s:o, s:f, s:s, s:o, s:o, s:o}", "fault", fault.ns ? la_json_text(fault.words) : json_null(), "fault_ms",
        fault.ns ? json_real(fault_ms) : json_null(), "watched_ms", seen.last, "harm", harm_of(run, &fault, &seen),
        "moved", seen.moved, "moving", names_of(seen.moving), "alerts", alarms_json(alarms, count, seen.full));
    json_decref(seen.values);
    json_decref(seen.moving);
    json_decref(seen.settled);
    free(alarms);
    return health;
}

json_t *la_health_of(const struct la_run *run)
{
    struct la_error ignored;
    char path[LA_PATH_MAX];
    if (!run->watched || run->clock_changed)
        return json_null();
    la_path(path, "%s/" LA_WATCH_FILE, run->dir);
    char *record = la_read_file(path, RECORD_MAX_BYTES, NULL, &ignored);
    json_t *health = record && *record ? judge_record(run, record) : json_null();
    free(record);
    return health;
}
