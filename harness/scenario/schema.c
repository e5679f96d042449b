#include "scenario/schema.h"

#include <assert.h>
#include <string.h>

#include "ledger/ledger.h"

static const cyaml_strval_t restarts[] = {
    {"no", LA_RESTART_NO}, {"on-failure", LA_RESTART_ON_FAILURE}, {"always", LA_RESTART_ALWAYS}};

static const cyaml_schema_field_t history_fields[] = {
    LA_TEXT("tracker", LA_REQUIRED, struct la_history_spec, tracker),
    LA_TEXT("versions", LA_REQUIRED, struct la_history_spec, versions),
    LA_TEXT("mended", LA_OPTIONAL, struct la_history_spec, mended), LA_END};

static const cyaml_schema_field_t node_fields[] = {
    LA_TEXT("name", LA_REQUIRED, struct la_node_spec, name),
    LA_TEXT("replicates", LA_OPTIONAL, struct la_node_spec, replicates),
    LA_TEXT("sentinel_of", LA_OPTIONAL, struct la_node_spec, sentinel_of),
    LA_FLAG("cluster", struct la_node_spec, cluster),
    LA_TEXT("config", LA_OPTIONAL, struct la_node_spec, config),
    LA_CHOICE("restart", CYAML_FLAG_OPTIONAL, struct la_node_spec, restart, restarts),
    LA_NUMBER("restart_delay_ms", struct la_node_spec, restart_delay_ms),
    LA_NUMBER("restart_limit", struct la_node_spec, restart_limit),
    LA_NUMBER("memory_mb", struct la_node_spec, memory_mb),
    LA_FLAG("huge_pages", struct la_node_spec, huge_pages),
    LA_FLAG("acl_file", struct la_node_spec, acl_file),
    LA_FLAG("config_file", struct la_node_spec, config_file),
    LA_END};

static const cyaml_schema_field_t mix_fields[] = {LA_TEXT("type", LA_REQUIRED, struct la_mix_spec, type),
                                                  LA_NEEDED("share", struct la_mix_spec, share),
                                                  LA_NUMBER("keys", struct la_mix_spec, keys), LA_END};
static const cyaml_schema_value_t mix_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_mix_spec, mix_fields)};

static const cyaml_schema_field_t load_fields[] = {
    LA_NUMBER("clients", struct la_load_spec, clients),
    LA_NUMBER("pipeline", struct la_load_spec, pipeline),
    LA_NUMBER("value_size", struct la_load_spec, value_size),
    LA_NUMBER("big_size", struct la_load_spec, big_size),
    LA_NUMBER("big_every", struct la_load_spec, big_every),
    LA_NUMBER("keys", struct la_load_spec, keys),
    LA_NUMBER("rate", struct la_load_spec, rate),
    LA_NUMBER("ramp_ms", struct la_load_spec, ramp_ms),
    LA_NUMBER("busy_ms", struct la_load_spec, busy_ms),
    LA_NUMBER("idle_ms", struct la_load_spec, idle_ms),
    LA_NUMBER("churn", struct la_load_spec, churn),
    LA_NUMBER("skew", struct la_load_spec, skew),
    LA_NUMBER("wait_replicas", struct la_load_spec, wait_replicas),
    LA_NUMBER("wait_ms", struct la_load_spec, wait_ms),
    LA_NUMBER("min_acked", struct la_load_spec, min_acked),
    LA_NUMBER("capacity", struct la_load_spec, capacity),
    LA_FLAG("unix_socket", struct la_load_spec, unix_socket),
    LA_TEXT("replay", LA_OPTIONAL, struct la_load_spec, recording),
    LA_NUMBER("commands", struct la_load_spec, commands),
    LA_TEXT("user", LA_OPTIONAL, struct la_load_spec, user),
    LA_TEXT("password", LA_OPTIONAL, struct la_load_spec, password),
    LA_LIST("mix", LA_OPTIONAL, struct la_load_spec, mix, mix_count, &mix_value, LA_TYPES_MAX),
    LA_END};

static const cyaml_schema_field_t world_fields[] = {LA_TEXT("incident", LA_OPTIONAL, struct la_world_spec, incident),
                                                    LA_FLAG("disk", struct la_world_spec, disk), LA_END};

static const cyaml_strval_t methods[] = {
    {"auto", LA_POWER_AUTO}, {"simulated", LA_POWER_SIMULATED}, {"real", LA_POWER_REAL}};

static const cyaml_schema_value_t node_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_node_spec, node_fields)};

const cyaml_schema_field_t la_spec_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct la_spec, node), LA_END};

/* The key of a step or of an expectation: what it says goes to the pointer at `offset`. */
static cyaml_schema_field_t kind_field(const struct la_form *form, size_t offset)
{
    return (cyaml_schema_field_t){.key = form->name,
                                  .data_offset = (uint32_t)offset,
                                  .value = {.type = CYAML_MAPPING,
                                            .flags = LA_OPTIONAL,
                                            .data_size = (uint32_t)form->size,
                                            .mapping = {.fields = form->fields}}};
}

