#include "scenario/read.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "scenario/check.h"
#include "scenario/schema.h"
#include "scenario/yaml_lines.h"

static const cyaml_config_t yaml_config = {
    .log_level = CYAML_LOG_ERROR,
    .mem_fn = cyaml_mem,
    .flags = CYAML_CFG_DEFAULT,
};

/* libcyaml leaves what is absent at zero. */
static void set_defaults(struct la_scenario *scenario)
{
    if (!scenario->load)
        scenario->load = la_alloc(1, sizeof *scenario->load);
    struct la_load_spec *load = scenario->load;
    la_fill_in(&scenario->times, 1);
    /* a sync by whoever runs beside it is one of all disks */
    scenario->alone = scenario->alone || (scenario->world && scenario->world->disk);
    la_fill_in(&load->clients, 8);
    la_fill_in(&load->pipeline, 4);
    la_fill_in(&load->value_size, 100);
    la_fill_in(&load->keys, 100);
    la_fill_in(&load->min_acked, 1000);
    la_fill_in(&load->capacity, 1000000);
    la_fill_in(&load->big_every, load->big_size ? 10 : 0);
    la_fill_in(&load->busy_ms, load->idle_ms ? 1000 : 0);
    la_fill_in(&load->wait_ms, 1000);
    if (!scenario->node_count) {
        scenario->nodes = la_alloc(1, sizeof *scenario->nodes);
        scenario->nodes[0].name = la_strdup("primary");
        scenario->node_count = 1;
    }
    for (unsigned int i = 0; i < scenario->node_count; i++) {
        la_fill_in(&scenario->nodes[i].restart_delay_ms, 100); /* systemd's RestartSec */
        la_fill_in(&scenario->nodes[i].restart_limit, 5);      /* systemd's StartLimitBurst */
    }
}

/* Which of the kinds it is. -1: none, or several. */
static int only_member(void *const *members, size_t count)
{
    int found = -1;
    int set = 0;
    for (size_t i = 0; i < count; i++)
        if (members[i]) {
            found = (int)i;
            set++;
        }
    return set == 1 ? found : -1;
}

static void name_step(struct la_step *step, const struct la_kinds *kinds)
{
    int member = only_member(step->read, LA_VOCABULARY_MAX);
    if (member < 0)
        return; /* la_scenario_check refuses it */
    step->kind = kinds->steps[member];
    step->spec = step->read[member];
    if (step->kind->set_defaults)
        step->kind->set_defaults(step->spec);
}

static void name_expects(struct la_expect *expects, unsigned int count, const struct la_kinds *kinds)
{
    for (unsigned int i = 0; i < count; i++) {
        int member = only_member(expects[i].read, LA_VOCABULARY_MAX);
        expects[i].kind = member < 0 ? NULL : kinds->expects[member];
        expects[i].spec = member < 0 ? NULL : expects[i].read[member];
    }
}

static void name_kinds(struct la_scenario *scenario)
{
    for (unsigned int i = 0; i < scenario->step_count; i++)
        name_step(&scenario->steps[i], scenario->kinds);
    name_expects(scenario->expect, scenario->expect_count, scenario->kinds);
    for (unsigned int i = 0; i < scenario->claim_count; i++)
        name_expects(scenario->claims[i].expect, scenario->claims[i].expect_count, scenario->kinds);
}

struct la_scenario *la_scenario_read(const char *path, const struct la_kinds *kinds, struct la_error *error)
{
    struct la_scenario *scenario = NULL;
    struct la_schema schema;
    la_schema_build(&schema, kinds);
    if (la_yaml_check_keys(path, &schema.scenario, error))
        return NULL;
    cyaml_config_t config = yaml_config;
    config.log_fn = NULL;
    cyaml_err_t failed = cyaml_load_file(path, &config, &schema.scenario, (cyaml_data_t **)&scenario, NULL);
    if (failed != CYAML_OK) {
        la_fail(error, "%s: %s", path, cyaml_strerror(failed));
        return NULL;
    }
    scenario->path = la_strdup(path);
    scenario->kinds = kinds;
    set_defaults(scenario);
    name_kinds(scenario);
    if (!la_scenario_check(scenario, error))
        return scenario;
    la_scenario_free(scenario);
    return NULL;
}

static void add(struct la_scenarios *list, struct la_scenario *scenario)
{
    list->items = la_realloc(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = scenario;
}

static int read_one(struct la_scenarios *list, const char *path, const struct la_kinds *kinds, struct la_error *error)
{
    struct la_scenario *scenario = la_scenario_read(path, kinds, error);
    if (!scenario)
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i]->name, scenario->name) != 0)
            continue;
        la_fail(error, "%s:%d: the name '%s' is taken by %s", path, la_yaml_line(path, "name", -1), scenario->name,
                list->items[i]->path);
        la_scenario_free(scenario);
        return -1;
    }
    add(list, scenario);
    return 0;
}

static int is_scenario(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    bool yaml = dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml"));
    return entry->d_name[0] != '.' && (entry->d_type == DT_DIR || yaml);
}

int la_scenarios_read(struct la_scenarios *list, const char *path, const struct la_kinds *kinds, struct la_error *error)
{
    struct stat st;
    if (stat(path, &st))
        return la_fail(error, "%s: %m", path);
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return la_fail(error, "%s: neither a file nor a folder", path);
    if (!S_ISDIR(st.st_mode))
        return read_one(list, path, kinds, error);
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_scenario, alphasort);
    if (count < 0)
        return la_fail(error, "%s: %m", path);
    int result = 0;
    for (int i = 0; i < count; i++) {
        char inner[LA_PATH_MAX];
        la_path(inner, "%s/%s", path, entries[i]->d_name);
        if (!result)
            result = la_scenarios_read(list, inner, kinds, error);
        free(entries[i]);
    }
    free(entries);
    return result;
}

void la_scenario_free(struct la_scenario *scenario)
{
    if (!scenario)
        return;
    struct la_schema schema;
    la_schema_build(&schema, scenario->kinds);
    free(scenario->path);
    scenario->path = NULL;
    cyaml_free(&yaml_config, &schema.scenario, scenario, 0);
}

void la_scenarios_free(struct la_scenarios *list)
{
    for (size_t i = 0; i < list->count; i++)
        la_scenario_free(list->items[i]);
    free(list->items);
    *list = (struct la_scenarios){0};
}
