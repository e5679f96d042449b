/* The scenario format as libcyaml wants it told: one row a key. */
#include "scenario/schema.h"

#include "ledger/ledger.h"

#define REQUIRED                       CYAML_FLAG_POINTER
#define OPTIONAL                       (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(key, flags, type, member) CYAML_FIELD_STRING_PTR(key, flags, type, member, 0, CYAML_UNLIMITED)
#define NUMBER(key, type, member)      CYAML_FIELD_UINT(key, CYAML_FLAG_OPTIONAL, type, member)
#define BOUND(key, type, member)       CYAML_FIELD_UINT_PTR(key, OPTIONAL, type, member)
#define CHOICE(key, flags, type, member, names)                                                                        \
    CYAML_FIELD_ENUM(key, (flags) | CYAML_FLAG_STRICT, type, member, names, sizeof(names) / sizeof *(names))
#define MAPPING(key, flags, type, member, fields) CYAML_FIELD_MAPPING_PTR(key, flags, type, member, fields)
#define END                                       CYAML_FIELD_END

static const cyaml_strval_t restarts[] = {
    {"no", LA_RESTART_NO}, {"on-failure", LA_RESTART_ON_FAILURE}, {"always", LA_RESTART_ALWAYS}};
static const cyaml_strval_t scopes[] = {{"process", LA_SCOPE_PROCESS}, {"group", LA_SCOPE_GROUP}};
static const cyaml_strval_t waits[] = {{"fired", LA_WAIT_FIRED},   {"exit", LA_WAIT_EXIT}, {"ready", LA_WAIT_READY},
                                       {"synced", LA_WAIT_SYNCED}, {"idle", LA_WAIT_IDLE}, {"errors", LA_WAIT_ERRORS},
                                       {"writes", LA_WAIT_WRITES}};

static const cyaml_schema_field_t node_fields[] = {
    TEXT("name", REQUIRED, struct la_node_spec, name),
    TEXT("replicates", OPTIONAL, struct la_node_spec, replicates),
    TEXT("config", OPTIONAL, struct la_node_spec, config),
    CHOICE("restart", CYAML_FLAG_OPTIONAL, struct la_node_spec, restart, restarts),
    NUMBER("restart_delay_ms", struct la_node_spec, restart_delay_ms),
    NUMBER("restart_limit", struct la_node_spec, restart_limit),
    END};

static const cyaml_schema_field_t mix_fields[] = {
    TEXT("type", REQUIRED, struct la_mix_spec, type),
    CYAML_FIELD_UINT("share", CYAML_FLAG_DEFAULT, struct la_mix_spec, share), NUMBER("keys", struct la_mix_spec, keys),
    END};
static const cyaml_schema_value_t mix_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_mix_spec, mix_fields)};

static const cyaml_schema_field_t load_fields[] = {
    NUMBER("clients", struct la_load_spec, clients),
    NUMBER("pipeline", struct la_load_spec, pipeline),
    NUMBER("value_size", struct la_load_spec, value_size),
    NUMBER("big_size", struct la_load_spec, big_size),
    NUMBER("big_every", struct la_load_spec, big_every),
    NUMBER("keys", struct la_load_spec, keys),
    NUMBER("rate", struct la_load_spec, rate),
    NUMBER("ramp_ms", struct la_load_spec, ramp_ms),
    NUMBER("busy_ms", struct la_load_spec, busy_ms),
    NUMBER("idle_ms", struct la_load_spec, idle_ms),
    NUMBER("churn", struct la_load_spec, churn),
    NUMBER("skew", struct la_load_spec, skew),
    NUMBER("wait_replicas", struct la_load_spec, wait_replicas),
    NUMBER("wait_ms", struct la_load_spec, wait_ms),
    NUMBER("min_acked", struct la_load_spec, min_acked),
    NUMBER("capacity", struct la_load_spec, capacity),
    CYAML_FIELD_BOOL("unix_socket", CYAML_FLAG_OPTIONAL, struct la_load_spec, unix_socket),
    TEXT("replay", OPTIONAL, struct la_load_spec, replay),
    TEXT("user", OPTIONAL, struct la_load_spec, user),
    TEXT("password", OPTIONAL, struct la_load_spec, password),
    CYAML_FIELD_SEQUENCE_COUNT("mix", OPTIONAL, struct la_load_spec, mix, mix_count, &mix_value, 1, LA_TYPES_MAX),
    END};

static const cyaml_strval_t methods[] = {
    {"auto", LA_POWER_AUTO}, {"simulated", LA_POWER_SIMULATED}, {"real", LA_POWER_REAL}};
static const cyaml_strval_t filesystems[] = {
    {"ext4", LA_POWER_EXT4}, {"xfs", LA_POWER_XFS}, {"btrfs", LA_POWER_BTRFS}, {"posix", LA_POWER_POSIX}};
