#include "report/result.h"

#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/output.h"
#include "base/version.h"
#include "judge/loss.h"
#include "judge/soundness.h"
#include "report/answer.h"
#include "report/claims.h"
#include "report/health.h"
#include "report/row.h"
#include "report/throughput.h"
#include "report/write_commands.h"

enum {
    INJECTIONS_MAX = 200, /* of each node, written down in full */
    SAMPLES_MAX = 100,    /* of a figure */
    STAMP_MAX = 32,
};

#define ZFS_SUPER_MAGIC 0x2fc12fc1 /* no part of Linux, and so not in <linux/magic.h> */

static json_t *ms(double value)
{
    return value < 0 ? json_null() : json_real(value);
}

/* How old the operations were at the fault, and how many of each age are lost: classes with something in them. */
static json_t *by_age(const struct la_verify *verify)
{
    json_t *array = json_array();
    for (int i = 0; i < LA_AGES; i++)
        if (verify->acked_by_age[i])
            json_array_append_new(array, json_pack("{s:o, s:I, s:I}", "below_ms",
                                                   i < LA_AGES - 1 ? json_integer(la_age_ms[i]) : json_null(), "acked",
                                                   (json_int_t)verify->acked_by_age[i], "lost",
                                                   (json_int_t)verify->lost_by_age[i]));
    return array;
}

/* What became of each data type's operations: types that the load has written. */
static json_t *by_type(const struct la_verify *verify)
{
    json_t *array = json_array();
    for (unsigned int i = 0; i < la_type_count; i++)
        if (verify->acked_by_type[i])
            json_array_append_new(array, json_pack("{s:s, s:I, s:I}", "type", la_types[i]->name, "acked",
                                                   (json_int_t)verify->acked_by_type[i], "lost",
                                                   (json_int_t)verify->lost_by_type[i]));
    return array;
}

static json_t *rpo(const struct la_run *run)
{
    const struct la_verify *verify = &run->verify;
    if (!run->verified)
        return json_null();
    json_t *first = verify->lost ? json_integer((json_int_t)verify->first_lost) : json_null();
    return json_pack("{s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "acked", (json_int_t)verify->acked, "lost",
                     (json_int_t)verify->lost, "window_ms", la_loss_window_ms(run, false), "lost_bytes",
                     (json_int_t)verify->lost_bytes, "unknown", (json_int_t)verify->unknown, "promised",
                     (json_int_t)verify->promised, "lost_promised", (json_int_t)verify->lost_promised, "by_age",
                     by_age(verify), "by_type", by_type(verify), "first_lost", first);
}

static json_t *rto(const struct la_run *run)
{
    const struct la_recovery *r = &run->recovery;
    if (!run->recovered)
        return json_null();
    struct la_throughput throughput = la_throughput_after(&run->ledger, r->fault_ns);
    json_t *phases =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "gone_ms", ms(la_recovery_ms(r, r->gone_ns)), "accepting_ms",
                  ms(la_recovery_ms(r, r->accept_ns)), "ready_ms", ms(la_recovery_ms(r, r->ready_ns)), "first_read_ms",
                  ms(la_recovery_ms(r, r->read_ns)), "first_write_ms", ms(la_recovery_ms(r, r->write_ns)),
                  "loading_seen", json_boolean(r->loading_seen));
    json_object_set_new(phases, "started_ms", ms(la_recovery_ms(r, r->spawn_ns)));
    json_object_set_new(phases, "throughput_90_ms", ms(la_recovery_ms(r, throughput.back_ns)));
    json_object_set_new(phases, "operations_a_second_before", ms(throughput.before > 0 ? throughput.before : -1));
    json_object_set_new(phases, "loaded_bytes", r->by_operator ? json_integer((json_int_t)r->data_bytes) : json_null());
    json_object_set_new(phases, "loaded_keys", r->keys < 0 ? json_null() : json_integer(r->keys));
    double fault_ms =
        r->fault_ns ? (double)(int64_t)(r->fault_ns - run->start_ns) / 1e6 : -1; /* a mere start has none */
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:i, s:f}", "fault_ms", ms(fault_ms), "down_ms",
                     ms(la_recovery_ms(r, r->accept_ns)), "ready_ms", ms(la_recovery_ms(r, r->ready_ns)),
                     "first_write_ms", ms(la_recovery_ms(r, r->write_ns)), "phases", phases, "started_by_operator",
                     r->by_operator, "resolution_ms", LA_POLL_MS, "harness_stall_ms", (double)r->stall_ns / 1e6);
}

