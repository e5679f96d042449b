/* What a scenario must be, beyond what its schema says: names, numbers, and that it tests what it expects. */
#include <hiredis/sds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ledger/value.h"
#include "redis/roles.h"
#include "rule.h"
#include "scenario/check.h"
#include "scenario/yaml_lines.h"
#include "types/types.h"

enum { NAME_MAX_LENGTH = 80 }; /* it becomes a folder's name */

/* What the checks below share. */
struct check {
    const struct la_scenario *scenario;
    const char *section;
    int index;
    struct la_error *error;
};

__attribute__((format(printf, 2, 3))) static int wrong(const struct check *check, const char *format, ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *path = check->scenario->path;
    return la_fail(check->error, "%s:%d: %s", path, la_yaml_line(path, check->section, check->index), text);
}

static int check_node(const struct check *check, const char *name)
{
    if (!name)
        return 0;
    for (unsigned int i = 0; i < check->scenario->node_count; i++)
        if (!strcmp(check->scenario->nodes[i].name, name))
            return 0;
    return wrong(check, "there is no node '%s'", name);
}

static bool same_node(const struct la_scenario *scenario, const char *a, const char *b)
{
    const char *first = scenario->nodes[0].name;
    return !strcmp(a ? a : first, b ? b : first);
}

/* Ports are given out later: any will do to read the rule. */
static int any_port(const void *context, const char *node)
{
    const struct check *check = context;
    return check_node(check, node) ? 0 : 1;
}

/* What a rule's action needs of the scenario. */
static int check_needs(const struct check *check, const struct fi_rule *rule)
{
    const struct la_power_spec *power = check->scenario->power_cut;
    if (rule->action == FI_DO_POWER_CUT && !power)
        return wrong(check, "do=power-cut needs 'power_cut: {}' in the scenario: how it is to be cut");
    if (rule->action == FI_DO_REVERT && (!power || power->method != LA_POWER_SIMULATED))
        return wrong(check, "do=revert needs the journal: 'power_cut: {method: simulated}' in the scenario");
    return 0;
}

static int check_rule(const struct check *check, const char *text)
{
    struct fi_rule rule;
    struct fi_rule_error error;
    char *whole = la_rule_with_port(text, any_port, check);
    if (!whole)
        return -1;
    int bad = fi_rule_parse(whole, la_all_roles, LA_ROLE_COUNT + 2, &rule, &error);
    free(whole);
    if (!bad)
        return check_needs(check, &rule);
    return wrong(check, "rule, column %d: %s, in '%s'", error.column, error.message, text);
}

/* Every member of a step and of an expectation is a pointer, and one of them is set. */
static int set_members(const void *members, size_t size)
{
    int set = 0;
    void *const *pointers = members;
    for (size_t i = 0; i < size / sizeof *pointers; i++)
        set += pointers[i] != NULL;
    return set;
}

static bool replicates(const struct la_scenario *scenario, const char *node)
{
    for (unsigned int i = 0; node && i < scenario->node_count; i++)
        if (!strcmp(scenario->nodes[i].name, node))
            return scenario->nodes[i].replicates != NULL;
    return false;
}

static int check_command(const struct check *check, const char *line)
{
    int count = 0;
    sds *words = sdssplitargs(line, &count);
    bool good = words && count > 0 && *words[0];
    sdsfreesplitres(words, count);
    return good ? 0 : wrong(check, "no command, or unbalanced quotes: '%.200s'", line);
}

