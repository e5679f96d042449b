#include "suite/runner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/copy.h"
#include "commands/generate.h"
#include "driver/notify_filter.h"
#include "judge/judge.h"
#include "playbook/place.h"
#include "redis/roles.h"
#include "report/result.h"
#include "run/cluster.h"
#include "run/given_keys.h"
#include "run/guard.h"
#include "run/recover.h"
#include "run/steps.h"
#include "run/wait.h"
#include "run/watch.h"
#include "shared/actions.h"
#include "types/types.h"

enum { FIRST_START_TIMEOUT_MS = 30000 };

static int start_node(struct la_run *run, struct la_node *node)
{
    struct la_error error;
    if (la_node_spawn(node, &error))
        return la_run_doubt(run, "%s", error.text);
    if (node->spec->cluster && la_cluster_join(run, node)) /* it takes writes when it is of a cluster that is well */
        return -1;
    unsigned int patience_ms = run->options->start_timeout_ms;
    if (la_recover_follow(run, node, NULL, patience_ms ? patience_ms : FIRST_START_TIMEOUT_MS) == 0)
        return 0;
    /* Before any fault this says nothing about crashes. */
    const struct la_finding *unready = &run->findings.kept[LA_UNAVAILABLE][0];
    const struct la_finding *refused = &run->findings.kept[LA_REFUSED][0];
    if (run->findings.count[LA_UNAVAILABLE])
        la_run_doubt(run, "before any fault, %s: %s", unready->detail, unready->evidence);
    else if (run->findings.count[LA_REFUSED])
        la_run_doubt(run, "%s did not start: %s", node->spec->name, refused->evidence);
    memset(&run->findings, 0, sizeof run->findings);
    return -1;
}

static int start_nodes(struct la_run *run)
{
    for (unsigned int i = 0; i < run->node_count; i++) {
        struct la_node *node = &run->nodes[i];
        if (start_node(run, node))
            return -1;
        if (node->spec->replicates && la_wait(run, node, LA_WAIT_SYNCED, FIRST_START_TIMEOUT_MS))
            return -1;
    }
    return la_basekeys_remember(run, la_run_target(run));
}

/* The file is named relative to the scenario's. */
static int read_recording(struct la_run *run)
{
    struct la_error error;
    char path[LA_PATH_MAX];
    const struct la_load_spec *load = run->scenario->load;
    if (!la_load_is_list(load))
        return 0;
    if (load->commands) {
        la_commands_generate(&run->options->lacks->commands, &la_run_target(run)->address, load->commands,
                             run->options->seed, &run->recording);
        run->recording.drawn = la_format("%s/drawn", run->dir);
        return run->recording.count ? 0 : la_run_doubt(run, "none of the server's write commands can be sent");
    }
    la_scenario_recording(run->scenario, path);
    if (la_recording_read(&run->recording, path, &error))
        return la_run_doubt(run, "replay: %s", error.text);
    run->recording.drawn = la_format("%s/drawn", run->dir);
    la_run_event(
        run, NULL,
        "replay: %zu recorded, %zu left out: reads, connections, waiting, administration; %zu bytes torn at the end",
        run->recording.count, run->recording.left_out, run->recording.torn);
    return 0;
}

static int create_nodes(struct la_run *run)
{
    struct la_error error;
    const struct la_scenario *scenario = run->scenario;
    for (unsigned int i = 0; i < scenario->node_count; i++) {
        const struct la_node_spec *spec = &scenario->nodes[i];
        const char *other = spec->replicates ? spec->replicates : spec->sentinel_of;
        const struct la_node *primary = other ? la_run_node(run, other) : NULL;
        run->node_count = i + 1;
        if (la_node_create(&run->nodes[i], spec, &run->options->server, scenario, run->dir, primary, &error))
            return la_run_doubt(run, "%s", error.text);
    }
    return 0;
}

