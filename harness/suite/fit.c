#include "suite/fit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scenario/kinds.h"

/* Longer than a scenario takes: what happens by itself no sooner than that does not happen in it. */
enum { RARE_SECONDS = 60, RARE_BYTES = 32 << 20 };

static long long number(const struct la_probe *probe, const char *name)
{
    const char *value = la_probe_setting(probe, name);
    return value ? atoll(value) : 0;
}

/* Save points, and none of them so close that a snapshot would come at a moment that is not the scenario's. */
static bool are_rare(const char *points)
{
    long seconds;
    int length;
    if (!*points)
        return false;
    for (const char *at = points; sscanf(at, "%ld %*d%n", &seconds, &length) == 1; at += length)
        if (seconds < RARE_SECONDS)
            return false;
    return true;
}

static bool saves_rarely(const struct la_probe *probe, const char *wanted)
{
    const char *points = la_probe_setting(probe, "save");
    return points && (!strcmp(points, wanted) || (are_rare(points) && are_rare(wanted)));
}

static bool rewrites_rarely(const struct la_probe *probe, const char *wanted)
{
    long long percentage = number(probe, "auto-aof-rewrite-percentage");
    if (strcmp(wanted, "0") != 0)
        return percentage == atoll(wanted);
    return !percentage || number(probe, "auto-aof-rewrite-min-size") >= RARE_BYTES;
}

/* Directives of which more than one value is as good as the one that a scenario names. */
static const struct {
    const char *name;
    bool (*good)(const struct la_probe *probe, const char *wanted);
} lenient[] = {{"save", saves_rarely}, {"auto-aof-rewrite-percentage", rewrites_rarely}};

/* "200mb" is reported as a number of bytes. */
static bool same_size(const char *has, const char *wanted)
{
    static const struct {
        const char *name;
        unsigned long long bytes;
    } units[] = {{"b", 1},        {"k", 1000},       {"kb", 1 << 10}, {"m", 1000000},
                 {"mb", 1 << 20}, {"g", 1000000000}, {"gb", 1 << 30}};
    char *unit;
    unsigned long long value = strtoull(wanted, &unit, 10);
    for (size_t i = 0; unit != wanted && i < sizeof units / sizeof *units; i++)
        if (!strcasecmp(unit, units[i].name))
            return strspn(has, "0123456789") == strlen(has) && strtoull(has, NULL, 10) == value * units[i].bytes;
    return false;
}

static bool is_so(const struct la_probe *probe, const char *name, const char *wanted)
{
    const char *has = la_probe_setting(probe, name);
    for (size_t i = 0; i < sizeof lenient / sizeof *lenient; i++)
        if (!strcmp(name, lenient[i].name))
            return lenient[i].good(probe, wanted);
    return has && (!strcasecmp(has, wanted) || same_size(has, wanted));
}

static bool stands_before(const struct la_config *config, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (!strcmp(config->items[i].name, config->items[index].name))
            return true;
    return false;
}

/* `node`: of one node only; NULL: of all. */
static void note(struct la_fit *fit, const struct la_probe *probe, const char *node, const char *name,
                 const char *value)
{
    const char *has = la_probe_setting(probe, name);
    const char *shown = !has ? "as it was" : *has ? has : "\"\"";
    la_strings_add(&fit->overrides, la_format("%s%s%s %s (not %s)", node ? node : "", node ? ": " : "", name,
                                              *value ? value : "\"\"", shown));
}

/*
 * Directives that are as the scenario wants them stay as the user wrote them; the others are set, and listed. With
 * `literally`, nothing is as good as what is wanted.
 */
static int take_all(struct la_fit *fit, const struct la_probe *probe, const char *text, bool literally,
                    struct la_error *error)
{
    struct la_config wanted = {0};
    int result = text ? la_config_append(&wanted, text, "settings", error) : 0;
    for (size_t i = 0; !result && fit->config.from_user && i < wanted.count;) {
        char *name = la_strdup(wanted.items[i].name);
        char *value = la_config_get(&wanted, name);
        bool stays = !literally && is_so(probe, name, value);
        if (stays)
            la_config_set(&wanted, name, NULL);
        else if (!stands_before(&wanted, i))
            note(fit, probe, NULL, name, value);
        i += !stays;
        free(name);
        free(value);
    }
    la_config_replace(&fit->config, &wanted);
    la_config_free(&wanted);
    return result;
}

/* Lines for one node are set in any case; what they change is listed. */
static void note_node(struct la_fit *fit, const struct la_probe *probe, const struct la_node_spec *node)
{
    struct la_error error;
    struct la_config wanted = {0};
    if (!fit->config.from_user || !node->config || la_config_append(&wanted, node->config, node->name, &error))
        return;
    for (size_t i = 0; i < wanted.count; i++) {
        char *value = la_config_get(&wanted, wanted.items[i].name);
        if (!stands_before(&wanted, i) && !is_so(probe, wanted.items[i].name, value))
            note(fit, probe, node->name, wanted.items[i].name, value);
        free(value);
    }
    la_config_free(&wanted);
}