static int check_step(const struct check *check, const struct la_step *step)
{
    if (set_members(step, sizeof *step) != 1)
        return wrong(check, "a step has exactly one key");
    /* each of these begins with the node's name */
    const struct la_step_node *named[] = {
        step->stop_load,
        (const void *)step->arm,
        step->disarm,
        (const void *)step->wait,
        (const void *)step->kill,
        (const void *)step->command,
        (const void *)step->truncate,
        (const void *)step->kill_child,
        step->mark,
        step->power_cut,
        (const void *)step->recover,
        step->verify,
        step->compare,
    };
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (named[i] && check_node(check, named[i]->node))
            return -1;
    if (step->power_cut && !check->scenario->power_cut)
        return wrong(check, "a step 'power_cut' needs 'power_cut: {}' in the scenario: how it is to be cut");
    if (step->compare && !replicates(check->scenario, step->compare->node))
        return wrong(check, "'compare' names a node that replicates another");
    if (step->arm)
        return check_rule(check, step->arm->rule);
    if (step->truncate && !*step->truncate->file)
        return wrong(check, "the file's name is empty");
    if (step->command && check_command(check, step->command->send))
        return -1;
    if (step->kill_child && check_command(check, step->kill_child->command))
        return -1;
    if (step->truncate && (step->truncate->file[0] == '/' || strstr(step->truncate->file, "..")))
        return wrong(check, "'%s': a file is named relative to the data directory, without ..", step->truncate->file);
    if (!step->kill_child)
        return 0;
    char rule[FI_TEXT_MAX];
    snprintf(rule, sizeof rule, "op=any role=%.100s nth=1 do=kill", step->kill_child->role);
    return check_rule(check, rule);
}

static bool verifies(const struct la_scenario *scenario)
{
    for (unsigned int i = 0; i < scenario->step_count; i++)
        if (scenario->steps[i].verify)
            return true;
    return false;
}

static const struct la_node_spec *node_spec(const struct la_scenario *scenario, const char *name)
{
    for (unsigned int i = 0; name && i < scenario->node_count; i++)
        if (!strcmp(scenario->nodes[i].name, name))
            return &scenario->nodes[i];
    return &scenario->nodes[0];
}

/* Somebody starts the node once more: a step, or its policy. */
static bool starts_again(const struct la_scenario *scenario, const char *name)
{
    bool again = node_spec(scenario, name)->restart != LA_RESTART_NO;
    for (unsigned int i = 0; i < scenario->step_count; i++)
        again = again || (scenario->steps[i].recover && same_node(scenario, scenario->steps[i].recover->node, name));
    return again;
}

/* What a scenario never puts to the test would be held against the server. */
static int check_tested(const struct check *check, const struct la_expect *expect)
{
    const struct la_scenario *scenario = check->scenario;
    const char *what = expect->lost ? "lost" : expect->window ? "window" : expect->keys ? "keys" : NULL;
    if (what && !verifies(scenario))
        return wrong(check, "'%s' needs a step 'verify': nothing is read back without it", what);
    if (expect->start && !starts_again(scenario, expect->start->node))
        return wrong(check, "'start' needs a step 'recover', or a restart policy: nobody starts the node again");
    if (expect->restarts && expect->restarts->min && *expect->restarts->min &&
        node_spec(scenario, expect->restarts->node)->restart == LA_RESTART_NO)
        return wrong(check, "'restarts' needs a node with a restart policy");
    if (expect->full_syncs && !replicates(scenario, expect->full_syncs->node))
        return wrong(check, "'full_syncs' names a node that replicates another");
    return 0;
}

/* Bounds that nothing can meet would accuse every server. */
static int check_bounds(const struct check *check, const char *what, const unsigned int *min, const unsigned int *max)
{
    return min && max && *min > *max ? wrong(check, "'%s': min %u is above max %u", what, *min, *max) : 0;
}

static int check_all_bounds(const struct check *check, const struct la_expect *expect)
{
    if (expect->lost && check_bounds(check, "lost", expect->lost->min, expect->lost->max))
        return -1;
    if (expect->replies && check_bounds(check, "replies", expect->replies->min, expect->replies->max))
        return -1;
    if (expect->keys && check_bounds(check, "keys", expect->keys->min, expect->keys->max))
        return -1;
    if (expect->restarts && check_bounds(check, "restarts", expect->restarts->min, expect->restarts->max))
        return -1;
    return expect->full_syncs ? check_bounds(check, "full_syncs", expect->full_syncs->min, expect->full_syncs->max) : 0;
}

static bool unbounded(const struct la_expect_count *count)
{
    return count && !count->max && !count->min;
}