static int create(struct la_run *run)
{
    struct la_error error;
    char path[LA_PATH_MAX];
    const struct la_scenario *scenario = run->scenario;
    struct la_plan plan;
    if (la_make_dirs(run->dir, &error)) /* the result goes there in any case */
        return la_run_doubt(run, "%s", error.text);
    if (create_nodes(run))
        return -1;
    if (la_mix_plan(run->options->lacks, scenario->load, &la_run_target(run)->config.renamed, run->options->seed, &plan,
                    &error))
        return la_run_doubt(run, "%s", error.text);
    for (unsigned int i = 0; run->options->server.data && i < la_type_count; i++)
        if (la_types[i]->database) /* the given data may lie in any */
            plan.keys[i] = 0;
    if (!la_plan_keys(&plan))
        return la_run_doubt(run, "the server knows none of the types that the load is to write");
    if (read_recording(run))
        return -1;
    la_path(path, "%s/ledger", run->dir);
    if (la_ledger_create(&run->ledger, path, &plan, scenario->load->capacity, &error))
        return la_run_doubt(run, "%s", error.text);
    la_path(path, "%s/scenario.yaml", run->dir);
    if (la_copy_file(scenario->path, path, &error))
        return la_run_doubt(run, "%s", error.text);
    return 0;
}

/* A server that is driven from outside: every rule of the scenario is looked at before the load starts. */
static int check_outside(struct la_run *run)
{
    for (unsigned int i = 0; run->options->server.outside && i < run->scenario->step_count; i++) {
        const struct la_step *step = &run->scenario->steps[i];
        const char *text = la_step_rule(step);
        struct fi_rule rule;
        if (step->kind->needs_library)
            return la_run_doubt(run, "the server does not load libfaultinject.so, and %s needs it",
                                step->kind->form.name);
        if (!text)
            continue;
        const char *lacks =
            la_rule_parse(text, &rule) ? fi_notify_lacks(&rule) : "from outside the server sockets are not seen";
        if (lacks)
            return la_run_doubt(run, "the server does not load libfaultinject.so, and '%s' needs it: %s", text, lacks);
    }
    return 0;
}

static void note_evictions(struct la_run *run, struct la_node *node)
{
    char *info = node->pid && !node->stopped_ns ? la_address_info(&node->address, 1000) : NULL;
    long long evicted = la_info_number(info, "evicted_keys", 0);
    run->evicted = evicted > run->evicted ? evicted : run->evicted;
    /* Eviction between this look and the kill would go unseen: a server that comes near it says nothing either. */
    char policy[32] = "noeviction";
    la_info_field(info, "maxmemory_policy", policy, sizeof policy);
    char role[16] = "";
    la_info_field(info, "role", role, sizeof role);
    long long limit = strcmp(role, "slave") != 0 ? la_info_number(info, "maxmemory", 0) : 0; /* a replica ignores it */
    if (strcmp(policy, "noeviction") != 0 && limit > 0 && la_info_number(info, "used_memory", 0) > limit / 2)
        run->may_evict = true;
    free(info);
}

/* Of the nodes that hold what is judged: the counter dies with the server. */
static void note_all_evictions(struct la_run *run)
{
    note_evictions(run, la_run_target(run));
    for (unsigned int i = 0; i < run->scenario->step_count; i++) {
        const struct la_step *step = &run->scenario->steps[i];
        struct la_node *node = la_run_node(run, step->spec->node);
        if (step->kind->reads && node != la_run_target(run))
            note_evictions(run, node);
    }
}

static void note_harm(struct la_run *run, const struct la_step *step)
{
    struct la_harms *harms = &run->harms;
    const char *words = step->kind->harm ? step->kind->harm(step->spec) : NULL;
    if (words && harms->count < LA_HARMS_MAX)
        harms->items[harms->count++] = (struct la_harm){la_now_ns(), words, la_run_node(run, step->spec->node)};
}

