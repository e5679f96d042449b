#include "scenario/scenario.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/rule.h"
#include "redis/parts.h"
#include "redis/roles.h"
#include "types/types.h"

const char *const la_situation_names[LA_SITUATIONS] = {
    [LA_AT_KILL] = "kill",
    [LA_AT_POWER_CUT] = "power cut",
    [LA_AT_FULL_DISK] = "full disk",
    [LA_AT_FAILED_FORK] = "failed fork",
    [LA_AT_FAILED_FSYNC] = "failed fsync",
    [LA_AT_RESTART] = "restart",
    [LA_AT_UPGRADE] = "upgrade",
    [LA_AT_DOWNGRADE] = "downgrade",
};

int la_situation(const char *name)
{
    for (int i = 0; i < LA_SITUATIONS; i++)
        if (!strcmp(name, la_situation_names[i]))
            return i;
    return -1;
}

/* The text with `word` in place of what follows `mark`; takes both over. NULL: `word` is NULL. */
static char *put_in(char *text, const char *mark, const char *key, char *word)
{
    const char *at = strstr(text, mark);
    const char *end = at + strlen(mark);
    char *changed = word ? la_format("%.*s%s%s%s", (int)(at - text), text, key, word, end + strcspn(end, " \t")) : NULL;
    free(text);
    free(word);
    return changed;
}

static char *word_behind(const char *text, const char *mark)
{
    const char *at = strstr(text, mark) + strlen(mark);
    return la_format("%.*s", (int)strcspn(at, " \t"), at);
}

char *la_rule_resolve(const char *rule, const struct la_rule_names *names)
{
    static const char peer[] = "peer=@";
    static const char file[] = "file=";
    char *text = la_strdup(rule);
    if (strstr(text, peer)) {
        char *node = word_behind(text, peer);
        int port = names->port_of(names->context, node);
        free(node);
        text = put_in(text, peer, "peer=", port ? la_format("%d", port) : NULL);
    }
    if (text && strstr(text, file)) {
        char *part = word_behind(text, file);
        char *path = names->path_of(names->context, part);
        free(part);
        text = put_in(text, file, "path=", path);
    }
    return text;
}

static int no_port(const void *context, const char *node)
{
    (void)context;
    (void)node;
    return 0;
}

static char *standard_path(const void *context, const char *part)
{
    (void)context;
    return la_part_glob(&la_layout_standard, part);
}

bool la_rule_parse(const char *text, struct fi_rule *rule)
{
    static const struct la_rule_names standard = {no_port, standard_path, NULL};
    struct fi_rule_error ignored;
    char *plain = la_rule_resolve(text, &standard);
    bool parsed = plain && !fi_rule_parse(plain, la_all_roles, LA_ROLE_COUNT + 2, rule, &ignored);
    free(plain);
    return parsed;
}

bool la_rule_is_clock(const char *text)
{
    struct fi_rule rule;
    return la_rule_parse(text, &rule) && rule.action == FI_DO_CLOCK;
}

void la_scenario_recording(const struct la_scenario *scenario, char path[LA_PATH_MAX])
{
    char folder[LA_PATH_MAX];
    la_path(folder, "%s", scenario->path);
    la_path_from(path, dirname(folder), scenario->load->recording);
}

void la_fill_in(unsigned int *value, unsigned int standard)
{
    if (*value == 0)
        *value = standard;
}

const struct la_step *la_scenario_step(const struct la_scenario *scenario, const struct la_step_kind *kind,
                                       unsigned int end)
{
    for (unsigned int i = 0; i < scenario->step_count && i < end; i++)
        if (scenario->steps[i].kind == kind)
            return &scenario->steps[i];
    return NULL;
}

const char *la_spec_node(const struct la_scenario *scenario, const struct la_spec *spec)
{
    return spec->node ? spec->node : scenario->nodes[0].name;
}

const struct la_node_spec *la_scenario_node(const struct la_scenario *scenario, const char *name)
{
    for (unsigned int i = 0; i < scenario->node_count; i++)
        if (!strcmp(scenario->nodes[i].name, name))
            return &scenario->nodes[i];
    return NULL;
}

unsigned int la_mix_part_keys(const struct la_load_spec *load, const struct la_mix_spec *part)
{
    return part->keys ? part->keys : la_type_find(part->type) == 0 ? load->keys : LA_MIX_KEYS;
}

char *la_scenario_group(const struct la_scenario *scenario)
{
    char *path = realpath(scenario->path, NULL);
    char *group = la_strdup(path ? basename(dirname(path)) : "");
    free(path);
    return group;
}
