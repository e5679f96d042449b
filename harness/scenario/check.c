/* What a scenario must be, beyond what its schema says: names, numbers, and that it tests what it expects. */
#include <hiredis/sds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "driver/rule.h"
#include "ledger/value.h"
#include "redis/parts.h"
#include "redis/roles.h"
#include "scenario/check.h"
#include "scenario/kinds.h"
#include "scenario/yaml_lines.h"
#include "types/types.h"

enum { NAME_MAX_LENGTH = 80 }; /* it becomes a folder's name */

int la_check_wrong(const struct la_check *check, const char *format, ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *path = check->scenario->path;
    return la_fail(check->error, "%s:%d: %s", path, la_yaml_line(path, check->section, check->index), text);
}

static int check_node(const struct la_check *check, const char *name)
{
    if (!name || la_scenario_node(check->scenario, name))
        return 0;
    return la_check_wrong(check, "there is no node '%s'", name);
}

/* Ports are given out later: any will do to read the rule. */
static int any_port(const void *context, const char *node)
{
    const struct la_check *check = context;
    return check_node(check, node) ? 0 : 1;
}

/* What a rule's action needs of the scenario. */
static int check_needs(const struct la_check *check, const struct fi_rule *rule)
{
    const struct la_power_spec *power = check->scenario->power_cut;
    if (rule->action == FI_DO_POWER_CUT && !power)
        return la_check_wrong(check, "do=power-cut needs 'power_cut: {}' in the scenario: how it is to be cut");
    if (rule->action == FI_DO_REVERT && (!power || power->method != LA_POWER_SIMULATED))
        return la_check_wrong(check, "do=revert needs the journal: 'power_cut: {method: simulated}' in the scenario");
    return 0;
}

/* Which server it will be is not known yet. */
static char *any_path(const void *context, const char *part)
{
    char *path = la_part_glob(&la_layout_standard, part);
    if (!path)
        la_check_wrong(context, "file=%s: a part is %s", part, la_part_names);
    return path;
}

/* 0: a rule; 1 with `error` filled: none; -1: what it names is not there, which has been said. */
static int parse_rule(const struct la_check *check, const char *text, struct fi_rule *rule, struct fi_rule_error *error)
{
    const struct la_rule_names names = {any_port, any_path, check};
    char *whole = la_rule_resolve(text, &names);
    if (!whole)
        return -1;
    int bad = fi_rule_parse(whole, la_all_roles, LA_ROLE_COUNT + 2, rule, error);
    free(whole);
    return bad ? 1 : 0;
}

int la_check_rule(const struct la_check *check, const char *text)
{
    struct fi_rule rule;
    struct fi_rule_error error;
    int bad = parse_rule(check, text, &rule, &error);
    if (bad < 0)
        return -1;
    if (!bad)
        return check_needs(check, &rule);
    return la_check_wrong(check, "rule, column %d: %s, in '%s'", error.column, error.message, text);
}

int la_check_command(const struct la_check *check, const char *line)
{
    int count = 0;
    sds *words = sdssplitargs(line, &count);
    bool good = words && count > 0 && *words[0];
    sdsfreesplitres(words, count);
    return good ? 0 : la_check_wrong(check, "no command, or unbalanced quotes: '%.200s'", line);
}

int la_check_file(const struct la_check *check, const char *glob)
{
    if (!*glob)
        return la_check_wrong(check, "the file's name is empty");
    if (*glob == '@') {
        char *path = any_path(check, glob + 1);
        free(path);
        return path ? 0 : -1;
    }
    if (glob[0] == '/' || strstr(glob, ".."))
        return la_check_wrong(check, "'%s': a file is named relative to the data directory, without ..", glob);
    return 0;
}

int la_check_bounds(const struct la_check *check, const char *what, const unsigned int *min, const unsigned int *max)
{
    if (!min && !max)
        return la_check_wrong(check, "'%s' needs max or min", what);
    if (min && max && *min > *max)
        return la_check_wrong(check, "'%s': min %u is above max %u", what, *min, *max);
    return 0;
}

