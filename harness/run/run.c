#include "run/run.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SAMPLE_NS = 20000000,
    GUARD_NS = 100000000,
    LONG_STALL_NS = 5000000, /* what is shorter is a busy machine's usual pace */
    EVENTS_MAX = 400,
    TEXT_MAX = 512,
    DISK_LEFT = 32 << 20,
};
#define DARK_NS UINT64_C(10000000000) /* for the processes of a node without power to end */

const char *la_verdict_name(enum la_verdict verdict)
{
    static const char *const names[] = {"holds", "violated", "inconclusive", "qualified", "untestable"};
    return names[verdict];
}

int la_run_doubt(struct la_run *run, const char *format, ...)
{
    va_list args;
    char text[TEXT_MAX];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t i = 0; i < run->doubts.count; i++)
        if (!strcmp(run->doubts.items[i], text))
            return -1;
    la_strings_add(&run->doubts, la_strdup(text));
    return -1;
}

bool la_run_full(const struct la_run *run, char *text, size_t size)
{
    const struct la_ledger_head *head = run->ledger.head;
    if (head->sessions == LA_SESSIONS_MAX)
        snprintf(text, size,
                 "the load has made %d connections, more cannot be told apart: raise load.churn, or load less",
                 LA_SESSIONS_MAX);
    else
        snprintf(text, size, "the ledger is full (%llu operations): raise load.capacity",
                 (unsigned long long)head->capacity);
    return head->full;
}

const struct fi_rule *la_run_unfired(const struct la_run *run)
{
    for (unsigned int i = 0; i < run->node_count; i++) {
        const struct la_node *node = &run->nodes[i];
        for (unsigned int r = 0; r < node->rule_count; r++)
            if (!node->control->rules[node->rules[r]].fired)
                return &node->control->rules[node->rules[r]];
    }
    return NULL;
}

void la_run_broken(struct la_run *run, bool convicts, const char *format, ...)
{
    va_list args;
    char text[TEXT_MAX];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bool certain = convicts && !run->doubts.count;
    la_strings_add(certain ? &run->broken : &run->suspected, la_strdup(text));
}

void la_run_event(struct la_run *run, const char *node, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    la_printable(text);
    if (json_array_size(run->timeline) >= EVENTS_MAX)
        return;
    double ms = (double)(la_now_ns() - run->start_ns) / 1e6;
    json_array_append_new(run->timeline,
                          json_pack("{s:f, s:s?, s:o}", "t_ms", ms, "node", node, "event", json_string(text)));
    if (run->options->verbose)
        fprintf(stderr, "  %8.1f ms  %-10s %s\n", ms, node ? node : "", text);
}

const struct la_node *la_run_seen(const struct la_run *run, const char *name)
{
    unsigned int i = 0;
    while (name && i < run->node_count && strcmp(run->nodes[i].spec->name, name) != 0)
        i++;
    assert(i < run->node_count); /* scenario/check.c has seen to it */
    return &run->nodes[i];
}

struct la_node *la_run_node(struct la_run *run, const char *name)
{
    return (struct la_node *)la_run_seen(run, name);
}

const struct la_node *la_run_primary_of(const struct la_run *run, const struct la_node *replica, const char *info)
{
    if (!info)
        return replica->spec->replicates ? la_run_seen(run, replica->spec->replicates) : NULL;
    long long port = la_info_number(info, "master_port", 0);
    for (unsigned int i = 0; i < run->node_count; i++)
        if (run->nodes[i].address.port == port)
            return &run->nodes[i];
    return NULL;
}

const struct la_node *la_run_ask_primary(const struct la_run *run, const struct la_node *replica)
{
    char *info = la_node_info(replica);
    const struct la_node *primary = info ? la_run_primary_of(run, replica, info) : NULL;
    free(info);
    return primary;
}

bool la_run_may_refuse(const struct la_run *run)
{
    const char *situation = run->scenario->situation;
    return situation && la_situation(situation) == LA_AT_DOWNGRADE;
}

struct la_node *la_run_target(struct la_run *run)
{
    return &run->nodes[run->target];
}

bool la_run_struck(const struct la_run *run)
{
    bool struck = run->harms.count;
    for (unsigned int i = 0; i < run->node_count; i++)
        struck = struck || fi_control_log_count(run->nodes[i].control, NULL);
    return struck;
}

bool la_run_under_fault(const struct la_run *run, const struct la_node *node)
{
    bool armed = false;
    for (unsigned int i = 0; i < node->rule_count; i++)
        armed = armed || node->control->rules[node->rules[i]].armed;
    return run->scenario->carry_on && armed && la_node_harmed(node);
}

