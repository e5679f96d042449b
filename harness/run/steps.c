#include "run/steps.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load/load.h"
#include "run/compare.h"
#include "run/given_keys.h"
#include "run/recover.h"
#include "run/reference.h"
#include "run/wait.h"

enum {
    LOAD_TIMEOUT_MS = 30000,
    COMMAND_TIMEOUT_MS = 30000,
    STOP_SLACK_MS = 5000, /* for the load to give up by itself first */
    MARK_TIMEOUT_MS = 20000,
    SYNC_TIMEOUT_MS = 20000,
    STILL_MS = 10000, /* more than the second until a replica tries again, and the five until a diskless sync */
    END_TIMEOUT_MS = 10000
};

static struct la_ledger_head *head_of(struct la_run *run)
{
    return run->ledger.head;
}

/* A recording may come from a server with more databases; what was meant for one of them must not go elsewhere. */
static int check_databases(struct la_run *run, const struct la_address *address)
{
    struct la_error error;
    unsigned int last = la_recording_last_database(&run->recording);
    redisContext *client = last ? la_client_connect(address, COMMAND_TIMEOUT_MS, &error) : NULL;
    if (!client)
        return last ? la_run_doubt(run, "%s", error.text) : 0;
    char select[32];
    snprintf(select, sizeof select, "SELECT %u", last);
    redisReply *reply = la_client_send(client, address, select);
    bool there = reply && reply->type == REDIS_REPLY_STATUS;
    if (!there)
        la_run_doubt(run, "the recording is about database %u: %s", last, reply ? reply->str : client->errstr);
    freeReplyObject(reply);
    la_client_close(client);
    return there ? 0 : -1;
}

static int start_load(struct la_run *run)
{
    if (run->load_pid || run->load_started)
        return 0;
    const struct la_load_spec *load = run->scenario->load;
    struct la_address address = la_run_target(run)->address;
    if (load->user) {
        address.user = load->user;
        address.password = load->password;
    }
    address.socket = load->unix_socket ? la_run_target(run)->socket : NULL;
    if (load->replay && check_databases(run, &address))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        _exit(la_load_run(&run->ledger, &address, load->replay ? &run->recording : NULL));
    }
    if (pid < 0)
        return la_run_doubt(run, "fork: %s", strerror(errno));
    run->load_pid = pid;
    run->load_started = true;
    la_run_event(run, NULL, "load starts");
    return 0;
}

static int step_load(struct la_run *run, const struct la_step_load *step)
{
    if (start_load(run))
        return -1;
    struct la_deadline deadline = la_wait_until(LOAD_TIMEOUT_MS);
    uint64_t goal = head_of(run)->acked + step->acked;
    const struct la_node *target = la_run_target(run);
    while (head_of(run)->acked < goal) {
        if (!target->pid && !target->restart_due_ns)
            return 0; /* it has gone down for good: what follows will tell */
        if (head_of(run)->ended)
            return 0; /* the recording is at its end */
        if (head_of(run)->full)
            return la_run_doubt_full(run);
        if (!run->load_pid)
            return la_run_doubt(run, "the load is not running any more");
        if (!la_wait_turn(run, &deadline))
            return la_run_doubt(run, "load too thin: %llu of %llu operations acknowledged in %d s",
                                (unsigned long long)head_of(run)->acked, (unsigned long long)goal,
                                LOAD_TIMEOUT_MS / 1000);
    }
    return 0;
}

void la_step_stop_load(struct la_run *run)
{
    if (!run->load_pid)
        return;
    atomic_store(&head_of(run)->stop, 1);
    unsigned int patience_ms = la_load_patience_ms(&head_of(run)->plan) + STOP_SLACK_MS;
    struct la_deadline deadline = la_wait_until(patience_ms);
    uint64_t before = la_ledger_answered(&run->ledger);
    while (run->load_pid && la_wait_turn(run, &deadline)) {
        uint64_t answered = la_ledger_answered(&run->ledger);
        if (answered != before)
            deadline = la_wait_until(patience_ms);
        before = answered;
    }
    if (run->load_pid) {
        kill(run->load_pid, SIGKILL);
        waitpid(run->load_pid, NULL, 0);
        run->load_pid = 0;
        run->load_status = 1;
    }
    if (run->load_status)
        run->undrained = atomic_load(&head_of(run)->epoch) + 1;
    la_run_event(run, NULL, "load ends");
}

