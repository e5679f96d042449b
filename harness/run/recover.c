#include "run/recover.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/copy.h"
#include "redis/keyscan.h"
#include "run/check.h"
#include "run/repair.h"
#include "run/steps.h"

enum { GONE_TIMEOUT_MS = 10000, REPLY_TIMEOUT_MS = 1000, CHECK_MS = 800 /* for a check of the user's to take */ };

/* Whether anybody listens; costs nothing when nobody does. */
static bool accepts(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return yes;
}

/* One question to the node. True: it answered, and not with an error; `error` otherwise says why. */
static bool answers(struct la_node *node, const char *line, struct la_error *error)
{
    redisContext *client = la_client_connect(&node->address, REPLY_TIMEOUT_MS, error);
    if (!client)
        return false;
    redisReply *reply = la_client_send(client, &node->address, line);
    bool ok = reply && reply->type != REDIS_REPLY_ERROR;
    if (!ok)
        la_fail(error, "%s", reply ? reply->str : client->errstr);
    freeReplyObject(reply);
    la_client_close(client);
    return ok;
}

/* Who serves: the process to kill, and whether it is a new one; and what it has loaded. */
static void identify(struct la_node *node, struct la_recovery *recovery)
{
    char run_id[sizeof node->run_id] = "";
    char *info = la_address_info(&node->address, REPLY_TIMEOUT_MS);
    recovery->keys = la_info_keyspace(info).keys;
    if (!info)
        return;
    long long pid = la_info_number(info, "process_id", 0);
    if (pid > 1)
        node->server_pid = (pid_t)pid;
    la_info_field(info, "run_id", run_id, sizeof run_id);
    node->escaped = node->starts > 1 && node->identified != node->starts && !strcmp(run_id, node->run_id);
    node->identified = node->starts;
    snprintf(node->run_id, sizeof node->run_id, "%s", run_id);
    free(info);
}

/* Bytes in the files below a directory, as they lie there now. */
static uint64_t bytes_below(const char *directory)
{
    char *const roots[] = {(char *)directory, NULL};
    uint64_t bytes = 0;
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; tree && (entry = fts_read(tree));)
        bytes += entry->fts_info == FTS_F ? (uint64_t)entry->fts_statp->st_size : 0;
    if (tree)
        fts_close(tree);
    return bytes;
}

/* It says that it follows a node of this run: as the scenario has it, or because somebody has told it since. */
static bool is_replica_here(const struct la_run *run, const struct la_node *node)
{
    char role[16] = "";
    char *info = la_address_info(&node->address, REPLY_TIMEOUT_MS);
    la_info_field(info, "role", role, sizeof role);
    bool yes = !strcmp(role, "slave") && la_run_primary_of(run, node, info);
    free(info);
    return yes;
}

/* A replica whose primary is away and that is configured to give no stale data: it does what it is to do. */
static bool refuses_stale_reads(const struct la_run *run, const struct la_node *node, const struct la_error *error)
{
    return !strncmp(error->text, "MASTERDOWN", 10) && (node->spec->replicates || is_replica_here(run, node));
}

/* A directive of the node's own, or one that a command of the scenario's names. */
static bool has_been_set(const struct la_run *run, const struct la_node *node, const char *directive)
{
    char *value = la_config_get(&node->config, directive);
    bool set = value && strcmp(value, "0") != 0;
    free(value);
    for (unsigned int i = 0; i < run->scenario->step_count && !set; i++)
        set = strstr(la_step_line(&run->scenario->steps[i]), directive) != NULL;
    return set;
}

/* It serves, and writes are not its to take: as it was configured, or since it has become a replica. */
static bool may_refuse_writes(const struct la_run *run, const struct la_node *node, const struct la_error *error)
{
    if (la_run_under_fault(run, node))
        return true;
    if (!strncmp(error->text, "OOM ", 4))
        return has_been_set(run, node, "maxmemory");
    if (!strncmp(error->text, "NOREPLICAS ", 11))
        return has_been_set(run, node, "min-replicas-to-write") || has_been_set(run, node, "min-slaves-to-write");
    bool replica = !strncmp(error->text, "READONLY ", 9) || !strncmp(error->text, "MOVED ", 6);
    return replica && is_replica_here(run, node);
}