static json_t *faults(const struct la_run *run)
{
    json_t *array = json_array();
    for (unsigned int i = 0; i < run->node_count; i++) {
        const struct la_node *node = &run->nodes[i];
        for (uint32_t r = 0; node->control && r < fi_control_rules(node->control); r++) {
            const struct fi_rule *rule = &node->control->rules[r];
            json_array_append_new(array, json_pack("{s:o, s:s, s:I}", "rule", la_json_text(rule->text), "node",
                                                   node->spec->name, "fired", (json_int_t)rule->fired));
        }
    }
    return array;
}

/* NULL: of a replay, or a world, nobody knows. */
static const char *phase_at(const struct la_run *run, uint64_t ns)
{
    return run->phases.count ? la_phases_at(&run->phases, ns) : NULL;
}

/* What was injected, in the order of the log. */
static json_t *injections(const struct la_run *run)
{
    json_t *array = json_array();
    for (unsigned int i = 0; i < run->node_count; i++) {
        const struct fi_control *control = run->nodes[i].control;
        uint64_t count = control ? fi_control_log_count(control, NULL) : 0;
        for (uint64_t n = 0; n < count && n < INJECTIONS_MAX; n++) {
            const struct fi_log_entry *entry = &control->log[n];
            if (!entry->ready || entry->rule >= FI_RULES_MAX || entry->role >= control->role_count)
                continue;
            char path[FI_GLOB_MAX];
            snprintf(path, sizeof path, "%.*s", FI_GLOB_MAX - 1, entry->path);
            la_printable(path);
            json_array_append_new(array,
                                  json_pack("{s:f, s:s, s:i, s:i, s:s, s:s, s:s, s:I, s:I, s:o, s:s?}", "t_ms",
                                            (double)(int64_t)(entry->time_ns - run->start_ns) / 1e6, "node",
                                            run->nodes[i].spec->name, "pid", entry->pid, "tid", entry->tid, "role",
                                            control->roles[entry->role].name, "op", fi_op_name(entry->op), "path", path,
                                            "number", (json_int_t)entry->number, "bytes", (json_int_t)entry->bytes,
                                            "rule", la_json_text(control->rules[entry->rule].text), "phase",
                                            phase_at(run, entry->time_ns)));
        }
    }
    return array;
}

static json_t *power_cuts(const struct la_run *run)
{
    json_t *array = json_array();
    for (unsigned int i = 0; i < run->node_count; i++) {
        const struct la_node *node = &run->nodes[i];
        char words[64];
        if (!node->power.cuts)
            continue;
        json_t *did = json_array();
        for (int class = 0; class < LA_CRASH_CLASSES; class ++)
            if (node->power.classes >> class & 1)
                json_array_append_new(did, la_json_text(la_crash_class_name((enum la_crash_class) class)));
        la_power_words(&node->power, words, sizeof words);
        json_array_append_new(array, json_pack("{s:s, s:s, s:i, s:o}", "node", node->spec->name, "method", words,
                                               "cuts", node->power.cuts, "did", did));
    }
    return array;
}

/* How each node ended, time after time. */
static json_t *ends(const struct la_run *run)
{
    json_t *array = json_array();
    for (unsigned int i = 0; i < run->node_count; i++)
        for (unsigned int n = 0; n < run->nodes[i].exits && n < LA_STARTS_MAX; n++)
            json_array_append_new(array, json_pack("{s:s, s:s}", "node", run->nodes[i].spec->name, "how",
                                                   la_node_end(&run->nodes[i], n)));
    return array;
}

static json_t *refusals(const struct la_run *run)
{
    json_t *array = json_array();
    const struct la_ledger_head *head = run->ledger.head;
    for (int i = 0; head && i < LA_ERRORS_MAX; i++)
        if (head->errors[i].count)
            json_array_append_new(array, json_pack("{s:o, s:I}", "error", la_json_text(head->errors[i].text), "count",
                                                   (json_int_t)head->errors[i].count));
    return array;
}