bool la_run_fault_on(const struct la_run *run)
{
    bool on = false;
    for (unsigned int i = 0; i < run->node_count; i++)
        on = on || la_run_under_fault(run, &run->nodes[i]);
    return on;
}

void la_run_relieved(struct la_run *run)
{
    if (la_run_struck(run) && !run->harms.relief_ns)
        run->harms.relief_ns = la_now_ns();
}

static void node_ended(struct la_run *run, struct la_node *node, int status)
{
    if (node == la_run_target(run) && run->ledger.head && run->ledger.head->last_acked_ns > node->spawn_ns)
        node->served = true; /* whether a step has watched it or not */
    la_run_went_on(run, node);
    la_node_ended(node, status);
    if (WIFSIGNALED(status))
        la_run_event(run, node->spec->name, "ended by signal %d", WTERMSIG(status));
    else
        la_run_event(run, node->spec->name, "ended with status %d", WEXITSTATUS(status));
    if (node->starved)
        la_run_doubt(run, "%s was ended by the kernel for lack of memory (OOM kill), not by this run",
                     node->spec->name);
    if (node != la_run_target(run))
        return;
    bool idle = !la_node_has_served(node) && !la_ledger_sent_since(&run->ledger, node->spawn_ns);
    if (idle && atomic_load(&run->ledger.head->life)) /* a start that failed is no life of its own */
        return;
    /* What the load sends from now on belongs to the server's next life. */
    uint32_t life = atomic_fetch_add(&run->ledger.head->life, 1);
    if (life >= LA_LIVES_MAX)
        return;
    run->fault_ns[life] = node->fault_ns;
    if (node->power.out)
        run->ledger.head->cut_ns[life] = node->fault_ns;
}

/* Without its supervisor a server gets an error from every call that it was asked about. */
static void supervisor_ended(struct la_run *run, struct la_node *node, int status)
{
    node->supervisor = 0;
    if (status)
        la_run_doubt(run, "the supervisor of %s ended before its server (wait status %#x)", node->spec->name,
                     (unsigned int)status);
}

static void reap(struct la_run *run)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == run->load_pid) {
            run->load_pid = 0;
            run->load_died = !atomic_load(&run->ledger.head->stop);
            run->load_status = status;
        }
        for (unsigned int i = 0; i < run->node_count; i++)
            if (pid == run->nodes[i].pid)
                node_ended(run, &run->nodes[i], status);
            else if (pid == run->nodes[i].supervisor)
                supervisor_ended(run, &run->nodes[i], status);
    }
}

int la_run_restore_power(struct la_run *run, struct la_node *node)
{
    struct la_error error;
    char words[64];
    uint64_t deadline = la_now_ns() + DARK_NS;
    if (!node->power.out)
        return 0;
    la_node_kill_group(node);
    while (la_node_lives(node)) {
        reap(run);
        if (la_now_ns() > deadline)
            return la_run_doubt(run, "%s: a process outlived its power cut", node->spec->name);
        la_sleep_ms(LA_POLL_MS);
    }
    if (la_power_restore(&node->power, node->control, node->data, run->options->seed, &error))
        return la_run_doubt(run, "%s: after the power cut: %s", node->spec->name, error.text);
    la_power_words(&node->power, words, sizeof words);
    la_run_event(run, node->spec->name, "power is back (%s)", words);
    return 0;
}

/* A cut that a rule has left to us: its group is waiting, stopped. */
static void cut_when_wanted(struct la_run *run, struct la_node *node)
{
    struct la_error error;
    if (!node->pid || !la_power_wanted(&node->power, node->control))
        return;
    la_node_signal(node, LA_SCOPE_GROUP, SIGSTOP);
    if (la_power_cut(&node->power, node->control, &error))
        la_run_doubt(run, "%s: %s", node->spec->name, error.text);
    la_node_signal(node, LA_SCOPE_GROUP, SIGKILL);
}

static void restart_due(struct la_run *run, struct la_node *node)
{
    struct la_error error;
    if (node->pid || !node->restart_due_ns || la_now_ns() < node->restart_due_ns || la_node_leaving(node))
        return;
    node->restarts++;
    if (la_run_restore_power(run, node)) {
        node->restart_due_ns = 0;
        return;
    }
    if (la_node_spawn(node, &error)) {
        la_run_doubt(run, "%s", error.text);
        node->restart_due_ns = 0;
        return;
    }
    la_run_event(run, node->spec->name, "restarted by its policy");
}

/* Whether a server that its policy has started, and that no step looks at, serves. One that does not answer at once is
 * asked again: what else happens meanwhile is not to wait. */
static void look_whether_serves(struct la_node *node)
{
    enum { AT_ONCE_MS = 20 };
    if (!node->pid || la_node_has_served(node) || !node->restarts || node->stopped_ns)
        return;
    char *info = la_address_info(&node->address, AT_ONCE_MS);
    node->seen = info && !la_info_number(info, "loading", 0);
    free(info);
}

