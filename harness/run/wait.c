#include "run/wait.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "run/recover.h"

enum {
    END_TIMEOUT_MS = 20000, /* a graceful end waits 10 s for replicas */
    WRITTEN_TIMEOUT_MS = 20000,
};

struct la_deadline la_wait_until(unsigned int ms)
{
    return (struct la_deadline){la_now_ns() + ms * UINT64_C(1000000)};
}

bool la_wait_turn(struct la_run *run, const struct la_deadline *deadline)
{
    la_run_pump(run);
    if (la_now_ns() > deadline->at_ns)
        return false;
    la_run_doze(run);
    return true;
}

void la_wait_ms(struct la_run *run, unsigned int ms)
{
    struct la_deadline deadline = la_wait_until(ms);
    while (la_wait_turn(run, &deadline))
        ;
}

static bool all_fired(const struct la_node *node)
{
    for (unsigned int i = 0; i < node->rule_count; i++) {
        const struct fi_rule *rule = &node->control->rules[node->rules[i]];
        if (rule->armed && !rule->fired)
            return false;
    }
    return node->rule_count > 0;
}

static bool idle(struct la_node *node)
{
    char *info = la_node_info(node);
    /* what it does not say is not taken for a no */
    bool yes = info && !la_info_number(info, "rdb_bgsave_in_progress", 1) &&
               !la_info_number(info, "aof_rewrite_in_progress", 1) && !la_info_number(info, "aof_rewrite_scheduled", 1);
    free(info);
    return yes;
}

static bool has_role(const struct la_node *node, const char *wanted)
{
    char role[16] = "";
    char *info = la_node_info(node);
    la_info_field(info, "role", role, sizeof role);
    free(info);
    return !strcmp(role, wanted);
}

bool la_wait_synced(const struct la_run *run, const struct la_node *replica)
{
    const struct la_node *primary = la_run_ask_primary(run, replica);
    char *theirs = primary ? la_node_info(primary) : NULL;
    char *own = theirs ? la_node_info(replica) : NULL; /* after theirs: clients may be writing all the time */
    char link[16] = "";
    bool yes = own && la_info_field(own, "master_link_status", link, sizeof link) && !strcmp(link, "up") &&
               !la_info_number(own, "master_sync_in_progress", 1) &&
               la_info_number(own, "slave_repl_offset", -1) >= la_info_number(theirs, "master_repl_offset", LLONG_MAX);
    free(theirs);
    free(own);
    return yes;
}

/* What a wait compares with: how things stood when it began. */
struct before {
    uint64_t refused;
    uint64_t now_ns;
};

static bool reached(struct la_run *run, struct la_node *node, enum la_wait_for what, const struct before *before)
{
    switch (what) {
    case LA_WAIT_FIRED: return all_fired(node);
    case LA_WAIT_EXIT: return !node->pid;
    case LA_WAIT_READY: return node->pid && node->served;
    case LA_WAIT_SYNCED: return la_wait_synced(run, node);
    case LA_WAIT_PRIMARY: return has_role(node, "master");
    case LA_WAIT_REPLICA: return has_role(node, "slave");
    case LA_WAIT_IDLE: return idle(node);
    case LA_WAIT_ERRORS: return run->ledger.head->refused > before->refused;
    case LA_WAIT_WRITES: return run->ledger.head->last_acked_ns > before->now_ns;
    }
    return false;
}

static const char *const wait_names[] = {"its rules to fire",   "its process to end",    "it to serve",
                                         "it to be in sync",    "it to be a primary",    "it to be a replica",
                                         "its children to end", "clients to be refused", "writes to be accepted"};

int la_wait_ended_unasked(struct la_run *run, const struct la_node *node, const char *before)
{
    char words[300];
    la_node_last_words(node, words, sizeof words);
    if (la_run_carries_on(run) && la_node_down_of_fault(node)) {
        la_run_event(run, node->spec->name, "ended before %s; its last words: %s", before, words);
        return 0;
    }
    return la_run_doubt(run, "%s ended by itself before %s; its last words: %s", node->spec->name, before, words);
}

static bool buffer_empty(struct la_node *node)
{
    char *info = la_node_info(node);
    bool empty =
        info && (!la_info_number(info, "aof_enabled", 1) || la_info_number(info, "aof_buffer_length", -1) == 0);
    free(info);
    return empty;
}

int la_wait_written(struct la_run *run, struct la_node *node, const char *before)
{
    struct la_deadline deadline = la_wait_until(WRITTEN_TIMEOUT_MS);
    while (!buffer_empty(node)) {
        if (!node->pid)
            return la_wait_ended_unasked(run, node, before) ? -1 : 1;
        if (!la_wait_turn(run, &deadline))
            return la_run_doubt(run, "the AOF buffer of %s was not empty within %d ms, before %s", node->spec->name,
                                WRITTEN_TIMEOUT_MS, before);
    }
    return 0;
}