static json_t *findings(const struct la_run *run)
{
    json_t *array = json_array();
    for (int kind = 0; kind < LA_FINDING_KINDS; kind++) {
        uint64_t count = run->findings.count[kind];
        for (uint64_t i = 0; i < count && i < LA_FINDINGS_KEPT; i++) {
            const struct la_finding *finding = &run->findings.kept[kind][i];
            json_array_append_new(array, json_pack("{s:s, s:s, s:o, s:o, s:I}", "kind",
                                                   la_finding_name((enum la_finding_kind)kind), "node", finding->node,
                                                   "detail", la_json_text(finding->detail), "evidence",
                                                   la_json_text(finding->evidence), "count", (json_int_t)count));
        }
    }
    if (run->verified && run->verify.lost)
        json_array_append_new(array,
                              json_pack("{s:s, s:s, s:o, s:s, s:I}", "kind", "lost", "node", run->verified->spec->name,
                                        "detail", la_json_text("acknowledged operations are gone"), "evidence",
                                        "ledger", "count", (json_int_t)run->verify.lost));
    return array;
}

/* Single quotes around what a shell would take apart. */
static char *quoted(const char *word)
{
    if (!word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=:,")])
        return la_strdup(word);
    char *out = la_alloc(4 * strlen(word) + 3, 1);
    char *at = out;
    *at++ = '\'';
    for (; *word; word++)
        at = *word == '\'' ? stpcpy(at, "'\\''") : (*at = *word, at + 1);
    *at = '\'';
    return out;
}

/* Adds " OPTION WORD" to a line; NULL: nothing. */
static void add_option(char **line, const char *option, const char *value)
{
    if (!value)
        return;
    char *word = quoted(value);
    char *longer = la_format("%s %s %s", *line, option, word);
    free(word);
    free(*line);
    *line = longer;
}

/* " --set LINE" for each line of whoever runs it. */
static void add_set_lines(char **line, const struct la_scenario *scenario)
{
    char *lines = la_strdup(scenario->set ? scenario->set : "");
    char *rest = lines;
    for (char *one; (one = strsep(&rest, "\n"));)
        add_option(line, "--set", *one ? one : NULL);
    free(lines);
}

static json_t *reproduce(const struct la_run *run)
{
    const struct la_options *options = run->options;
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)options->seed);
    char *line = la_strdup("lastack");
    add_option(&line, "run", run->scenario->path);
    add_option(&line, "--server", options->server.path);
    add_option(&line, "--old-server", options->old_server);
    add_option(&line, "--config", options->config_path);
    add_option(&line, "--data", options->data_path);
    add_set_lines(&line, run->scenario);
    add_option(&line, "--backup", options->backup);
    add_option(&line, "--restore", options->restore);
    add_option(&line, "--document", options->document);
    add_option(&line, "--seed", seed);
    json_t *result = la_json_text(line);
    free(line);
    return result;
}

static json_t *claim_ids(const struct la_scenario *scenario)
{
    json_t *array = json_array();
    for (unsigned int i = 0; i < scenario->claim_count; i++)
        json_array_append_new(array, la_json_text(scenario->claims[i].id));
    return array;
}

static json_t *claim_verdicts(const struct la_run *run, const struct la_judgement *judgement)
{
    json_t *array = json_array();
    for (unsigned int i = 0; i < judgement->claim_count; i++) {
        const struct la_claim_ref *claim = &run->scenario->claims[i];
        json_array_append_new(array, la_claim_said(claim, &judgement->claims[i]));
    }
    return array;
}

/* What steps have measured, by the names that the scenario gives. */
static json_t *figures(const struct la_run *run)
{
    json_t *array = json_array();
    for (size_t i = 0; i < run->measures.count; i++) {
        const struct la_measure *measure = &run->measures.items[i];
        json_t *samples = json_array();
        for (size_t n = 0; n < measure->count && n < SAMPLES_MAX; n++)
            json_array_append_new(samples, json_real(measure->samples[n].value));
        json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:o}", "name", la_json_text(measure->name), "unit",
                                               la_json_text(measure->unit), "samples", samples, "text",
                                               measure->text ? la_json_text(measure->text) : json_null()));
    }
    return array;
}