static const cyaml_strval_t policies[] = {
    {"drop", LA_POLICY_DROP}, {"subset", LA_POLICY_SUBSET}, {"tear", LA_POLICY_TEAR}};
static const cyaml_schema_field_t power_fields[] = {
    CHOICE("method", CYAML_FLAG_OPTIONAL, struct la_power_spec, method, methods),
    CHOICE("filesystem", CYAML_FLAG_OPTIONAL, struct la_power_spec, filesystem, filesystems),
    CHOICE("policy", CYAML_FLAG_OPTIONAL, struct la_power_spec, policy, policies), END};

static const cyaml_schema_field_t step_load_fields[] = {
    CYAML_FIELD_UINT("acked", CYAML_FLAG_DEFAULT, struct la_step_load, acked), END};
static const cyaml_schema_field_t step_node_fields[] = {TEXT("node", OPTIONAL, struct la_step_node, node), END};
static const cyaml_schema_field_t recover_fields[] = {TEXT("node", OPTIONAL, struct la_step_recover, node),
                                                      NUMBER("timeout_ms", struct la_step_recover, timeout_ms), END};
static const cyaml_schema_field_t arm_fields[] = {TEXT("node", OPTIONAL, struct la_step_arm, node),
                                                  TEXT("rule", REQUIRED, struct la_step_arm, rule), END};
static const cyaml_schema_field_t wait_fields[] = {
    TEXT("node", OPTIONAL, struct la_step_wait, node),
    CHOICE("for", CYAML_FLAG_DEFAULT, struct la_step_wait, for_what, waits),
    NUMBER("timeout_ms", struct la_step_wait, timeout_ms), END};
static const cyaml_schema_field_t sleep_fields[] = {
    CYAML_FIELD_UINT("ms", CYAML_FLAG_DEFAULT, struct la_step_sleep, ms), END};
static const cyaml_schema_field_t kill_fields[] = {
    TEXT("node", OPTIONAL, struct la_step_kill, node),
    CHOICE("scope", CYAML_FLAG_DEFAULT, struct la_step_kill, scope, scopes), END};
static const cyaml_schema_field_t command_fields[] = {TEXT("node", OPTIONAL, struct la_step_command, node),
                                                      TEXT("send", REQUIRED, struct la_step_command, send),
                                                      TEXT("expect", OPTIONAL, struct la_step_command, expect), END};
static const cyaml_schema_field_t truncate_fields[] = {
    TEXT("node", OPTIONAL, struct la_step_truncate, node), TEXT("file", REQUIRED, struct la_step_truncate, file),
    CYAML_FIELD_UINT("drop", CYAML_FLAG_DEFAULT, struct la_step_truncate, drop), END};
static const cyaml_schema_field_t kill_child_fields[] = {
    TEXT("node", OPTIONAL, struct la_step_kill_child, node),
    TEXT("command", REQUIRED, struct la_step_kill_child, command),
    TEXT("role", REQUIRED, struct la_step_kill_child, role),
    NUMBER("points", struct la_step_kill_child, points),
    NUMBER("min_operations", struct la_step_kill_child, min_operations),
    END};

static const cyaml_schema_field_t step_fields[] = {
    MAPPING("load", OPTIONAL, struct la_step, load, step_load_fields),
    MAPPING("stop_load", OPTIONAL, struct la_step, stop_load, step_node_fields),
    MAPPING("arm", OPTIONAL, struct la_step, arm, arm_fields),
    MAPPING("disarm", OPTIONAL, struct la_step, disarm, step_node_fields),
    MAPPING("wait", OPTIONAL, struct la_step, wait, wait_fields),
    MAPPING("sleep", OPTIONAL, struct la_step, sleep, sleep_fields),
    MAPPING("kill", OPTIONAL, struct la_step, kill, kill_fields),
    MAPPING("command", OPTIONAL, struct la_step, command, command_fields),
    MAPPING("truncate", OPTIONAL, struct la_step, truncate, truncate_fields),
    MAPPING("kill_child", OPTIONAL, struct la_step, kill_child, kill_child_fields),
    MAPPING("mark", OPTIONAL, struct la_step, mark, step_node_fields),
    MAPPING("power_cut", OPTIONAL, struct la_step, power_cut, step_node_fields),
    MAPPING("recover", OPTIONAL, struct la_step, recover, recover_fields),
    MAPPING("verify", OPTIONAL, struct la_step, verify, step_node_fields),
    MAPPING("compare", OPTIONAL, struct la_step, compare, step_node_fields),
    END};