/* In a run with several nodes: how many keys each has, and whose history it follows, noted when it changes. */
static void sample(struct la_run *run)
{
    if (la_now_ns() < run->next_sample_ns)
        return;
    run->next_sample_ns = la_now_ns() + SAMPLE_NS;
    for (unsigned int i = 0; i < run->node_count; i++)
        look_whether_serves(&run->nodes[i]);
    if (run->node_count < 2)
        return;
    for (unsigned int i = 0; i < run->node_count; i++) {
        struct la_node *node = &run->nodes[i];
        bool asked = node->pid && la_node_has_served(node) && !node->stopped_ns && !node->spec->sentinel_of;
        char *info = asked ? la_address_info(&node->address, 500) : NULL;
        if (!info)
            continue;
        char replid[48] = "?";
        char role[16] = "?";
        char keys[64] = "keys=0";
        char now[LA_SAMPLE_MAX];
        char given[64];
        la_info_field(info, "master_replid", replid, sizeof replid);
        la_info_field(info, "role", role, sizeof role);
        la_info_field(info, "db0", keys, sizeof keys);
        keys[strcspn(keys, ",")] = '\0';
        node->syncs_now = la_info_number(info, "sync_full", -1);
        snprintf(given, sizeof given, ", full syncs given %lld", node->syncs_before + node->syncs_now);
        snprintf(now, sizeof now, "%s, %s, replication id %.8s%s", keys, role, replid,
                 node->spec->replicates ? "" : given);
        free(info);
        if (!strcmp(now, run->samples[i]))
            continue;
        snprintf(run->samples[i], sizeof run->samples[i], "%s", now);
        la_run_event(run, node->spec->name, "%s", now);
    }
}

/* Whatever a server does, it does not fill the disk: one that tries is ended, and the run says nothing. */
static void guard_disk(struct la_run *run)
{
    struct statvfs fs;
    if (la_now_ns() < run->next_guard_ns)
        return;
    run->next_guard_ns = la_now_ns() + GUARD_NS;
    bool full = statvfs(run->dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < DISK_LEFT;
    if (full)
        la_run_doubt(run, "less than %d MiB are left on the disk of the report: its nodes were ended", DISK_LEFT >> 20);
    for (unsigned int i = 0; i < run->node_count; i++) {
        struct la_node *node = &run->nodes[i];
        bool floods = node->pid && la_node_floods(node);
        if (floods)
            la_run_doubt(run, "the log of %s has grown beyond %d MiB: it was ended", node->spec->name,
                         LA_LOG_MAX >> 20);
        if (floods || full)
            la_node_signal(node, LA_SCOPE_GROUP, SIGKILL);
    }
}

void la_run_free(struct la_run *run)
{
    la_ledger_close(&run->ledger);
    la_strings_free(&run->doubts);
    la_strings_free(&run->broken);
    la_strings_free(&run->suspected);
    la_strings_free(&run->repairs);
    la_measures_free(&run->measures);
    json_decref(run->timeline);
    free(run);
}

void la_run_pump(struct la_run *run)
{
    guard_disk(run);
    reap(run);
    for (unsigned int i = 0; i < run->node_count; i++) {
        cut_when_wanted(run, &run->nodes[i]);
        restart_due(run, &run->nodes[i]);
    }
    sample(run);
}

void la_run_stalled(struct la_run *run, uint64_t ns)
{
    run->stall_ns = ns > run->stall_ns ? ns : run->stall_ns;
    run->stalls_ns += ns > LONG_STALL_NS ? ns : 0;
}

void la_run_went_on(struct la_run *run, struct la_node *node)
{
    /* not the server's fault: what it could not write meanwhile is no window of its */
    if (node->stopped_ns && node == la_run_target(run))
        la_run_stalled(run, la_now_ns() - node->stopped_ns);
    node->stopped_ns = 0;
}

uint64_t la_run_doze(struct la_run *run)
{
    uint64_t before = la_now_ns();
    la_sleep_ms(LA_POLL_MS);
    uint64_t slept = la_now_ns() - before;
    uint64_t stall = slept > LA_POLL_MS * UINT64_C(1000000) ? slept - LA_POLL_MS * UINT64_C(1000000) : 0;
    la_run_stalled(run, stall);
    return stall;
}

double la_recovery_ms(const struct la_recovery *recovery, uint64_t point_ns)
{
    if (!point_ns || point_ns < recovery->fault_ns)
        return -1;
    uint64_t waited = point_ns >= recovery->gone_ns + recovery->waited_ns ? recovery->waited_ns : 0;
    return (double)(point_ns - recovery->fault_ns - waited) / 1e6;
}