/* In UTC. */
static void stamp_of(time_t time, char stamp[STAMP_MAX])
{
    struct tm utc;
    gmtime_r(&time, &utc);
    strftime(stamp, STAMP_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
}

/* To the millisecond: a server's log has that as well. */
static json_t *run_began(const struct la_run *run)
{
    char stamp[STAMP_MAX];
    int64_t ms = ((int64_t)run->start_ns + run->wall_offset_ns) / 1000000;
    stamp_of((time_t)(ms / 1000), stamp);
    return json_sprintf("%s.%03dZ", stamp, (int)(ms % 1000));
}

json_t *la_history_json(const struct la_scenario *scenario)
{
    const struct la_history_spec *history = scenario->history;
    if (!history)
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "tracker", la_json_text(history->tracker), "versions",
                     la_json_text(history->versions), "mended",
                     history->mended ? la_json_text(history->mended) : json_null());
}

json_t *la_result_scenario(const struct la_run *run, const struct la_judgement *judgement)
{
    const struct la_scenario *scenario = run->scenario;
    json_t *result =
        json_pack("{s:o, s:o, s:s, s:o}", "name", la_json_text(scenario->name), "title", la_json_text(scenario->title),
                  "verdict", la_verdict_name(judgement->verdict), "reasons", la_json_texts(&judgement->reasons));
    json_object_set_new(result, "violated", la_json_texts(&judgement->violated));
    json_object_set_new(result, "group", la_json_owned(la_scenario_group(scenario)));
    json_object_set_new(result, "history", la_history_json(scenario));
    json_object_set_new(result, "started", run_began(run));
    json_object_set_new(result, "started_ns", json_integer((json_int_t)run->start_ns));
    json_object_set_new(result, "claims", claim_ids(scenario));
    json_object_set_new(result, "rpo", rpo(run));
    json_object_set_new(result, "rto", rto(run));
    json_object_set_new(result, "faults", faults(run));
    json_object_set_new(result, "injections", injections(run));
    json_object_set_new(result, "power_cuts", power_cuts(run));
    json_object_set_new(result, "ends", ends(run));
    json_object_set_new(result, "refused", refusals(run));
    json_object_set_new(result, "repairs", la_json_texts(&run->repairs));
    json_object_set_new(result, "findings", findings(run));
    json_object_set_new(result, "claim_verdicts", claim_verdicts(run, judgement));
    json_object_set_new(result, "worst", la_answer_of(run, judgement->sound));
    json_object_set_new(result, "figures", figures(run));
    json_object_set_new(result, "health", la_health_of(run));
    json_object_set(result, "timeline", run->timeline);
    json_object_set_new(result, "seconds", json_real((double)(la_now_ns() - run->start_ns) / 1e9));
    json_object_set_new(result, "server", la_json_text(run->options->server.path));
    json_object_set_new(result, "doubts", la_json_texts(&judgement->doubts));
    json_object_set_new(result, "cut_unseen", json_boolean(la_cut_unseen(run)));
    json_object_set_new(result, "may_evict", json_boolean(run->evicted || run->may_evict));
    json_object_set_new(result, "crash_lives", json_integer(run->nodes[0].kept_lives));
    json_object_set_new(result, "given_data", json_boolean(run->options->server.data));
    json_object_set_new(result, "sealed", json_true());
    json_object_set_new(result, "overrides", la_json_texts(run->options->overrides));
    json_object_set_new(result, "write_commands", la_write_commands_of(run, judgement->verdict));
    json_object_set_new(result, "seed", json_integer((json_int_t)run->options->seed));
    json_object_set_new(result, "reproduce", reproduce(run));
    return result;
}

/* What was to be judged and was not: nothing that another run says of it stands for this one. */
static json_t *claims_failed(const struct la_scenario *scenario, const char *why)
{
    json_t *array = json_array();
    for (unsigned int i = 0; i < scenario->claim_count; i++) {
        struct la_claim_judgement judgement = {.verdict = LA_INCONCLUSIVE, .measured.value = NAN, .why = (char *)why};
        json_array_append_new(array, la_claim_said(&scenario->claims[i], &judgement));
    }
    return array;
}