redisReply *la_step_send(struct la_node *node, const char *line, struct la_error *error)
{
    redisContext *client = la_client_connect(&node->address, COMMAND_TIMEOUT_MS, error);
    if (!client)
        return NULL;
    redisReply *reply = la_client_send(client, &node->address, line);
    if (!reply)
        la_fail(error, "%s: %s", line, client->errstr);
    la_client_close(client);
    return reply;
}

static char *info_of(const struct la_node *node)
{
    return la_address_info(&node->address, COMMAND_TIMEOUT_MS);
}

static int port_of(const void *context, const char *node)
{
    return la_run_node((struct la_run *)context, node)->address.port;
}

static int step_arm(struct la_run *run, const struct la_step_arm *step)
{
    struct la_error error;
    struct la_node *chosen = la_run_node(run, step->node);
    bool clock = la_rule_is_clock(step->rule);
    uint64_t now = la_now_ns();
    int result = 0;
    if (!chosen->server->shim)
        return la_run_doubt(run, "%s runs without libfaultinject.so, so no rule can fire", chosen->spec->name);
    char *rule = la_rule_with_port(step->rule, port_of, run);
    /* one time for all nodes of a run, or replication would see the difference */
    for (unsigned int i = 0; !result && i < run->node_count; i++) {
        struct la_node *node = &run->nodes[i];
        if (!(clock || node == chosen))
            continue;
        if (la_node_arm(node, rule, now, &error) < 0)
            result = la_run_doubt(run, "cannot arm '%s': %s", rule, error.text);
        else
            la_run_event(run, node->spec->name, "armed: %s", rule);
    }
    run->clock_changed = run->clock_changed || clock;
    free(rule);
    return result;
}

/* Waits for the node's process to end once more than `exits` times. */
static int wait_end(struct la_run *run, const struct la_node *node, unsigned int exits)
{
    struct la_deadline deadline = la_wait_until(END_TIMEOUT_MS);
    while (node->exits == exits)
        if (!la_wait_turn(run, &deadline))
            return la_run_doubt(run, "%s did not end within %d ms", node->spec->name, END_TIMEOUT_MS);
    return 0;
}

static int step_kill(struct la_run *run, const struct la_step_kill *step)
{
    struct la_node *node = la_run_node(run, step->node);
    la_run_pump(run);
    if (!node->pid)
        return la_wait_ended_unasked(run, node, "SIGKILL");
    unsigned int exits = node->exits;
    node->killed_ns = la_now_ns();
    la_node_kill(node, step->scope);
    la_run_event(run, node->spec->name, "SIGKILL to the %s", step->scope == LA_SCOPE_GROUP ? "group" : "process");
    return wait_end(run, node, exits);
}

static int step_power_cut(struct la_run *run, const struct la_step_node *step)
{
    struct la_error error;
    struct la_node *node = la_run_node(run, step->node);
    la_run_pump(run);
    if (!node->pid)
        return la_wait_ended_unasked(run, node, "its power cut");
    unsigned int exits = node->exits;
    la_node_freeze(node);
    int bad = la_power_cut(&node->power, node->control, &error);
    la_node_kill(node, LA_SCOPE_GROUP);
    la_run_event(run, node->spec->name, "power cut");
    if (bad)
        return la_run_doubt(run, "%s: %s", node->spec->name, error.text);
    return wait_end(run, node, exits);
}

/* A text, a number, or one of several of them. */
static bool says(const redisReply *reply, const char *text)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", reply->integer);
    if (reply->type == REDIS_REPLY_INTEGER)
        return !strcmp(number, text);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        if (says(reply->element[i], text))
            return true;
    return reply->str && strstr(reply->str, text);
}

