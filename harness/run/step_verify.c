/* The steps verify and compare. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/drawn.h"
#include "run/compare.h"
#include "run/given_keys.h"
#include "run/reference.h"
#include "run/steps.h"
#include "run/wait.h"

enum {
    SYNC_TIMEOUT_MS = 20000,
    STILL_MS = 10000, /* more than the second until a replica tries again, and the five until a diskless sync */
};

/* Of both steps. */
struct reading {
    char *node;
    unsigned int ttl_ms; /* so much times to live may differ from what they are to be */
};

static const cyaml_schema_field_t reading_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct reading, node),
                                                      LA_NUMBER("ttl_ms", struct reading, ttl_ms), LA_END};

int la_read_back(struct la_run *run, const struct la_node *node, const struct la_address *address,
                 struct la_verify_options options)
{
    struct la_strings sent = {0};
    for (unsigned int i = 0; i < run->scenario->step_count; i++) {
        const struct la_step *step = &run->scenario->steps[i];
        la_strings_add(&sent, la_strdup(step->kind->keys ? step->kind->keys : la_step_line(step)));
    }
    options.ignore = &run->base_keys;
    options.sent = &sent;
    options.fault_ns = run->fault_ns;
    options.timeless = run->clock_changed;
    run->findings.node = node->spec->name;
    int bad = la_verify_node(&run->ledger, address, &options, &run->findings, &run->verify);
    la_strings_free(&sent);
    return bad ? la_run_doubt(run, "%s: %s", node->spec->name, run->verify.why) : 0;
}

/* The same, and what was read is kept with the run. */
static int verify_with(struct la_run *run, struct la_node *node, struct la_verify_options options,
                       unsigned int lenient_ms)
{
    char reads[LA_PATH_MAX];
    char kept[LA_PATH_MAX];
    la_path(reads, "%s/reads", run->dir);
    la_path(kept, "%s/replies", run->dir);
    options.reads_path = reads;
    options.kept_path = kept;
    options.lenient_ns = lenient_ms * UINT64_C(1000000);
    return la_read_back(run, node, &node->address, options);
}

/* Recorded traffic is held against another server that is sent the same. */
static int verify_recorded(struct la_run *run, struct la_node *node)
{
    struct la_reference *reference = la_alloc(1, sizeof *reference);
    struct la_error error;
    if (run->scenario->load->commands)
        run->changed = la_alloc(run->recording.count, sizeof *run->changed);
    struct la_verify_options options = {
        .recording = &run->recording, .reference = &reference->node.address, .changed = run->changed};
    int drawn = la_drawn_read(&run->recording, run->recording.drawn, &error) ? la_run_doubt(run, "%s", error.text) : 0;
    int bad = drawn || la_reference_start(run, reference) || verify_with(run, node, options, 0);
    la_reference_end(reference);
    free(reference);
    return bad ? -1 : 0;
}

/* What is read is the state that the history led to: nothing is under way, nobody else has had a hand in it. */
static int check_steady(struct la_run *run, const struct la_node *node)
{
    enum { STEP_MS = 100 }; /* more than slewing does */
    char run_id[sizeof node->run_id] = "";
    int64_t stepped_ms = (la_wall_offset_ns() - run->wall_offset_ns) / 1000000;
    if (run->undrained == atomic_load(&run->ledger.head->life) + 1)
        return la_run_doubt(run,
                            "the load's last operations were not answered: the server may be at them while it is read");
    if (stepped_ms > STEP_MS || stepped_ms < -STEP_MS) {
        la_run_doubt(run, "the machine's clock was set by %lld ms meanwhile: times to live say nothing",
                     (long long)stepped_ms);
        run->clock_changed = true;
    }
    char *info = la_node_info(node);
    bool known = info && la_info_field(info, "run_id", run_id, sizeof run_id) && node->identified == node->starts;
    free(info);
    if (known && strcmp(run_id, node->run_id) != 0)
        return la_run_doubt(run, "%s was started anew by somebody else: its lives cannot be told apart",
                            node->spec->name);
    return 0;
}

/* Whether a node has less than a primary that lives; `progress` changes while something comes from there. */
static bool is_behind(struct la_run *run, struct la_node *node, long long *progress)
{
    char role[16] = "";
    char *info = la_node_info(node);
    const struct la_node *primary = la_run_primary_of(run, node, info);
    bool told = info != NULL;
    la_info_field(info, "role", role, sizeof role);
    *progress = la_info_number(info, "slave_repl_offset", 0) + la_info_number(info, "master_sync_read_bytes", 0);
    if (!told || la_info_number(info, "loading", 0))
        *progress = (long long)la_now_ns();
    free(info);
    return primary && primary->pid && (!told || !strcmp(role, "slave")) && !la_wait_synced(run, node);
}