json_t *la_result_failed(const struct la_scenario *scenario, const struct la_strings *overrides, const char *why)
{
    static const char *const lists[] = {"faults",  "injections", "power_cuts", "refused", "ends",
                                        "repairs", "findings",   "timeline",   "figures"};
    json_t *result = json_pack("{s:o, s:o, s:s, s:[o], s:o, s:n, s:n, s:o, s:f, s:[o], s:b, s:o, s:s}", "name",
                               la_json_text(scenario->name), "title", la_json_text(scenario->title), "verdict",
                               "inconclusive", "reasons", la_json_text(why), "claims", claim_ids(scenario), "rpo",
                               "rto", "claim_verdicts", claims_failed(scenario, why), "seconds", 0.0, "doubts",
                               la_json_text(why), "sealed", 0, "overrides", la_json_texts(overrides), "reproduce", "");
    json_object_set_new(result, "violated", json_array());
    json_object_set_new(result, "group", la_json_owned(la_scenario_group(scenario)));
    json_object_set_new(result, "history", la_history_json(scenario));
    json_object_set_new(result, "write_commands", json_null());
    json_object_set_new(result, "health", json_null());
    json_object_set_new(result, "worst", la_answer_failed(scenario));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        json_object_set_new(result, lists[i], json_array());
    return result;
}

static void first_line(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r"); /* files of /proc and /sys have no size to read by */
    snprintf(out, size, "unknown");
    if (!file)
        return;
    if (fgets(out, (int)size, file))
        out[strcspn(out, "\n")] = '\0';
    fclose(file);
}

static const char *filesystem_name(const char *path)
{
    static const struct {
        long magic;
        const char *name;
    } known[] = {{EXT4_SUPER_MAGIC, "ext4"}, {XFS_SUPER_MAGIC, "xfs"},           {BTRFS_SUPER_MAGIC, "btrfs"},
                 {TMPFS_MAGIC, "tmpfs"},     {OVERLAYFS_SUPER_MAGIC, "overlay"}, {ZFS_SUPER_MAGIC, "zfs"},
                 {NFS_SUPER_MAGIC, "nfs"}};
    struct statfs fs;
    if (statfs(path, &fs))
        return "unknown";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if ((long)fs.f_type == known[i].magic)
            return known[i].name;
    return "other";
}

static json_t *host(const char *out)
{
    struct utsname name;
    struct sysinfo memory;
    char thp[128];
    char overcommit[128];
    uname(&name);
    sysinfo(&memory);
    first_line("/sys/kernel/mm/transparent_hugepage/enabled", thp, sizeof thp);
    first_line("/proc/sys/vm/overcommit_memory", overcommit, sizeof overcommit);
    return json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:s}", "name", name.nodename, "kernel", name.release, "cpus",
                     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "memory",
                     (json_int_t)memory.totalram * (json_int_t)memory.mem_unit, "filesystem", filesystem_name(out),
                     "thp", thp, "overcommit", overcommit);
}

/* The time of the beginning. */
static json_t *began(double seconds_ago)
{
    char stamp[STAMP_MAX];
    stamp_of(time(NULL) - (time_t)(seconds_ago + 0.5), stamp);
    return json_sprintf("%sZ", stamp);
}