static int check_expect(const struct check *check, const struct la_expect *expect)
{
    static const char *const ends[] = {"killed", "failed", "crashed", "stopped", "alive"};
    if (set_members(expect, sizeof *expect) != 1)
        return wrong(check, "an expectation has exactly one key");
    /* each of these begins with the node's name */
    const struct la_step_node *named[] = {
        (const void *)expect->start,      (const void *)expect->keys, (const void *)expect->restarts,
        (const void *)expect->full_syncs, (const void *)expect->log,  (const void *)expect->exit,
    };
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (named[i] && check_node(check, named[i]->node))
            return -1;
    if (expect->lost && !expect->lost->max && !expect->lost->min && !expect->lost->all && !expect->lost->before_mark &&
        !expect->lost->promised)
        return wrong(check, "'lost' needs max, min, before_mark, promised or all");
    if (expect->replies && !expect->replies->max && !expect->replies->min)
        return wrong(check, "'replies' needs max or min");
    if (unbounded(expect->keys) || unbounded(expect->restarts) || unbounded(expect->full_syncs))
        return wrong(check, "'%s' needs max or min",
                     expect->keys       ? "keys"
                     : expect->restarts ? "restarts"
                                        : "full_syncs");
    if (expect->keys && expect->keys->node && strcmp(expect->keys->node, la_scenario_verifies(check->scenario)) != 0)
        return wrong(check, "'keys' are counted on the node that 'verify' reads, %s",
                     la_scenario_verifies(check->scenario));
    if ((expect->log && !*expect->log->contains) || (expect->start && expect->start->log && !*expect->start->log))
        return wrong(check, "the text that the log is to contain is empty");
    if (check_all_bounds(check, expect) || check_tested(check, expect))
        return -1;
    if (!expect->exit)
        return 0;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!strcmp(expect->exit->how, ends[i]))
            return 0;
    return wrong(check, "'how' is killed, failed, crashed, stopped or alive");
}

static int check_mix(const struct check *check, const struct la_load_spec *load)
{
    unsigned int keys = 0;
    bool seen[LA_TYPES_MAX] = {false};
    for (unsigned int i = 0; i < load->mix_count; i++) {
        const struct la_mix_spec *part = &load->mix[i];
        int type = la_type_find(part->type);
        if (type < 0)
            return wrong(check, "mix: there is no type '%s'", part->type);
        if (seen[type])
            return wrong(check, "mix: '%s' is there twice", part->type);
        seen[type] = true;
        if (!la_types[type]->read)
            return wrong(check, "mix: '%s' is not a type of its own; see 'replay'", part->type);
        keys += la_mix_part_keys(load, part);
        if (keys > 60000)
            return wrong(check, "mix: at most 60000 keys together");
        if (part->share < 1 || part->share > 1000)
            return wrong(check, "mix: the share of '%s' is 1 to 1000", part->type);
    }
    return 0;
}