/* Writes are not its to take. */
static bool only_reads(const struct la_node *node)
{
    return node->spec->replicates && !node->promoted;
}

static void follow(const struct la_run *run, struct la_node *node, struct la_recovery *recovery, struct la_error *last)
{
    if (!recovery->accept_ns) {
        if (!accepts(node->address.port))
            return;
        recovery->accept_ns = la_now_ns();
    }
    if (!recovery->ready_ns) {
        if (!answers(node, "PING", last) && !refuses_stale_reads(run, node, last)) {
            recovery->loading_seen = recovery->loading_seen || !strncmp(last->text, "LOADING", 7);
            return;
        }
        recovery->ready_ns = la_now_ns();
        node->served = true;
        identify(node, recovery);
    }
    if (node->spec->sentinel_of)
        return;
    if (!recovery->read_ns && (answers(node, "GET " LA_RECOVERY_KEY, last) || refuses_stale_reads(run, node, last)))
        recovery->read_ns = la_now_ns();
    bool writable = recovery->read_ns && !only_reads(node);
    if (!writable || recovery->write_ns)
        return;
    if (answers(node, "SET " LA_RECOVERY_KEY " x", last))
        recovery->write_ns = la_now_ns();
    else if (may_refuse_writes(run, node, last))
        recovery->full = true;
}

static bool serves(const struct la_node *node, const struct la_recovery *recovery)
{
    if (node->spec->sentinel_of)
        return recovery->ready_ns;
    return recovery->read_ns && (recovery->write_ns || recovery->full || only_reads(node));
}

void la_recover_wait_check(struct la_run *run)
{
    uint64_t until = la_now_ns() + (LA_CHECK_EVERY_MS + CHECK_MS) * UINT64_C(1000000);
    bool wanted = run->options->check && la_run_struck(run) && !run->harms.relief_ns;
    while (wanted && la_now_ns() < until) {
        la_run_pump(run);
        la_run_doze(run);
    }
}

/* A rule has ended it as it started, or, with carry_on, has made an operation fail of which it may have. A crash is
 * one. */
static bool ended_of_rule(const struct la_run *run, const struct la_node *node)
{
    int status = node->exit_status;
    bool crashed = WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL;
    return la_node_struck_at_start(node) || (run->scenario->carry_on && !crashed && la_node_harmed(node));
}

/* The node ended before it served: by itself it refuses, by a signal it has crashed. */
static int ended_early(struct la_run *run, struct la_node *node)
{
    char words[250];
    const char *name = node->spec->name;
    if (node->starved) /* the machine's doing: a doubt has been noted */
        return -1;
    if (ended_of_rule(run, node)) { /* which says nothing about the server; what comes of it, the step knows */
        la_run_event(run, name, "ended by a rule while it starts");
        return -1;
    }
    la_node_last_words(node, words, sizeof words);
    run->findings.node = name;
    bool refused = WIFEXITED(node->exit_status); /* Redis does it with status 0 after a look at a bad snapshot */
    if (refused && node->refusals++)
        la_run_broken(run, true, "%s does not start, although something was done about it: %s", name, words);
    if (refused)
        la_findings_add(&run->findings, LA_REFUSED, words, "%s does not start on what it left behind", name);
    else
        la_findings_add(&run->findings, LA_UNAVAILABLE, words, "%s ends by signal %d while it starts", name,
                        WTERMSIG(node->exit_status));
    la_run_event(run, name, "does not start");
    return -1;
}

/* How many filters the kernel has in force for a process; -1: it does not say. */
static int filters_of(pid_t pid)
{
    char path[64];
    char line[256];
    int count = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "re");
    while (status && count < 0 && fgets(line, sizeof line, status))
        if (sscanf(line, "Seccomp_filters: %d", &count) != 1)
            count = -1;
    if (status)
        fclose(status);
    return count;
}

/* It has no memory any more: it was killed after it had served, and its end has not been seen yet. */
static bool is_going(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    if (!maps) /* which it may also keep to itself */
        return errno == ENOENT || errno == ESRCH;
    const bool empty = fgetc(maps) == EOF && !ferror(maps);
    fclose(maps);
    return empty;
}