/* Two rules that are armed on one node at the same time and contradict each other: said before anything starts. */
static int check_conflicts(const struct la_check *check, unsigned int index)
{
    const struct la_step *steps = check->scenario->steps;
    const char *node = la_spec_node(check->scenario, steps[index].spec);
    const char *text = la_step_rule(&steps[index]);
    struct fi_rule added;
    struct fi_rule_error ignored;
    if (parse_rule(check, text, &added, &ignored))
        return 0;
    for (unsigned int i = index; i-- > 0 && !steps[i].kind->disarms;) {
        const char *before = la_step_rule(&steps[i]);
        struct fi_rule armed;
        if (!before || strcmp(la_spec_node(check->scenario, steps[i].spec), node) != 0 ||
            parse_rule(check, before, &armed, &ignored))
            continue;
        const char *why = fi_rule_conflict(&armed, &added);
        if (why)
            return la_check_wrong(check, "rule '%s' contradicts '%s': %s", text, before, why);
    }
    return 0;
}

static int check_step(const struct la_check *check, unsigned int index)
{
    const struct la_step *step = &check->scenario->steps[index];
    const struct la_step_kind *kind = step->kind;
    if (!kind)
        return la_check_wrong(check, "a step has exactly one key");
    if (kind->in_world != (check->scenario->world != NULL))
        return la_check_wrong(check, "'%s' is for scenarios %s 'world'", kind->form.name,
                              kind->in_world ? "with" : "without");
    if (check_node(check, step->spec->node))
        return -1;
    if (kind->reads && la_scenario_node(check->scenario, la_spec_node(check->scenario, step->spec))->sentinel_of)
        return la_check_wrong(check, "a Sentinel holds no data: '%s' is for other nodes", kind->form.name);
    const char *line = kind->command ? kind->command(step->spec) : NULL;
    if (line && la_check_command(check, line))
        return -1;
    const char *rule = la_step_rule(step);
    if (rule && (la_check_rule(check, rule) || check_conflicts(check, index)))
        return -1;
    return kind->check ? kind->check(check, step->spec, index) : 0;
}

static int check_expect(const struct la_check *check, const struct la_expect *expect)
{
    if (!expect->kind)
        return la_check_wrong(check, "an expectation has exactly one key");
    if (check->scenario->world && !expect->kind->in_world)
        return la_check_wrong(check, "'%s' is for scenarios without 'world'", expect->kind->form.name);
    if (check_node(check, expect->spec->node))
        return -1;
    return expect->kind->check(check, expect->spec);
}

static int check_mix(const struct la_check *check, const struct la_load_spec *load)
{
    unsigned int keys = 0;
    bool seen[LA_TYPES_MAX] = {false};
    for (unsigned int i = 0; i < load->mix_count; i++) {
        const struct la_mix_spec *part = &load->mix[i];
        int type = la_type_find(part->type);
        if (type < 0)
            return la_check_wrong(check, "mix: there is no type '%s'", part->type);
        if (seen[type])
            return la_check_wrong(check, "mix: '%s' is there twice", part->type);
        seen[type] = true;
        if (!la_types[type]->read)
            return la_check_wrong(check, "mix: '%s' is not a type of its own; see 'replay'", part->type);
        keys += la_mix_part_keys(load, part);
        if (keys > 60000)
            return la_check_wrong(check, "mix: at most 60000 keys together");
        if (part->share < 1 || part->share > 1000)
            return la_check_wrong(check, "mix: the share of '%s' is 1 to 1000", part->type);
    }
    return 0;
}