static int step_command(struct la_run *run, const struct la_step_command *step)
{
    struct la_error error;
    struct la_node *node = la_run_node(run, step->node);
    unsigned int exits = node->exits;
    redisReply *reply = la_step_send(node, step->send, &error);
    if (!reply && !strncasecmp(step->send, "SHUTDOWN", 8)) /* answered by the end of the connection */
        return wait_end(run, node, exits);
    if (!reply)
        return la_run_doubt(run, "%s: %s", step->send, error.text);
    bool failed = reply->type == REDIS_REPLY_ERROR;
    const char *text = reply->str ? reply->str : "";
    la_run_event(run, node->spec->name, "%s -> %.100s", step->send, text);
    int result = 0;
    if (step->expect && !says(reply, step->expect))
        la_run_broken(run, "%s: expected a reply with '%s', got '%.100s'", step->send, step->expect, text);
    else if (!step->expect && failed)
        result = la_run_doubt(run, "%s: %.200s", step->send, text);
    freeReplyObject(reply);
    return result;
}

static int step_truncate(struct la_run *run, const struct la_step_truncate *step)
{
    struct la_node *node = la_run_node(run, step->node);
    char pattern[LA_PATH_MAX];
    glob_t found;
    struct stat st;
    if (node->pid)
        return la_run_doubt(run, "%s is running: its files are cut only while it is down", node->spec->name);
    char *data = la_glob_literal(node->data);
    la_path(pattern, "%s/%s", data, step->file);
    free(data);
    if (glob(pattern, 0, NULL, &found) || found.gl_pathc != 1)
        return la_run_doubt(run, "truncate: '%s' is not exactly one file", step->file);
    int result = 0;
    const char *file = found.gl_pathv[0];
    if (stat(file, &st) || st.st_size <= (off_t)step->drop || truncate(file, st.st_size - (off_t)step->drop))
        result = la_run_doubt(run, "cannot cut %u bytes off %s", step->drop, step->file);
    else
        la_run_event(run, node->spec->name, "cut %u bytes off %s", step->drop, file + strlen(node->data) + 1);
    globfree(&found);
    return result;
}

/*
 * With appendfsync everysec the server puts writes off, for up to 2 s, while an fsync
 * is running, and acknowledges all the same. What was acknowledged before the mark
 * counts as written only when the buffer has been seen empty after it.
 */
static bool buffer_empty(struct la_node *node)
{
    char *info = info_of(node);
    bool empty =
        info && (!la_info_number(info, "aof_enabled", 1) || la_info_number(info, "aof_buffer_length", -1) == 0);
    free(info);
    return empty;
}

static int step_mark(struct la_run *run, const struct la_step_node *step)
{
    struct la_node *node = la_run_node(run, step->node);
    struct la_deadline deadline = la_wait_until(MARK_TIMEOUT_MS);
    uint64_t now = la_now_ns();
    while (!buffer_empty(node)) {
        if (!node->pid)
            return la_run_doubt(run, "mark: %s has ended", node->spec->name);
        if (!la_wait_turn(run, &deadline))
            return la_run_doubt(run, "mark: the AOF buffer of %s was not empty within %d ms", node->spec->name,
                                MARK_TIMEOUT_MS);
    }
    head_of(run)->mark_ns = now;
    la_run_event(run, node->spec->name, "mark: %llu operations acknowledged", (unsigned long long)head_of(run)->acked);
    return 0;
}

static void step_sleep(struct la_run *run, const struct la_step_sleep *step)
{
    struct la_deadline deadline = la_wait_until(step->ms);
    while (la_wait_turn(run, &deadline))
        ;
}

static int verify_with(struct la_run *run, struct la_node *node, struct la_verify_options options)
{
    char reads[LA_PATH_MAX];
    la_path(reads, "%s/reads", run->dir);
    options.ignore = &run->base_keys;
    options.fault_ns = run->fault_ns;
    options.reads_path = reads;
    options.timeless = run->clock_changed;
    run->findings.node = node->spec->name;
    if (la_verify_node(&run->ledger, &node->address, &options, &run->findings, &run->verify))
        return la_run_doubt(run, "%s: %s", node->spec->name, run->verify.why);
    return 0;
}