/* Rules can fire only in a server that has loaded the library and traps: each start of it may be another's doing. */
static int check_shim(struct la_run *run, const struct la_node *node)
{
    const char *name = node->spec->name;
    if (!node->server->shim)
        return 0;
    bool driven = node->server->outside ? node->control->attached : la_node_preloaded(node, node->server_pid);
    if (!driven && is_going(node->server_pid))
        return 0;
    if (!driven)
        return la_run_doubt(
            run, "%s has not loaded libfaultinject.so (statically linked, set-uid, or LD_PRELOAD removed)", name);
    if (node->control->trap_state == FI_TRAP_FAILED)
        return la_run_doubt(run, "%s: the system-call filter cannot be installed: %s", name,
                            strerror(node->control->trap_errno));
    if (node->control->trap_state == FI_TRAP_ON && filters_of(node->server_pid) == 0)
        return la_run_doubt(run, "%s: the system-call filter of libfaultinject.so is not in force", name);
    return 0;
}

int la_recover_follow(struct la_run *run, struct la_node *node, struct la_recovery *recovery, unsigned int timeout_ms)
{
    struct la_recovery mine = {0};
    struct la_error last = {"it does not accept connections"};
    uint64_t deadline = la_now_ns() + timeout_ms * UINT64_C(1000000);
    recovery = recovery ? recovery : &mine;
    while (!serves(node, recovery)) {
        la_run_pump(run);
        if (!node->pid && !node->restart_due_ns)
            return ended_early(run, node);
        if (node->spawn_ns != recovery->spawn_ns) { /* restarted once more: begin again */
            recovery->spawn_ns = node->spawn_ns;
            recovery->accept_ns = recovery->ready_ns = recovery->read_ns = recovery->write_ns = 0;
        }
        if (node->pid)
            follow(run, node, recovery, &last);
        if (node->escaped)
            return la_run_doubt(run,
                                "%s is still the server from before: it outlived its end (does --server start it "
                                "in the background?)",
                                node->spec->name);
        if (la_now_ns() > deadline && la_run_under_fault(run, node)) {
            la_run_event(run, node->spec->name, "does not serve while the fault is on: %s", last.text);
            return 0;
        }
        if (la_now_ns() > deadline) {
            run->findings.node = node->spec->name;
            la_findings_add(&run->findings, LA_UNAVAILABLE, last.text, "%s is up but does not %s within %u ms",
                            node->spec->name, recovery->ready_ns ? "take reads and writes" : "serve", timeout_ms);
            return -1;
        }
        uint64_t stall = la_run_doze(run);
        recovery->stall_ns = stall > recovery->stall_ns ? stall : recovery->stall_ns;
    }
    la_run_event(run, node->spec->name, "serves");
    la_run_pump(run);
    if (la_run_carries_on(run) && !node->pid) /* a rule was armed that its first writes have met */
        return ended_early(run, node);
    return run->replayed ? 0 : check_shim(run, node);
}

int la_recover_note(struct la_run *run, const struct la_recovery *recovery, int result)
{
    bool first = !run->recovery.fault_ns; /* one that failed is no recovery, and one before it has taken what it took */
    if (first || la_recovery_ms(recovery, recovery->ready_ns) > la_recovery_ms(&run->recovery, run->recovery.ready_ns))
        run->recovery = *recovery;
    run->recovered = result == 0;
    return result;
}

/* Lives that have ended of what the load talks to: a start that failed is none. */
static unsigned int lives_of(struct la_run *run, const struct la_node *node)
{
    bool loaded = node == la_run_target(run) && run->ledger.head;
    return loaded ? atomic_load(&run->ledger.head->life) : node->exits;
}

static void keep_crash_state(struct la_run *run, struct la_node *node)
{
    struct la_error error;
    char to[LA_PATH_MAX];
    la_path(to, "%s/crash", node->dir);
    if (access(to, F_OK) == 0 && !node->refusals)
        return; /* the first crash that an operator recovers from is the one that is kept, as it was made to start */
    la_empty_folder(to);
    if (la_make_dirs(to, &error) || la_copy_tree(node->data, to, &error))
        la_run_event(run, node->spec->name, "crash state not kept: %s", error.text);
    else
        node->kept_lives = lives_of(run, node);
}