/* What measures speed has nobody beside it. */
static void watch(struct la_run *run)
{
    char path[LA_PATH_MAX];
    if (run->scenario->alone)
        return;
    la_path(path, "%s/" LA_WATCH_FILE, run->dir);
    run->watched = la_run_target(run);
    run->watch = la_watch_start(
        &(struct la_watched){&run->watched->address, run->options->check, run->dir, run->start_ns}, path);
}

/* In place of nodes and load. -1 with a doubt. */
static int enter_world(struct la_run *run, struct la_place *place)
{
    struct la_error error;
    char path[LA_PATH_MAX];
    const struct la_options *options = run->options;
    const struct la_scenario *scenario = run->scenario;
    char *settings = la_format("%s\n%s\n%s", scenario->settings ? scenario->settings : "",
                               scenario->tune ? scenario->tune : "", scenario->set ? scenario->set : "");
    const struct la_place_with with = {.fixtures = options->fixtures,
                                       .incident = la_incident_find(scenario->world->incident),
                                       .server = options->server.path,
                                       .config = options->config_path,
                                       .data = options->server.data,
                                       .disk = scenario->world->disk,
                                       .settings = settings};
    la_path(path, "%s/scenario.yaml", run->dir);
    int failed = la_make_dirs(run->dir, &error) || la_copy_file(scenario->path, path, &error);
    la_path(path, "%s/world", run->dir);
    failed = failed || la_place_up(place, path, &with, &error) || la_place_open(place, &error)
                 ? la_run_doubt(run, "%s", error.text)
                 : 0;
    run->place = failed ? NULL : place;
    free(settings);
    return failed;
}

static void go_through_world(struct la_run *run)
{
    for (unsigned int i = 0; i < run->scenario->step_count; i++) {
        const struct la_step *step = &run->scenario->steps[i];
        if (la_interrupted() || step->kind->run(run, step->spec))
            return;
    }
}

/* With carry_on, one that is down after a fault, or whose primary is, is asked nothing until it is recovered. */
static bool is_passed_over(struct la_run *run, const struct la_step *step)
{
    if (!step->kind->asks || !la_run_carries_on(run))
        return false;
    const struct la_node *node = la_run_node(run, step->spec->node);
    const struct la_node *primary = node->spec->replicates ? la_run_node(run, node->spec->replicates) : node;
    if ((node->pid && primary->pid) || node->restart_due_ns || primary->restart_due_ns)
        return false;
    la_run_event(run, node->spec->name, "down after a fault: passed over: %s %s", step->kind->form.name,
                 la_step_line(step));
    return true;
}

static void go_through(struct la_run *run)
{
    if (create(run) || check_outside(run) || start_nodes(run))
        return;
    watch(run);
    for (unsigned int i = 0; i < run->scenario->step_count; i++) {
        const struct la_step *step = &run->scenario->steps[i];
        note_all_evictions(run);
        note_harm(run, step);
        la_phases_begin(&run->phases, run->scenario, i);
        run->unfinished = !is_passed_over(run, step) && step->kind->run(run, step->spec);
        if (run->unfinished)
            return;
        run->next_sample_ns = 0; /* how the nodes stand after each step is noted in any case */
        la_run_pump(run);
    }
}

/* What outlived its server, or left its group on purpose, has become our child by now: nothing may be left running. */
static void kill_orphans(void)
{
    char path[64];
    int pid;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    do {
        FILE *children = fopen(path, "r");
        while (children && fscanf(children, "%d", &pid) == 1)
            kill(pid, SIGKILL);
        if (children)
            fclose(children);
        la_sleep_ms(LA_POLL_MS);
    } while (waitpid(-1, NULL, WNOHANG) >= 0); /* -1: no child is left */
}