/* A directive that the server, which tells its settings, does not have. */
static const char *unknown(const struct la_probe *probe, const char *text, char *name, size_t size)
{
    /* CONFIG GET does not name them, and every server has them */
    static const char *const untold[] = {"rename-command", "user", "loadmodule"};
    struct la_error error;
    struct la_config wanted = {0};
    const char *found = NULL;
    if (!text || !probe->settings.count || la_config_append(&wanted, text, "settings", &error))
        return NULL;
    for (size_t i = 0; !found && i < wanted.count; i++)
        if (!LA_IS_AMONG(wanted.items[i].name, untold) && !la_probe_setting(probe, wanted.items[i].name)) {
            snprintf(name, size, "%s", wanted.items[i].name);
            found = name;
        }
    la_config_free(&wanted);
    return found;
}

/* A command that a step sends and the configuration disables; NULL: there is none. */
static const char *disabled(const struct la_scenario *scenario, const struct la_config *config, char *name, size_t size)
{
    const struct la_address address = {.renamed = &config->renamed};
    for (unsigned int i = 0; i < scenario->step_count; i++) {
        const char *line = la_step_line(&scenario->steps[i]);
        snprintf(name, size, "%.*s", (int)strcspn(line, " \t"), line);
        if (*name && !la_address_command(&address, name))
            return name;
    }
    return NULL;
}

/* A directive of the scenario that would have the server read other files than those of the user; NULL: none would. */
static const char *other_files(const struct la_probe *probe, const char *text)
{
    static const char *const deciding[] = {"appendonly", "dbfilename", "appendfilename", "appenddirname"};
    struct la_error error;
    struct la_config wanted = {0};
    const char *found = NULL;
    if (!text || la_config_append(&wanted, text, "settings", &error))
        return NULL;
    for (size_t i = 0; !found && i < sizeof deciding / sizeof *deciding; i++) {
        char *value = la_config_get(&wanted, deciding[i]);
        if (value && !is_so(probe, deciding[i], value))
            found = deciding[i];
        free(value);
    }
    la_config_free(&wanted);
    return found;
}

const char *la_setting_split(const char *setting, char name[64])
{
    size_t length = strcspn(setting, " \t");
    const char *value = setting + length + strspn(setting + length, " \t");
    snprintf(name, 64, "%.*s", (int)length, setting);
    return strcmp(value, "\"\"") != 0 ? value : "";
}

/* What a scenario is about and does not set. */
static bool has_what_it_needs(const struct la_fit *fit, const struct la_scenario *scenario,
                              const struct la_probe *probe, char *why, size_t size)
{
    char name[64];
    if (!scenario->only_with)
        return true;
    const char *wanted = la_setting_split(scenario->only_with, name);
    char *set = la_config_get(&fit->config, name);
    const char *told = la_probe_setting(probe, name);
    const char *value = set ? set : told ? told : "";
    bool has = !strcasecmp(value, wanted);
    if (!has)
        snprintf(why, size, "the configuration has %s %s: it says nothing of it", name, *value ? value : "\"\"");
    free(set);
    return has;
}

bool la_fit(struct la_fit *fit, const struct la_scenario *scenario, const struct la_probe *probe,
            const struct la_config *base, bool given, char *why, size_t size)
{
    struct la_error error;
    char name[64];
    *fit = (struct la_fit){0};
    const char *reads = given && base->from_user ? other_files(probe, scenario->settings) : NULL;
    if (!reads && given)
        reads = other_files(probe, scenario->set);
    if (reads) {
        snprintf(why, size, "it is about another '%s', with which the given data would not be read", reads);
        return false;
    }
    if (unknown(probe, scenario->settings, name, sizeof name) || unknown(probe, scenario->set, name, sizeof name)) {
        snprintf(why, size, "the server has no directive '%s'", name);
        return false;
    }
    la_config_copy(&fit->config, base);
    if (take_all(fit, probe, scenario->settings, false, &error) ||
        take_all(fit, probe, scenario->tune, false, &error) || take_all(fit, probe, scenario->set, true, &error)) {
        snprintf(why, size, "%.*s", (int)size - 1, error.text);
        return false;
    }
    for (unsigned int i = 0; i < scenario->node_count; i++)
        note_node(fit, probe, &scenario->nodes[i]);
    fit->beside = !has_what_it_needs(fit, scenario, probe, why, size);
    if (fit->beside)
        return false;
    la_config_renew_login(&fit->config);
    if (!disabled(scenario, &fit->config, name, sizeof name))
        return true;
    snprintf(why, size, "the configuration disables %s", name);
    return false;
}

void la_fit_free(struct la_fit *fit)
{
    la_config_free(&fit->config);
    la_strings_free(&fit->overrides);
}