static const cyaml_schema_field_t lost_fields[] = {
    BOUND("max", struct la_expect_lost, max),
    BOUND("min", struct la_expect_lost, min),
    BOUND("before_mark", struct la_expect_lost, before_mark),
    BOUND("promised", struct la_expect_lost, promised),
    CYAML_FIELD_BOOL("all", CYAML_FLAG_OPTIONAL, struct la_expect_lost, all),
    END};
static const cyaml_schema_field_t window_fields[] = {
    CYAML_FIELD_UINT("max_ms", CYAML_FLAG_DEFAULT, struct la_expect_window, max_ms), END};
static const cyaml_schema_field_t start_fields[] = {
    TEXT("node", OPTIONAL, struct la_expect_start, node),
    CYAML_FIELD_BOOL("refused", CYAML_FLAG_OPTIONAL, struct la_expect_start, refused),
    TEXT("log", OPTIONAL, struct la_expect_start, log), END};
static const cyaml_schema_field_t replies_fields[] = {TEXT("error", REQUIRED, struct la_expect_replies, error),
                                                      BOUND("min", struct la_expect_replies, min),
                                                      BOUND("max", struct la_expect_replies, max), END};
static const cyaml_schema_field_t count_fields[] = {TEXT("node", OPTIONAL, struct la_expect_count, node),
                                                    BOUND("min", struct la_expect_count, min),
                                                    BOUND("max", struct la_expect_count, max), END};
static const cyaml_schema_field_t log_fields[] = {TEXT("node", OPTIONAL, struct la_expect_log, node),
                                                  TEXT("contains", REQUIRED, struct la_expect_log, contains), END};
static const cyaml_schema_field_t exit_fields[] = {TEXT("node", OPTIONAL, struct la_expect_exit, node),
                                                   TEXT("how", REQUIRED, struct la_expect_exit, how), END};

static const cyaml_schema_field_t expect_fields[] = {
    MAPPING("lost", OPTIONAL, struct la_expect, lost, lost_fields),
    MAPPING("window", OPTIONAL, struct la_expect, window, window_fields),
    MAPPING("start", OPTIONAL, struct la_expect, start, start_fields),
    MAPPING("replies", OPTIONAL, struct la_expect, replies, replies_fields),
    MAPPING("keys", OPTIONAL, struct la_expect, keys, count_fields),
    MAPPING("restarts", OPTIONAL, struct la_expect, restarts, count_fields),
    MAPPING("full_syncs", OPTIONAL, struct la_expect, full_syncs, count_fields),
    MAPPING("log", OPTIONAL, struct la_expect, log, log_fields),
    MAPPING("exit", OPTIONAL, struct la_expect, exit, exit_fields),
    END};

static const cyaml_schema_value_t node_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_node_spec, node_fields)};
static const cyaml_schema_value_t step_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_step, step_fields)};
static const cyaml_schema_value_t expect_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_expect, expect_fields)};

static const cyaml_schema_field_t claim_fields[] = {TEXT("id", REQUIRED, struct la_claim_ref, id),
                                                    CYAML_FIELD_SEQUENCE_COUNT("expect", OPTIONAL, struct la_claim_ref,
                                                                               expect, expect_count, &expect_value, 1,
                                                                               CYAML_UNLIMITED),
                                                    TEXT("qualified", OPTIONAL, struct la_claim_ref, qualified),
                                                    TEXT("bound", OPTIONAL, struct la_claim_ref, bound), END};
static const cyaml_schema_value_t claim_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_claim_ref, claim_fields)};

static const cyaml_schema_field_t scenario_fields[] = {
    TEXT("name", REQUIRED, struct la_scenario, name),
    TEXT("title", REQUIRED, struct la_scenario, title),
    TEXT("why", OPTIONAL, struct la_scenario, why),
    TEXT("settings", OPTIONAL, struct la_scenario, settings),
    TEXT("tune", OPTIONAL, struct la_scenario, tune),
    CYAML_FIELD_BOOL("quick", CYAML_FLAG_OPTIONAL, struct la_scenario, quick),
    MAPPING("power_cut", OPTIONAL, struct la_scenario, power_cut, power_fields),
    MAPPING("load", OPTIONAL, struct la_scenario, load, load_fields),
    CYAML_FIELD_SEQUENCE_COUNT("nodes", OPTIONAL, struct la_scenario, nodes, node_count, &node_value, 1, 8),
    CYAML_FIELD_SEQUENCE_COUNT("steps", REQUIRED, struct la_scenario, steps, step_count, &step_value, 1,
                               CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("expect", REQUIRED, struct la_scenario, expect, expect_count, &expect_value, 1,
                               CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("claims", OPTIONAL, struct la_scenario, claims, claim_count, &claim_value, 1,
                               CYAML_UNLIMITED),
    END};

const cyaml_schema_value_t la_scenario_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct la_scenario, scenario_fields)};
