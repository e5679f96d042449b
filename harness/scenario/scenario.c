#include "scenario/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/rule.h"
#include "redis/roles.h"
#include "types/types.h"

char *la_rule_with_port(const char *rule, la_port_of port_of, const void *context)
{
    static const char mark[] = "peer=@";
    const char *at = strstr(rule, mark);
    if (!at)
        return la_strdup(rule);
    const char *name = at + strlen(mark);
    size_t length = strcspn(name, " \t");
    char *node = la_format("%.*s", (int)length, name);
    int port = port_of(context, node);
    char *text = port ? la_format("%.*speer=%d%s", (int)(at - rule), rule, port, name + length) : NULL;
    free(node);
    return text;
}

bool la_rule_is_clock(const char *text)
{
    struct fi_rule rule;
    struct fi_rule_error ignored;
    return !fi_rule_parse(text, la_all_roles, LA_ROLE_COUNT + 2, &rule, &ignored) && rule.action == FI_DO_CLOCK;
}

void la_scenario_recording(const struct la_scenario *scenario, char path[LA_PATH_MAX])
{
    const char *file = scenario->load->recording;
    const char *slash = strrchr(scenario->path, '/');
    if (*file == '/' || !slash)
        la_path(path, "%s", file);
    else
        la_path(path, "%.*s/%s", (int)(slash - scenario->path), scenario->path, file);
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