json_t *la_result_whole(const struct la_result_frame *frame, json_t *scenarios)
{
    json_t *result =
        json_pack("{s:i, s:s, s:I, s:{s:o, s:o, s:o}}", "schema", LA_RESULT_SCHEMA, "lastack", LASTACK_VERSION, "seed",
                  (json_int_t)frame->seed, "server", "path", la_json_text(frame->server_path), "name",
                  la_json_text(frame->server_name), "version", la_json_text(frame->server_version));
    json_object_set_new(result, "started", began(frame->seconds));
    json_object_set_new(result, "seconds", json_real(frame->seconds));
    json_object_set_new(result, "command", la_json_texts(frame->command));
    json_object_set_new(result, "finished", json_boolean(frame->finished));
    json_object_set_new(result, "pending", la_json_texts(frame->pending));
    json_t *claims = la_claims_result(frame->claims, scenarios);
    if (frame->certify)
        la_claims_untestable(frame->claims, claims);
    json_object_set_new(result, "claims", claims);
    json_object_set(result, "answer", frame->answer ? frame->answer : json_null());
    json_object_set_new(
        result, "shard",
        frame->shards ? json_pack("{s:I, s:I}", "number", (json_int_t)frame->shard, "of", (json_int_t)frame->shards)
                      : json_null());
    json_object_set(result, "subjects", frame->subjects);
    json_object_set(result, "unit", frame->unit ? frame->unit : json_null());
    json_object_set(result, "matrix", frame->matrix ? frame->matrix : json_null());
    json_t *rules = json_array();
    for (unsigned int i = 0; i < frame->alerts->count; i++)
        json_array_append_new(rules, la_json_owned(la_alert_words(&frame->alerts->items[i])));
    json_object_set_new(result, "health", la_health_together(scenarios, rules, frame->alerts->own));
    json_decref(rules);
    json_object_set_new(result, "write_commands", la_write_commands_together(scenarios));
    json_object_set_new(result, "scenarios", scenarios);
    json_object_set_new(result, "host", host(frame->out));
    json_object_set_new(result, "limits", la_json_texts(frame->limits));
    json_object_set_new(result, "changed_directives", la_json_texts(frame->changed));
    json_object_set_new(result, "not_applicable", la_json_texts(frame->skipped));
    return result;
}

int la_result_hand_over(const json_t *result, const char *path, int stream, struct la_error *error)
{
    char *text = json_dumps(result, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (!text)
        return la_fail(error, "%s: the result cannot be put into words", path);
    char *line = la_format("%s\n", text);
    free(text);
    int failed = la_output(path, stream, line, strlen(line), error);
    free(line);
    return failed;
}

int la_result_write(const json_t *result, const char *path, struct la_error *error)
{
    return la_result_hand_over(result, path, -1, error);
}

int la_result_leave(const json_t *result, const char *dir, const char *json)
{
    struct la_error error;
    char path[LA_PATH_MAX];
    enum la_verdict verdict = la_row_of(result).verdict;
    la_path(path, "%s/result.json", dir);
    if (la_result_write(result, path, &error) || (json && la_result_hand_over(result, json, STDOUT_FILENO, &error))) {
        fprintf(stderr, "lastack: %s\n", error.text);
        return LA_EXIT_USAGE;
    }
    return verdict == LA_HOLDS ? LA_EXIT_HOLDS : verdict == LA_VIOLATED ? LA_EXIT_VIOLATED : LA_EXIT_INCONCLUSIVE;
}

int la_result_exit_status(const json_t *result)
{
    const json_t *scenarios = json_object_get(result, "scenarios");
    const json_t *required = json_object_get(json_object_get(result, "answer"), "requirements");
    const json_t *health = json_object_get(result, "health");
    const json_t *faults = json_object_get(health, "faults");
    const json_t *unit = json_object_get(result, "unit");
    bool judged = json_is_true(json_object_get(health, "own"));
    size_t all = json_array_size(scenarios);
    if (la_rows_count(scenarios, LA_VIOLATED) || la_rows_count(required, LA_VIOLATED) ||
        la_rows_count(faults, LA_VIOLATED) || la_rows_count(json_object_get(health, "rules"), LA_VIOLATED) ||
        (json_is_object(unit) && la_row_of(unit).verdict == LA_VIOLATED))
        return LA_EXIT_VIOLATED;
    bool holds = all && !json_is_false(json_object_get(result, "finished")) &&
                 la_rows_count(scenarios, LA_HOLDS) == all &&
                 la_rows_count(required, LA_HOLDS) == json_array_size(required) &&
                 (!judged || (json_array_size(faults) && la_rows_count(faults, LA_HOLDS) == json_array_size(faults))) &&
                 (!json_is_object(unit) || la_row_of(unit).verdict == LA_HOLDS);
    return holds ? LA_EXIT_HOLDS : LA_EXIT_INCONCLUSIVE;
}