static bool refused_for_memory(struct la_run *run)
{
    for (int i = 0; i < LA_ERRORS_MAX; i++)
        if (!strncmp(run->ledger.head->errors[i].text, "OOM ", 4))
            return true;
    return false;
}

/* Why nobody may have tried to write, and clients say nothing about the server; NULL: somebody has. */
static const char *why_silent(struct la_run *run, enum la_wait_for what, unsigned int timeout_ms)
{
    const struct la_plan *plan = &run->ledger.head->plan;
    if (what < LA_WAIT_ERRORS)
        return NULL;
    if (!run->load_pid || atomic_load(&run->ledger.head->stop) || atomic_load(&run->ledger.head->ended))
        return "no load runs";
    if (atomic_load(&run->ledger.head->full))
        return "the load is at its limits";
    const struct la_node *target = la_run_target(run);
    if (target->stopped_ns || (!target->pid && la_node_down_of_fault(target)))
        return "the server that clients talk to was stopped, or ended, by the scenario";
    uint64_t pause_ms = UINT64_C(2) * plan->idle_ms + plan->ramp_ms + (plan->rate ? 2000 / plan->rate : 0);
    return pause_ms && timeout_ms <= pause_ms ? "the load pauses, or is slow, for as long" : NULL;
}

/* The time is up. Refused or unserved clients are what a server does: a finding, not a doubt. */
static int waited_in_vain(struct la_run *run, struct la_node *node, enum la_wait_for what, unsigned int timeout_ms)
{
    const char *words = wait_names[what];
    if (what != LA_WAIT_FIRED && la_run_fault_on(run)) {
        la_run_event(run, node->spec->name, "waited %u ms for %s, while the fault is on", timeout_ms, words);
        return 0;
    }
    if (what == LA_WAIT_EXIT) {
        node->stays = true; /* whether it was to end, the expectation 'exit' says */
        la_run_event(run, node->spec->name, "serves on: waited %u ms for its process to end", timeout_ms);
        return 0;
    }
    if (what < LA_WAIT_ERRORS)
        return la_run_doubt(run, "waited %u ms for %s on %s", timeout_ms, words, node->spec->name);
    if (refused_for_memory(run))
        return la_run_doubt(run, "waited for %s, but clients are refused for maxmemory (OOM)", words);
    const char *silent = why_silent(run, what, timeout_ms);
    if (silent)
        return la_run_doubt(run, "waited %u ms for %s, but %s", timeout_ms, words, silent);
    if (what == LA_WAIT_WRITES)
        la_run_broken(run, true, "no write was accepted within %u ms", timeout_ms);
    else /* a fault that has not come yet is why, perhaps */
        la_run_broken(run, !la_run_unfired(run), "no client was refused within %u ms", timeout_ms);
    return 0;
}

int la_wait(struct la_run *run, struct la_node *node, enum la_wait_for what, unsigned int timeout_ms)
{
    la_run_pump(run);
    struct before before = {run->ledger.head->refused, la_now_ns()};
    struct la_deadline deadline = la_wait_until(timeout_ms);
    bool down = !node->pid && !node->restart_due_ns;
    /* One that served and went down was not refused its start: there was none. */
    if (what == LA_WAIT_READY && !(node->pid && node->served) && !(down && node->served))
        return la_recover_follow(run, node, NULL, timeout_ms);
    while (!reached(run, node, what, &before)) {
        bool gone = !node->pid && !node->restart_due_ns && what >= LA_WAIT_READY;
        if (gone && what == LA_WAIT_READY)
            return la_run_doubt(run, "%s is down and nobody is to start it: 'recover', or a restart policy, does",
                                node->spec->name);
        if (gone)
            return la_wait_ended_unasked(run, node, "what was waited for");
        if (!la_wait_turn(run, &deadline))
            return waited_in_vain(run, node, what, timeout_ms);
    }
    if (what == LA_WAIT_ERRORS && refused_for_memory(run))
        return la_run_doubt(run, "clients are refused for maxmemory (OOM), so refusals say nothing");
    la_run_event(run, node->spec->name, "after %.1f ms: %s", (double)(la_now_ns() - before.now_ns) / 1e6,
                 wait_names[what]);
    return 0;
}

static bool ends(struct la_run *run, const struct la_node *node, unsigned int exits)
{
    struct la_deadline deadline = la_wait_until(END_TIMEOUT_MS);
    while (node->exits == exits)
        if (!la_wait_turn(run, &deadline))
            return false;
    return true;
}

int la_wait_end(struct la_run *run, const struct la_node *node, unsigned int exits)
{
    if (ends(run, node, exits))
        return 0;
    return la_run_doubt(run, "%s did not end within %d ms", node->spec->name, END_TIMEOUT_MS);
}

bool la_wait_struck(struct la_run *run, const struct la_node *node, unsigned int exits)
{
    return ends(run, node, exits) && la_node_struck(node);
}