static void build_kinds(struct la_schema *schema, const struct la_kinds *kinds)
{
    size_t i = 0;
    for (; kinds->steps[i]; i++)
        schema->steps[i] = kind_field(&kinds->steps[i]->form, offsetof(struct la_step, read) + i * sizeof(void *));
    assert(i <= LA_VOCABULARY_MAX);
    for (i = 0; kinds->expects[i]; i++)
        schema->expects[i] =
            kind_field(&kinds->expects[i]->form, offsetof(struct la_expect, read) + i * sizeof(void *));
    assert(i <= LA_VOCABULARY_MAX);
    schema->step = (cyaml_schema_value_t){CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_step, schema->steps)};
    schema->expect = (cyaml_schema_value_t){CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_expect, schema->expects)};
}

static void build_power(struct la_schema *schema)
{
    for (int i = 0; i < LA_FS_COUNT; i++)
        schema->filesystems[i] = (cyaml_strval_t){la_filesystems[i].name, i};
    for (int i = 0; i < LA_POLICY_COUNT; i++)
        schema->policies[i] = (cyaml_strval_t){la_policy_names[i], i};
    const cyaml_schema_field_t power[] = {
        LA_CHOICE("method", CYAML_FLAG_OPTIONAL, struct la_power_spec, method, methods),
        LA_CHOICE("filesystem", CYAML_FLAG_OPTIONAL, struct la_power_spec, filesystem, schema->filesystems),
        LA_CHOICE("policy", CYAML_FLAG_OPTIONAL, struct la_power_spec, policy, schema->policies), LA_END};
    _Static_assert(sizeof power == sizeof schema->power, "the schema has room for every key");
    memcpy(schema->power, power, sizeof power);
}

void la_schema_build(struct la_schema *schema, const struct la_kinds *kinds)
{
    *schema = (struct la_schema){0};
    build_kinds(schema, kinds);
    build_power(schema);
    const cyaml_schema_field_t claim[] = {
        LA_TEXT("id", LA_REQUIRED, struct la_claim_ref, id),
        LA_LIST("expect", LA_OPTIONAL, struct la_claim_ref, expect, expect_count, &schema->expect, CYAML_UNLIMITED),
        LA_TEXT("when", LA_OPTIONAL, struct la_claim_ref, when),
        LA_TEXT("says", LA_OPTIONAL, struct la_claim_ref, says), LA_END};
    const cyaml_schema_field_t scenario[] = {
        LA_TEXT("name", LA_REQUIRED, struct la_scenario, name),
        LA_TEXT("title", LA_REQUIRED, struct la_scenario, title),
        LA_TEXT("why", LA_OPTIONAL, struct la_scenario, why),
        LA_TEXT("settings", LA_OPTIONAL, struct la_scenario, settings),
        LA_TEXT("tune", LA_OPTIONAL, struct la_scenario, tune),
        LA_TEXT("only_with", LA_OPTIONAL, struct la_scenario, only_with),
        LA_TEXT("situation", LA_OPTIONAL, struct la_scenario, situation),
        LA_MAPPING("history", LA_OPTIONAL, struct la_scenario, history, history_fields),
        LA_FLAG("quick", struct la_scenario, quick),
        LA_FLAG("bare", struct la_scenario, bare),
        LA_FLAG("alone", struct la_scenario, alone),
        LA_FLAG("carry_on", struct la_scenario, carry_on),
        LA_NUMBER("times", struct la_scenario, times),
        LA_MAPPING("power_cut", LA_OPTIONAL, struct la_scenario, power_cut, schema->power),
        LA_MAPPING("world", LA_OPTIONAL, struct la_scenario, world, world_fields),
        LA_MAPPING("load", LA_OPTIONAL, struct la_scenario, load, load_fields),
        LA_LIST("nodes", LA_OPTIONAL, struct la_scenario, nodes, node_count, &node_value, 8),
        LA_LIST("steps", LA_REQUIRED, struct la_scenario, steps, step_count, &schema->step, CYAML_UNLIMITED),
        LA_LIST("expect", LA_OPTIONAL, struct la_scenario, expect, expect_count, &schema->expect, CYAML_UNLIMITED),
        LA_LIST("claims", LA_OPTIONAL, struct la_scenario, claims, claim_count, &schema->claim, CYAML_UNLIMITED),
        LA_END};
    _Static_assert(sizeof claim == sizeof schema->claims && sizeof scenario == sizeof schema->scenarios,
                   "the schema has room for every key");
    memcpy(schema->claims, claim, sizeof claim);
    memcpy(schema->scenarios, scenario, sizeof scenario);
    schema->claim =
        (cyaml_schema_value_t){CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_claim_ref, schema->claims)};
    schema->scenario =
        (cyaml_schema_value_t){CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct la_scenario, schema->scenarios)};
}