static int check_load(const struct la_check *check)
{
    const struct la_load_spec *load = check->scenario->load;
    if (load->value_size < LA_VALUE_MIN || load->value_size > LA_VALUE_MAX)
        return la_check_wrong(check, "value_size is %d to %d bytes", LA_VALUE_MIN, LA_VALUE_MAX);
    if (load->clients > 1000 || load->pipeline > 1000)
        return la_check_wrong(check, "clients and pipeline are 1 to 1000");
    if (load->big_size && (load->big_size < LA_VALUE_MIN || load->big_size > LA_VALUE_MAX))
        return la_check_wrong(check, "big_size is %d to %d bytes", LA_VALUE_MIN, LA_VALUE_MAX);
    if (load->keys > 60000)
        return la_check_wrong(check, "keys is 1 to 60000");
    if (load->skew > 500)
        return la_check_wrong(check, "skew is 0 to 500 hundredths");
    if (load->ramp_ms && !load->rate)
        return la_check_wrong(check, "ramp_ms needs a rate");
    if (load->busy_ms && !load->idle_ms)
        return la_check_wrong(check, "busy_ms needs idle_ms");
    if (load->big_every && !load->big_size)
        return la_check_wrong(check, "big_every needs big_size");
    if (load->recording && load->commands)
        return la_check_wrong(check, "'replay' and 'commands' are two loads: one of them");
    if ((load->recording || load->commands) && (load->mix_count || load->churn))
        return la_check_wrong(check, "'%s' goes with neither mix nor churn: it says what is sent, by one connection",
                              load->recording ? "replay" : "commands");
    if (load->commands > 1000000)
        return la_check_wrong(check, "commands is 1 to 1000000");
    if (!load->user != !load->password)
        return la_check_wrong(check, "user and password go together");
    if (load->min_acked > load->capacity)
        return la_check_wrong(check, "min_acked %u is more than the capacity of %u operations", load->min_acked,
                              load->capacity);
    if (check_mix(check, load))
        return -1;
    return load->capacity > 100000000 ? la_check_wrong(check, "capacity is at most 100000000 operations") : 0;
}