static bool expects_exit(const struct la_scenario *scenario, const char *node)
{
    for (unsigned int i = 0; i < scenario->expect_count; i++)
        if (!strcmp(scenario->expect[i].kind->form.name, "exit") &&
            !strcmp(la_spec_node(scenario, scenario->expect[i].spec), node))
            return true;
    return false;
}

/*
 * Waits for the node to be gone, starts it unless its restart policy does, and follows it until it serves. Returns 0
 * then; -1 with a doubt or a finding otherwise.
 */
static int recover_node(struct la_run *run, struct la_node *node, unsigned int timeout_ms)
{
    uint64_t deadline = la_now_ns() + GONE_TIMEOUT_MS * UINT64_C(1000000);
    if (node->stays && node->pid && expects_exit(run->scenario, node->spec->name))
        return 0; /* it has gone on, and that expectation will say so */
    if (la_run_carries_on(run) && node->pid && node->exits == node->recovered) {
        la_run_event(run, node->spec->name, "has not gone down");
        return la_recover_follow(run, node, NULL, timeout_ms);
    }
    while ((node->exits == node->recovered && la_now_ns() < deadline) || la_node_leaving(node)) {
        la_run_pump(run);
        la_sleep_ms(LA_POLL_MS);
    }
    if (node->exits == node->recovered)
        return la_run_doubt(run, "%s was to be recovered, but it never went down", node->spec->name);
    node->recovered = node->exits;
    struct la_recovery recovery = {.fault_ns = node->down_ns, .gone_ns = node->down_gone_ns};
    if (!node->pid && !node->restart_due_ns) {
        struct la_error error;
        if (la_run_restore_power(run, node))
            return -1;
        keep_crash_state(run, node);
        recovery.data_bytes = bytes_below(node->data);
        la_recover_wait_check(run);
        la_run_relieved(run);
        if (la_node_spawn(node, &error))
            return la_run_doubt(run, "%s", error.text);
        recovery.by_operator = true;
        node->waited_ns += node->spawn_ns - node->gone_ns;
        la_run_event(run, node->spec->name, "started by the operator");
    } else if (node->pid) /* its policy was quicker than this step */
        recovery.stall_ns = la_now_ns() - node->spawn_ns;
    recovery.spawn_ns = node->spawn_ns;
    recovery.waited_ns = node->waited_ns;
    if (run->options->start_timeout_ms)
        timeout_ms = run->options->start_timeout_ms;
    return la_recover_note(run, &recovery, la_recover_follow(run, node, &recovery, timeout_ms));
}

struct recover {
    char *node;
    unsigned int timeout_ms; /* how long it may take to serve */
    bool repair;             /* a log that ends in zeros is repaired, and the node started once more */
    char *try;               /* whether it starts is what is measured, by this name; NULL: it must */
};

static void set_defaults(struct la_spec *spec)
{
    la_fill_in(&((struct recover *)spec)->timeout_ms, 60000);
}

/* The scenario starts the node once more, after this step. */
static bool is_tried_again(const struct la_run *run, const struct la_spec *spec)
{
    const struct la_scenario *scenario = run->scenario;
    bool after = false;
    for (unsigned int i = 0; i < scenario->step_count; i++) {
        const struct la_step *step = &scenario->steps[i];
        if (after && step->kind == &la_step_recover &&
            !strcmp(la_spec_node(scenario, step->spec), la_spec_node(scenario, spec)))
            return true;
        after = after || step->spec == spec;
    }
    return false;
}

/* That it has refused is no finding: `refused` were there before. */
static void forget_refusal(struct la_findings *findings, struct la_node *node, uint64_t refused)
{
    node->refusals = 0;
    findings->count[LA_REFUSED] = refused;
    if (refused < LA_FINDINGS_KEPT)
        memset(&findings->kept[LA_REFUSED][refused], 0, sizeof findings->kept[LA_REFUSED][refused]);
}