static void destroy(struct la_run *run)
{
    la_kill_load(run);
    for (unsigned int i = 0; i < run->node_count; i++) {
        struct la_node *node = &run->nodes[i];
        la_node_free(node);
        if (node->filled_bytes) /* as much as that is drawn again by whoever wants it */
            la_empty_folder(node->data);
    }
    kill_orphans();
    if (run->ledger.head) {
        char path[LA_PATH_MAX];
        la_path(path, "%s/ledger", run->dir);
        la_ledger_trim(&run->ledger, path);
    }
    la_recording_free(&run->recording);
    free(run->changed);
    la_strings_free(&run->base_keys);
    free(run->base_digests);
    la_run_free(run);
}

static struct la_run *begin(const struct la_scenario *scenario, const struct la_options *options, const char *dir)
{
    struct la_run *run = la_alloc(1, sizeof *run);
    run->scenario = scenario;
    run->options = options;
    run->timeline = json_array();
    run->start_ns = la_now_ns();
    run->wall_offset_ns = la_wall_offset_ns();
    la_path(run->dir, "%s", dir);
    return run;
}

json_t *la_runner_run(const struct la_scenario *scenario, const struct la_options *options, const char *dir)
{
    struct la_run *run = begin(scenario, options, dir);
    pid_t guard = la_guard_start(dir);
    struct la_place place = LA_PLACE_NONE;
    if (!scenario->world)
        go_through(run);
    else if (enter_world(run, &place) == 0)
        go_through_world(run);
    if (run->ledger.head)
        la_stop_load(run);
    la_watch_end(run->watch);
    struct la_judgement judgement = la_judge(run);
    json_t *result = la_result_scenario(run, &judgement);
    la_judgement_free(&judgement);
    la_guard_end(guard);
    la_place_down(&place);
    destroy(run);
    return result;
}

/* ---- recording ---- */

/* A rule that would end the server: there is none in a recording. */
static bool ends(const struct la_step *step)
{
    const char *text = la_step_rule(step);
    struct fi_rule rule;
    return text && la_rule_parse(text, &rule) == 0 && fi_actions[rule.action].ends;
}

static bool is_end(const struct la_step *step, bool waits_for_it)
{
    const struct la_step_kind *const kinds[] = {&la_step_power_cut, &la_step_kill, &la_step_recover, &la_step_verify,
                                                &la_step_brink};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (step->kind == kinds[i])
            return true;
    return waits_for_it && step->kind == &la_step_wait;
}

static void record(struct la_run *run)
{
    bool left_out = false;
    if (create(run) || check_outside(run) || start_nodes(run))
        return;
    for (unsigned int i = 0; i < run->scenario->step_count; i++) {
        const struct la_step *step = &run->scenario->steps[i];
        if (is_end(step, left_out) || la_interrupted())
            break;
        note_all_evictions(run);
        left_out = left_out || ends(step);
        if (!ends(step) && step->kind->run(run, step->spec))
            return;
        /* what was acknowledged before a mark is in safety once the server has done what is waited for then */
        if (step->kind == &la_step_wait && run->ledger.head->mark_ns && !run->kept_ns)
            run->kept_ns = la_now_ns();
        la_run_pump(run);
    }
    la_kill_group(run, &run->nodes[0]);
    la_stop_load(run);
}

/* Folder and nodes are there as in any run; no server is started. */
static void take_up(struct la_run *run, const struct la_runner_recording *recording)
{
    struct la_error error;
    run->replayed = true;
    if (la_make_dirs(run->dir, &error))
        la_run_doubt(run, "%s", error.text);
    else if (create_nodes(run) == 0)
        recording->instead(run, recording->context);
}

json_t *la_runner_record(const struct la_scenario *scenario, const struct la_options *options, const char *dir,
                         const struct la_runner_recording *recording)
{
    struct la_run *run = begin(scenario, options, dir);
    pid_t guard = la_guard_start(dir);
    if (scenario->world)
        la_run_doubt(run, "a scenario with a world is not recorded");
    else if (recording->instead)
        take_up(run, recording);
    else
        record(run);
    if (run->ledger.head)
        la_stop_load(run);
    json_t *result = recording->then(run, recording->context);
    la_guard_end(guard);
    destroy(run);
    return result;
}