/*
 * A replica to which nothing comes is read as it is, but not before it has had the time to connect again: *cut_at is
 * its progress then, -1 for a node that is not behind.
 */
static int wait_fed(struct la_run *run, struct la_node *node, long long *cut_at)
{
    long long before = -1;
    long long progress = 0;
    struct la_deadline still = la_wait_until(STILL_MS);
    struct la_deadline deadline = la_wait_until(SYNC_TIMEOUT_MS);
    for (*cut_at = -1; *cut_at < 0 && is_behind(run, node, &progress); before = progress) {
        if (progress != before)
            still = la_wait_until(STILL_MS);
        if (la_now_ns() > still.at_ns)
            *cut_at = progress;
        else if (!la_wait_turn(run, &deadline))
            return la_run_doubt(run, "%s was not in sync within %d ms: it changes while it is read", node->spec->name,
                                SYNC_TIMEOUT_MS);
    }
    return 0;
}

/* One that is not behind stays so: the load has ended, only pings come. */
static int check_fed(struct la_run *run, struct la_node *node, long long cut_at)
{
    long long progress = cut_at;
    if (cut_at < 0 || (is_behind(run, node, &progress) && progress == cut_at))
        return 0;
    return la_run_doubt(run, "%s had its primary back while it was read", node->spec->name);
}

/* The load has ended. A replay's is settled since it was opened. */
static int settle_ledger(struct la_run *run)
{
    struct la_error error;
    char path[LA_PATH_MAX];
    la_path(path, "%s/ledger", run->dir);
    if (!run->replayed && la_ledger_settle(&run->ledger, path, &error))
        return la_run_doubt(run, "%s", error.text);
    return 0;
}

static int run_verify(struct la_run *run, const struct la_spec *spec)
{
    struct la_node *node = la_run_node(run, spec->node);
    la_stop_load(run);
    if (!node->pid)
        return la_run_doubt(run, "%s is not running: nothing can be read back", node->spec->name);
    long long cut_at;
    if (wait_fed(run, node, &cut_at) || check_steady(run, node))
        return -1;
    if (settle_ledger(run))
        return -1;
    if (la_load_is_list(run->scenario->load)
            ? verify_recorded(run, node)
            : verify_with(run, node, (struct la_verify_options){0}, ((const struct reading *)spec)->ttl_ms))
        return -1;
    if (check_fed(run, node, cut_at))
        return -1;
    if (run->verify.unlisted[0])
        la_run_doubt(run, "%s: %s", node->spec->name, run->verify.unlisted);
    if (!la_load_is_list(
            run->scenario->load)) /* it may have changed them: they have been compared with all the others */
        la_basekeys_check(run, node);
    run->verified = node;
    la_run_pump(run); /* whoever has flooded his log meanwhile is found out */
    la_run_event(run, node->spec->name, "verified: %llu of %llu acknowledged operations lost",
                 (unsigned long long)run->verify.lost, (unsigned long long)run->verify.acked);
    return 0;
}

const char *la_scenario_verifies(const struct la_scenario *scenario)
{
    const struct la_step *step = la_scenario_step(scenario, &la_step_verify, UINT_MAX);
    return step ? la_spec_node(scenario, step->spec) : NULL;
}

static int check_verify(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    (void)spec;
    if (la_scenario_step(check->scenario, &la_step_verify, index))
        return la_check_wrong(check, "a scenario verifies once");
    return 0;
}

const struct la_step_kind la_step_verify = {
    .form = {"verify", reading_fields, sizeof(struct reading)},
    .check = check_verify,
    .run = run_verify,
    .reads = true,
};

/* Nobody writes meanwhile, and the replica has had the time to catch up: the other one, where they have changed roles.
 */
static int run_compare(struct la_run *run, const struct la_spec *spec)
{
    struct la_node *replica = la_run_node(run, spec->node);
    struct la_node *primary = la_run_node(run, replica->spec->replicates);
    la_stop_load(run);
    if (la_run_fault_on(run))
        return la_run_doubt(run, "a fault is on: that %s differs would say nothing", replica->spec->name);
    if (la_wait(run, la_run_ask_primary(run, primary) == replica ? primary : replica, LA_WAIT_SYNCED, SYNC_TIMEOUT_MS))
        return -1;
    return la_identical(run, primary, replica, ((const struct reading *)spec)->ttl_ms);
}

static int check_compare(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    (void)index;
    if (!la_scenario_node(check->scenario, la_spec_node(check->scenario, spec))->replicates)
        return la_check_wrong(check, "'compare' names a node that replicates another");
    return 0;
}

const struct la_step_kind la_step_compare = {
    .form = {"compare", reading_fields, sizeof(struct reading)},
    .check = check_compare,
    .run = run_compare,
    .asks = true,
    .reads = true,
};