/* Recorded traffic is held against another server that is sent the same. */
static int verify_recorded(struct la_run *run, struct la_node *node)
{
    struct la_reference *reference = la_alloc(1, sizeof *reference);
    struct la_verify_options options = {.recording = &run->recording, .reference = &reference->node.address};
    int bad = la_reference_start(run, reference) || verify_with(run, node, options);
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
    if (run->undrained == atomic_load(&head_of(run)->epoch) + 1)
        return la_run_doubt(run,
                            "the load's last operations were not answered: the server may be at them while it is read");
    if (stepped_ms > STEP_MS || stepped_ms < -STEP_MS) {
        la_run_doubt(run, "the machine's clock was set by %lld ms meanwhile: times to live say nothing",
                     (long long)stepped_ms);
        run->clock_changed = true;
    }
    char *info = info_of(node);
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
    if (!node->spec->replicates || !la_run_node(run, node->spec->replicates)->pid)
        return false;
    char *info = info_of(node);
    bool told = info != NULL;
    la_info_field(info, "role", role, sizeof role);
    *progress = la_info_number(info, "slave_repl_offset", 0) + la_info_number(info, "master_sync_read_bytes", 0);
    if (!told || la_info_number(info, "loading", 0))
        *progress = (long long)la_now_ns();
    free(info);
    return (!told || !strcmp(role, "slave")) && !la_wait_synced(run, node);
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

static int step_verify(struct la_run *run, const struct la_step_node *step)
{
    struct la_node *node = la_run_node(run, step->node);
    la_step_stop_load(run);
    if (!node->pid)
        return la_run_doubt(run, "%s is not running: nothing can be read back", node->spec->name);
    long long cut_at;
    if (wait_fed(run, node, &cut_at) || check_steady(run, node))
        return -1;
    for (uint32_t epoch = 0; epoch < LA_EPOCHS_MAX; epoch++)
        if (run->cut_ns[epoch])
            la_ledger_forget_after(&run->ledger, epoch, run->cut_ns[epoch]);
    if (run->scenario->load->replay ? verify_recorded(run, node)
                                    : verify_with(run, node, (struct la_verify_options){0}))
        return -1;
    if (check_fed(run, node, cut_at))
        return -1;
    if (!run->scenario->load->replay) /* it may have changed them: they have been compared with all the others */
        la_basekeys_check(run, node);
    run->verified = node;
    la_run_pump(run); /* whoever has flooded his log meanwhile is found out */
    la_run_event(run, node->spec->name, "verified: %llu of %llu acknowledged operations lost",
                 (unsigned long long)run->verify.lost, (unsigned long long)run->verify.acked);
    return 0;
}

/* Nobody writes meanwhile, and the replica has had the time to catch up. */
static int step_compare(struct la_run *run, const struct la_step_node *step)
{
    struct la_node *replica = la_run_node(run, step->node);
    struct la_step_wait wait = {step->node, LA_WAIT_SYNCED, SYNC_TIMEOUT_MS};
    la_step_stop_load(run);
    if (la_wait(run, &wait))
        return -1;
    return la_identical(run, la_run_node(run, replica->spec->replicates), replica);
}

int la_step(struct la_run *run, const struct la_step *step)
{
    if (step->load)
        return step_load(run, step->load);
    if (step->arm)
        return step_arm(run, step->arm);
    if (step->wait)
        return la_wait(run, step->wait);
    if (step->kill)
        return step_kill(run, step->kill);
    if (step->command)
        return step_command(run, step->command);
    if (step->power_cut)
        return step_power_cut(run, step->power_cut);
    if (step->mark)
        return step_mark(run, step->mark);
    if (step->truncate)
        return step_truncate(run, step->truncate);
    if (step->kill_child)
        return la_step_kill_child(run, step->kill_child);
    if (step->recover)
        return la_recover(run, la_run_node(run, step->recover->node), step->recover->timeout_ms);
    if (step->verify)
        return step_verify(run, step->verify);
    if (step->compare)
        return step_compare(run, step->compare);
    if (step->sleep)
        step_sleep(run, step->sleep);
    if (step->stop_load)
        la_step_stop_load(run);
    if (step->disarm)
        la_node_disarm(la_run_node(run, step->disarm->node));
    return 0;
}