static int check_load(const struct check *check)
{
    const struct la_load_spec *load = check->scenario->load;
    if (load->value_size < LA_VALUE_MIN || load->value_size > LA_VALUE_MAX)
        return wrong(check, "value_size is %d to %d bytes", LA_VALUE_MIN, LA_VALUE_MAX);
    if (load->clients > 1000 || load->pipeline > 1000)
        return wrong(check, "clients and pipeline are 1 to 1000");
    if (load->big_size && (load->big_size < LA_VALUE_MIN || load->big_size > LA_VALUE_MAX))
        return wrong(check, "big_size is %d to %d bytes", LA_VALUE_MIN, LA_VALUE_MAX);
    if (load->keys > 60000)
        return wrong(check, "keys is 1 to 60000");
    if (load->skew > 500)
        return wrong(check, "skew is 0 to 500 hundredths");
    if (load->ramp_ms && !load->rate)
        return wrong(check, "ramp_ms needs a rate");
    if (load->busy_ms && !load->idle_ms)
        return wrong(check, "busy_ms needs idle_ms");
    if (load->big_every && !load->big_size)
        return wrong(check, "big_every needs big_size");
    if (load->replay && (load->mix_count || load->churn))
        return wrong(check,
                     "'replay' goes with neither mix nor churn: the recording says what is sent, by one connection");
    if (!load->user != !load->password)
        return wrong(check, "user and password go together");
    if (load->min_acked > load->capacity)
        return wrong(check, "min_acked %u is more than the capacity of %u operations", load->min_acked, load->capacity);
    if (check_mix(check, load))
        return -1;
    return load->capacity > 100000000 ? wrong(check, "capacity is at most 100000000 operations") : 0;
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

static int check_nodes(struct check *check)
{
    const struct la_scenario *scenario = check->scenario;
    for (unsigned int i = 0; i < scenario->node_count; i++) {
        const struct la_node_spec *node = &scenario->nodes[i];
        check->index = (int)i;
        if (!*node->name || node->name[strspn(node->name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
            return wrong(check, "a node's name is made of a-z, 0-9 and -");
        if (strlen(node->name) > NAME_MAX_LENGTH)
            return wrong(check, "the node's name has %zu characters, at most %d are possible", strlen(node->name),
                         NAME_MAX_LENGTH);
        if (is_taken(node->name))
            return wrong(check, "the name '%s' is that of a file of the report", node->name);
        bool primary_before = !node->replicates;
        for (unsigned int before = 0; before < i; before++) {
            if (!strcmp(scenario->nodes[before].name, node->name))
                return wrong(check, "there are two nodes '%s'", node->name);
            primary_before =
                primary_before || (node->replicates && !strcmp(scenario->nodes[before].name, node->replicates));
        }
        if (!primary_before)
            return wrong(check, "node '%s' replicates '%s', which is no node named before it", node->name,
                         node->replicates);
    }
    return 0;
}

static int check_expects(struct check *check, const struct la_expect *expects, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        if (!strcmp(check->section, "expect"))
            check->index = (int)i;
        if (check_expect(check, &expects[i]))
            return -1;
    }
    return 0;
}

/* redis.conf lines of a scenario: what they say can be read, and does not lead out of the sandbox. */
static int check_lines(const struct check *check, const char *text)
{
    static const char *const harness[] = {"include", "dir",        "port",      "bind",      "logfile",
                                          "pidfile", "unixsocket", "daemonize", "supervised"};
    char *copy = la_strdup(text ? text : "");
    char *rest = copy;
    int result = 0;
    for (char *line; !result && (line = strsep(&rest, "\n"));) {
        int count = 0;
        line += strspn(line, " \t");
        sds *words = *line == '#' ? NULL : sdssplitargs(line, &count);
        if (!words && *line && *line != '#')
            result = wrong(check, "unbalanced quotes: %.200s", line);
        for (size_t i = 0; !result && words && count && i < sizeof harness / sizeof *harness; i++)
            if (!strcasecmp(words[0], harness[i]))
                result = wrong(check, "'%s' is the harness's own: %.200s", harness[i], line);
        sdsfreesplitres(words, count);
    }
    free(copy);
    return result;
}

static int check_all_lines(struct check *check)
{
    const struct la_scenario *scenario = check->scenario;
    check->index = -1;
    check->section = "settings";
    if (check_lines(check, scenario->settings))
        return -1;
    check->section = "tune";
    if (check_lines(check, scenario->tune))
        return -1;
    check->section = "nodes";
    for (unsigned int i = 0; i < scenario->node_count; i++) {
        check->index = (int)i;
        if (check_lines(check, scenario->nodes[i].config))
            return -1;
    }
    return 0;
}

/* Rules armed at the same time on one node must not contradict each other. Said before anything starts. */
static int check_conflicts(struct check *check)
{
    const struct la_scenario *scenario = check->scenario;
    for (unsigned int i = 0; i < scenario->step_count; i++) {
        const struct la_step_arm *first = scenario->steps[i].arm;
        struct fi_rule armed;
        struct fi_rule added;
        struct fi_rule_error ignored;
        if (!first || fi_rule_parse(first->rule, la_all_roles, LA_ROLE_COUNT + 2, &armed, &ignored))
            continue;
        for (unsigned int j = i + 1; j < scenario->step_count && !scenario->steps[j].disarm; j++) {
            const struct la_step_arm *second = scenario->steps[j].arm;
            if (!second || !same_node(scenario, first->node, second->node) ||
                fi_rule_parse(second->rule, la_all_roles, LA_ROLE_COUNT + 2, &added, &ignored))
                continue;
            const char *why = fi_rule_conflict(&armed, &added);
            check->index = (int)j;
            if (why)
                return wrong(check, "rule '%s' contradicts '%s': %s", second->rule, first->rule, why);
        }
    }
    return 0;
}

/* One verification, one mark, and the mark before the crash: else it is not clear what is judged. */
static int check_order(struct check *check)
{
    const struct la_scenario *scenario = check->scenario;
    bool clock = false;
    int verifies = 0;
    int marks = 0;
    int recovers = 0;
    int arms = 0;
    for (unsigned int i = 0; i < scenario->step_count; i++) {
        const struct la_step *step = &scenario->steps[i];
        check->index = (int)i;
        recovers += step->recover != NULL;
        arms += step->arm != NULL;
        if (step->wait && step->wait->for_what == LA_WAIT_FIRED && !arms)
            return wrong(check, "no rule has been armed that could fire");
        clock = clock || (step->arm && la_rule_is_clock(step->arm->rule));
        if (step->verify && ++verifies > 1)
            return wrong(check, "a scenario verifies once");
        if (step->mark && (++marks > 1 || recovers))
            return wrong(check, "a scenario marks once, before the crash");
    }
    check->section = "expect";
    for (unsigned int i = 0; i < scenario->expect_count; i++) {
        check->index = (int)i;
        if (clock && scenario->expect[i].window)
            return wrong(check, "a window cannot be judged where the clock is changed");
        if (scenario->expect[i].lost && scenario->expect[i].lost->before_mark && !marks)
            return wrong(check, "'before_mark' needs a step 'mark'");
    }
    return 0;
}

/* Not every file system can be cut in every way. */
static int check_power(const struct check *check)
{
    const struct la_power_spec *power = check->scenario->power_cut;
    if (!power)
        return 0;
    if (power->method == LA_POWER_REAL && power->filesystem == LA_POWER_POSIX)
        return wrong(check, "posix is a profile of the simulated cut; a real one is on ext4, xfs or btrfs");
    if (power->method != LA_POWER_REAL && power->filesystem == LA_POWER_BTRFS)
        return wrong(check, "there is no profile of btrfs: it can be cut with 'method: real' only");
    return 0;
}

int la_scenario_check(const struct la_scenario *scenario, struct la_error *error)
{
    struct check check = {scenario, "name", -1, error};
    if (!*scenario->name || scenario->name[strspn(scenario->name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
        return wrong(&check, "a scenario's name is made of a-z, 0-9 and -");
    if (strlen(scenario->name) > NAME_MAX_LENGTH)
        return wrong(&check, "the name has %zu characters, at most %d are possible", strlen(scenario->name),
                     NAME_MAX_LENGTH);
    if (is_taken(scenario->name))
        return wrong(&check, "the name '%s' is that of a folder of the report", scenario->name);
    check.section = "title";
    if (!*scenario->title || strchr(scenario->title, '\n'))
        return wrong(&check, "the title is one line");
    if (check_all_lines(&check))
        return -1;
    check.index = -1;
    check.section = "load";
    if (check_load(&check))
        return -1;
    check.section = "power_cut";
    if (check_power(&check))
        return -1;
    check.section = "nodes";
    if (check_nodes(&check))
        return -1;
    check.section = "steps";
    for (unsigned int i = 0; i < scenario->step_count; i++) {
        check.index = (int)i;
        if (check_step(&check, &scenario->steps[i]))
            return -1;
    }
    if (check_conflicts(&check) || check_order(&check))
        return -1;
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
    const struct check check = {scenario, "load", -1, error};
    const char *file = scenario->load->replay;
    if (!file)
        return 0;
    la_scenario_recording(scenario, path);
    return *file && access(path, R_OK) == 0 ? 0 : wrong(&check, "replay: %s: %m", path);
}