/* Names that something else has in the folder in which the scenario's, or the node's, is made. */
static bool is_taken(const char *name)
{
    static const char *const taken[] = {"given-data", "probe", "config", "ledger", "reads", "sums", "reference"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (!strcmp(name, taken[i]))
            return true;
    return false;
}

/* The node of that name among the first so many; NULL: none has it. */
static const struct la_node_spec *node_before(const struct la_scenario *scenario, unsigned int end, const char *name)
{
    for (unsigned int i = 0; i < end; i++)
        if (!strcmp(scenario->nodes[i].name, name))
            return &scenario->nodes[i];
    return NULL;
}

/* What a node is to another that stands before it. */
static int check_relations(const struct la_check *check, unsigned int index)
{
    const struct la_node_spec *node = &check->scenario->nodes[index];
    const char *name = node->replicates ? node->replicates : node->sentinel_of;
    const struct la_node_spec *other = name ? node_before(check->scenario, index, name) : NULL;
    if (node_before(check->scenario, index, node->name))
        return la_check_wrong(check, "there are two nodes '%s'", node->name);
    if (node->replicates && node->sentinel_of)
        return la_check_wrong(check, "node '%s': a Sentinel replicates nobody", node->name);
    const struct la_load_spec *load = check->scenario->load;
    if (node->config_file && (name || node->cluster || node->acl_file || (load && load->unix_socket)))
        return la_check_wrong(check,
                              "node '%s': config_file: its file must not name other places: no Sentinel, replica, "
                              "cluster, acl_file or unix_socket",
                              node->name);
    if (node->sentinel_of && node->cluster)
        return la_check_wrong(check, "node '%s': a cluster has no Sentinels", node->name);
    if (name && !other)
        return la_check_wrong(check, "node '%s' %s '%s', which is no node named before it", node->name,
                              node->replicates ? "replicates" : "is a Sentinel of", name);
    if (other && other->sentinel_of)
        return la_check_wrong(check, "node '%s': '%s' is a Sentinel, which holds no data", node->name, name);
    if (node->replicates && node->cluster != other->cluster)
        return la_check_wrong(check, "node '%s' replicates '%s': both are of a cluster, or neither", node->name, name);
    return 0;
}

static int check_nodes(struct la_check *check)
{
    const struct la_scenario *scenario = check->scenario;
    for (unsigned int i = 0; i < scenario->node_count; i++) {
        const struct la_node_spec *node = &scenario->nodes[i];
        check->index = (int)i;
        if (!*node->name || node->name[strspn(node->name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
            return la_check_wrong(check, "a node's name is made of a-z, 0-9 and -");
        if (strlen(node->name) > NAME_MAX_LENGTH)
            return la_check_wrong(check, "the node's name has %zu characters, at most %d are possible",
                                  strlen(node->name), NAME_MAX_LENGTH);
        if (is_taken(node->name))
            return la_check_wrong(check, "the name '%s' is that of a file of the report", node->name);
        if (check_relations(check, i))
            return -1;
    }
    return 0;
}

static int check_expects(struct la_check *check, const struct la_expect *expects, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        if (!strcmp(check->section, "expect"))
            check->index = (int)i;
        if (check_expect(check, &expects[i]))
            return -1;
    }
    return 0;
}

bool la_settings_refused(const char *text, char *why, size_t size)
{
    static const char *const harness[] = {"include", "dir",        "port",      "bind",      "logfile",
                                          "pidfile", "unixsocket", "daemonize", "supervised"};
    char *copy = la_strdup(text ? text : "");
    char *rest = copy;
    bool refused = false;
    for (char *line; !refused && (line = strsep(&rest, "\n"));) {
        int count = 0;
        line += strspn(line, " \t");
        sds *words = *line == '#' ? NULL : sdssplitargs(line, &count);
        refused = !words && *line && *line != '#';
        if (refused)
            snprintf(why, size, "unbalanced quotes: %.200s", line);
        for (size_t i = 0; !refused && words && count && i < sizeof harness / sizeof *harness; i++) {
            refused = !strcasecmp(words[0], harness[i]);
            if (refused)
                snprintf(why, size, "'%s' is the harness's own: %.200s", harness[i], line);
        }
        sdsfreesplitres(words, count);
    }
    free(copy);
    return refused;
}

int la_check_settings(const struct la_check *check, const char *text)
{
    char why[256];
    return la_settings_refused(text, why, sizeof why) ? la_check_wrong(check, "%s", why) : 0;
}

static int check_all_lines(struct la_check *check)
{
    const struct la_scenario *scenario = check->scenario;
    check->index = -1;
    check->section = "settings";
    if (la_check_settings(check, scenario->settings))
        return -1;
    check->section = "tune";
    if (la_check_settings(check, scenario->tune))
        return -1;
    check->section = "nodes";
    for (unsigned int i = 0; i < scenario->node_count; i++) {
        check->index = (int)i;
        if (la_check_settings(check, scenario->nodes[i].config))
            return -1;
    }
    return 0;
}

/* Not every file system can be cut in every way. */
static int check_power(const struct la_check *check)
{
    const struct la_power_spec *power = check->scenario->power_cut;
    if (!power)
        return 0;
    if (check->scenario->world)
        return la_check_wrong(check, "'power_cut' does not go with 'world'");
    const struct la_filesystem *filesystem = &la_filesystems[power->filesystem];
    if (power->method == LA_POWER_REAL && !filesystem->mkfs[0])
        return la_check_wrong(check, "%s is a profile of the simulated cut: no disk has it", filesystem->name);
    if (power->method != LA_POWER_REAL && !filesystem->modelled)
        return la_check_wrong(check, "there is no profile of %s: it can be cut with 'method: real' only",
                              filesystem->name);
    return 0;
}

static int check_world(struct la_check *check)
{
    const struct la_scenario *scenario = check->scenario;
    const struct la_world_spec *world = scenario->world;
    check->section = "world";
    if (world && world->incident && scenario->kinds->knows_incident &&
        !scenario->kinds->knows_incident(world->incident))
        return la_check_wrong(check, "there is no incident '%s'; 'lastack playbook --help' has them", world->incident);
    return 0;
}

/* Something is judged, or something is asked. */
static int check_situation(struct la_check *check)
{
    const struct la_scenario *scenario = check->scenario;
    if (!scenario->situation && !scenario->expect_count && !scenario->claim_count)
        return la_check_wrong(check, "'expect' is missing, and so is 'claims': nothing would be judged");
    if (!scenario->situation)
        return 0;
    check->section = "situation";
    if (la_situation(scenario->situation) < 0)
        return la_check_wrong(
            check, "'situation' is kill, power cut, full disk, failed fork, failed fsync, restart, upgrade or "
                   "downgrade");
    for (unsigned int i = 0; i < scenario->step_count; i++)
        if (scenario->steps[i].kind && scenario->steps[i].kind->reads)
            return 0;
    return la_check_wrong(check, "'situation' needs a step 'verify': what is lost is not known without it");
}

/* NAME#NUMBER or NAME@COMMIT, of a tracker that is public. */
static bool is_tracked(const char *word)
{
    static const char *const trackers[] = {"redis", "valkey"};
    for (size_t i = 0; i < sizeof trackers / sizeof *trackers; i++) {
        size_t length = strlen(trackers[i]);
        if (strncmp(word, trackers[i], length) != 0)
            continue;
        const char *digits = word[length] == '#' ? "0123456789" : word[length] == '@' ? "0123456789abcdef" : "";
        const char *number = word + length + (*digits != 0);
        return *number && !number[strspn(number, digits)];
    }
    return false;
}

static int check_history(struct la_check *check)
{
    const struct la_history_spec *history = check->scenario->history;
    if (!history)
        return 0;
    check->section = "history";
    int count = 0;
    sds *words = sdssplitlen(history->tracker, (ssize_t)strlen(history->tracker), ", ", 2, &count);
    bool tracked = count > 0;
    for (int i = 0; i < count; i++)
        tracked = tracked && is_tracked(words[i]);
    sdsfreesplitres(words, count);
    if (!tracked)
        return la_check_wrong(check, "'tracker' is redis#NUMBER, valkey#NUMBER, redis@COMMIT or valkey@COMMIT, or "
                                     "several of them with commas");
    if (!*history->versions || (history->mended && !*history->mended))
        return la_check_wrong(check,
                              "'versions' says which ones have the fault, 'mended' which ones no longer have it");
    return 0;
}

int la_scenario_check(const struct la_scenario *scenario, struct la_error *error)
{
    struct la_check check = {scenario, "name", -1, error};
    if (!*scenario->name || scenario->name[strspn(scenario->name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
        return la_check_wrong(&check, "a scenario's name is made of a-z, 0-9 and -");
    if (strlen(scenario->name) > NAME_MAX_LENGTH)
        return la_check_wrong(&check, "the name has %zu characters, at most %d are possible", strlen(scenario->name),
                              NAME_MAX_LENGTH);
    if (is_taken(scenario->name))
        return la_check_wrong(&check, "the name '%s' is that of a folder of the report", scenario->name);
    if (check_situation(&check) || check_history(&check))
        return -1;
    check.section = "title";
    if (!*scenario->title || strchr(scenario->title, '\n'))
        return la_check_wrong(&check, "the title is one line");
    if (check_all_lines(&check))
        return -1;
    check.index = -1;
    check.section = "load";
    if (check_load(&check))
        return -1;
    check.section = "power_cut";
    if (check_power(&check) || check_world(&check))
        return -1;
    check.section = "nodes";
    if (check_nodes(&check))
        return -1;
    check.section = "steps";
    for (unsigned int i = 0; i < scenario->step_count; i++) {
        check.index = (int)i;
        if (check_step(&check, i))
            return -1;
    }
    check.section = "expect";
    if (check_expects(&check, scenario->expect, scenario->expect_count))
        return -1;
    check.section = "claims";
    for (unsigned int i = 0; i < scenario->claim_count; i++) {
        check.index = (int)i;
        if (check_expects(&check, scenario->claims[i].expect, scenario->claims[i].expect_count))
            return -1;
    }
    return 0;
}

int la_scenario_check_recording(const struct la_scenario *scenario, struct la_error *error)
{
    char path[LA_PATH_MAX];
    const struct la_check check = {scenario, "load", -1, error};
    const char *file = scenario->load->recording;
    if (!file)
        return 0;
    la_scenario_recording(scenario, path);
    return *file && access(path, R_OK) == 0 ? 0 : la_check_wrong(&check, "replay: %s: %m", path);
}