/* It has refused, for the first time, and that is all that has been found; done about it is what an operator does. */
static bool was_repaired(struct la_run *run, struct la_node *node, uint64_t refused)
{
    struct la_findings *findings = &run->findings;
    if (findings->count[LA_REFUSED] != refused + 1 || node->refusals != 1 || !la_repair_log(run, node))
        return false;
    char kept[LA_PATH_MAX];
    la_path(kept, "%s/crash", node->dir); /* what is kept, starts by itself */
    la_empty_folder(kept);
    rmdir(kept);
    forget_refusal(findings, node, refused);
    return true;
}

/* How many keys it has come back with, as NAME-keys. */
static int note_keys(struct la_run *run, struct la_node *node, const char *name)
{
    struct la_error error;
    char *own = la_format("%s-keys", name);
    redisReply *reply = la_step_send(node, "DBSIZE", &error);
    bool said = reply && reply->type == REDIS_REPLY_INTEGER;
    if (said)
        la_measures_add(&run->measures, own, "keys", (struct la_sample){.value = (double)reply->integer});
    free(own);
    freeReplyObject(reply);
    return said ? 0 : la_run_doubt(run, "%s: %s does not say how many keys it has", name, node->spec->name);
}

/* Whether it serves, in words; where it refuses, that was the question, and no finding. */
static int note_try(struct la_run *run, struct la_node *node, const char *name, uint64_t refused, int result)
{
    char words[300];
    char *text;
    if (!result) {
        la_measures_note(&run->measures, name, "serves");
        return note_keys(run, node, name);
    }
    if (run->findings.count[LA_REFUSED] != refused + 1)
        return run->doubts.count
                   ? -1
                   : la_run_doubt(run, "%s: %s did not come to serve, and not by itself", name, node->spec->name);
    la_node_last_words(node, words, sizeof words);
    text = la_format("refuses: %s", words);
    la_measures_note(&run->measures, name, text);
    free(text);
    forget_refusal(&run->findings, node, refused);
    return 0;
}

static int run_recover(struct la_run *run, const struct la_spec *spec)
{
    const struct recover *step = (const struct recover *)spec;
    struct la_node *node = la_run_node(run, spec->node);
    unsigned int refusals = node->refusals;
    unsigned int starts = node->starts;
    uint64_t refused = run->findings.count[LA_REFUSED];
    int result = recover_node(run, node, step->timeout_ms);
    if (result && step->repair && was_repaired(run, node, refused))
        result = recover_node(run, node, step->timeout_ms);
    if (step->try)
        return note_try(run, node, step->try, refused, result);
    bool again = is_tried_again(run, spec);
    bool killed = result && node->starts > starts && !node->pid && ended_of_rule(run, node);
    if (killed && !again)
        return la_run_doubt(run, "%s was ended by a rule of the scenario while it started, and is not started again",
                            node->spec->name);
    /* Whether it may refuse, the expectations say. What is done about it comes next. */
    bool goes_on = result && !refusals && node->refusals == 1 && again;
    return goes_on || killed ? 0 : result;
}

bool la_recover_repairs(const struct la_scenario *scenario)
{
    bool repairs = false;
    for (unsigned int i = 0; i < scenario->step_count; i++)
        repairs = repairs || (scenario->steps[i].kind == &la_step_recover &&
                              ((const struct recover *)scenario->steps[i].spec)->repair);
    return repairs;
}

static const cyaml_schema_field_t recover_fields[] = {
    LA_TEXT("node", LA_OPTIONAL, struct recover, node), LA_NUMBER("timeout_ms", struct recover, timeout_ms),
    LA_FLAG("repair", struct recover, repair), LA_TEXT("try", LA_OPTIONAL, struct recover, try), LA_END};

static bool measures(const struct la_spec *spec, const char *name)
{
    static const char *const endings[] = {"", "-keys"};
    const char *own = ((const struct recover *)spec)->try;
    return own && LA_IS_FIGURE_OF(own, name, endings);
}

const struct la_step_kind la_step_recover = {
    .form = {"recover", recover_fields, sizeof(struct recover)},
    .set_defaults = set_defaults,
    .run = run_recover,
    .measures = measures,
};
