/* The steps load, stop_load and mark. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load/load.h"
#include "run/steps.h"
#include "run/wait.h"

enum {
    LOAD_TIMEOUT_MS = 30000, /* without progress */
    LOAD_MAX_MS = 120000,    /* in all; a list of commands is as long as it is */
    COMMAND_TIMEOUT_MS = 30000,
    STOP_SLACK_MS = 5000, /* for the load to give up by itself first */
};

struct load {
    char *node;         /* to which the load goes from now on; NULL: it stays where it is, at first the first one */
    unsigned int acked; /* wait until so many more operations are acknowledged */
};

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
    if (la_load_is_list(load) && check_databases(run, &address))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        _exit(la_load_run(&run->ledger, &address, la_load_is_list(load) ? &run->recording : NULL));
    }
    if (pid < 0)
        return la_run_doubt(run, "fork: %s", strerror(errno));
    run->load_pid = pid;
    run->load_started = true;
    la_run_event(run, NULL, "load starts");
    return 0;
}

void la_kill_load(struct la_run *run)
{
    if (!run->load_pid)
        return;
    kill(run->load_pid, SIGKILL);
    waitpid(run->load_pid, NULL, 0);
    run->load_pid = 0;
}

/*
 * The clients leave a node for another, as clients do that are told of a new primary. What they have no answer to is
 * left so. Another life of what they talk to begins: the one before ends with the node's own end, or now.
 */
static void move_load(struct la_run *run, struct la_node *node)
{
    la_kill_load(run); /* before the life: what it connects to is of the one before */
    if (la_run_target(run)->pid) {
        uint32_t life = atomic_fetch_add(&run->ledger.head->life, 1);
        if (life < LA_LIVES_MAX)
            run->fault_ns[life] = la_now_ns();
    }
    run->moved_life = atomic_load(&run->ledger.head->life);
    run->load_started = false;
    atomic_store(&run->ledger.head->stop, 0);
    run->target = (unsigned int)(node - run->nodes);
    la_run_event(run, node->spec->name, "clients come here from now on");
}

/* What grows as long as the load goes on: it is awaited for as long, on a slow disk, say, or where most is refused. */
static uint64_t progress_of(const struct la_run *run)
{
    return la_load_is_list(run->scenario->load) ? la_ledger_answered(&run->ledger) : run->ledger.head->acked;
}

static int too_thin(struct la_run *run, uint64_t goal, uint64_t began_ns)
{
    return la_run_doubt(run, "load too thin: %llu of %llu operations acknowledged in %.0f s",
                        (unsigned long long)run->ledger.head->acked, (unsigned long long)goal,
                        (double)(la_now_ns() - began_ns) / 1e9);
}

static int run_load(struct la_run *run, const struct la_spec *spec)
{
    const struct load *step = (const struct load *)spec;
    struct la_node *wanted = step->node ? la_run_node(run, step->node) : la_run_target(run);
    if (wanted != la_run_target(run))
        move_load(run, wanted);
    if (start_load(run))
        return -1;
    const uint64_t began_ns = la_now_ns();
    const struct la_deadline end = la_wait_until(la_load_is_list(run->scenario->load) ? UINT_MAX : LOAD_MAX_MS);
    struct la_deadline deadline = la_wait_until(LOAD_TIMEOUT_MS);
    char full[256];
    uint64_t goal = run->ledger.head->acked + step->acked;
    uint64_t progress = progress_of(run);
    const struct la_node *target = la_run_target(run);
    while (run->ledger.head->acked < goal) {
        if (!target->pid && !target->restart_due_ns)
            return 0; /* it has gone down for good: what follows will tell */
        if (run->ledger.head->ended)
            return 0; /* the recording is at its end */
        if (la_run_full(run, full, sizeof full))
            return la_run_doubt(run, "%s", full);
        if (!run->load_pid)
            return la_run_doubt(run, "the load is not running any more");
        if (progress_of(run) != progress) {
            progress = progress_of(run);
            deadline = la_wait_until(LOAD_TIMEOUT_MS);
        }
        if (!la_wait_turn(run, &deadline) || la_now_ns() > end.at_ns)
            return too_thin(run, goal, began_ns);
    }
    return 0;
}

static int check_load(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    (void)index;
    if (spec->node && la_scenario_node(check->scenario, spec->node)->sentinel_of)
        return la_check_wrong(check, "a Sentinel takes no writes");
    return spec->node && la_load_is_list(check->scenario->load)
               ? la_check_wrong(check, "a list of commands is sent to one node: 'load' has no node here")
               : 0;
}

static const cyaml_schema_field_t load_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct load, node),
                                                   LA_NEEDED("acked", struct load, acked), LA_END};

bool la_scenario_moves(const struct la_scenario *scenario)
{
    for (unsigned int i = 0; i < scenario->step_count; i++)
        if (scenario->steps[i].kind == &la_step_load && scenario->steps[i].spec->node)
            return true;
    return false;
}

const struct la_step_kind la_step_load = {
    .form = {"load", load_fields, sizeof(struct load)},
    .check = check_load,
    .run = run_load,
};

void la_stop_load(struct la_run *run)
{
    if (!run->load_pid)
        return;
    atomic_store(&run->ledger.head->stop, 1);
    unsigned int patience_ms = la_load_patience_ms(&run->ledger.head->plan) + STOP_SLACK_MS;
    struct la_deadline deadline = la_wait_until(patience_ms);
    uint64_t before = la_ledger_answered(&run->ledger);
    while (run->load_pid && la_wait_turn(run, &deadline)) {
        uint64_t answered = la_ledger_answered(&run->ledger);
        if (answered != before)
            deadline = la_wait_until(patience_ms);
        before = answered;
    }
    if (run->load_pid) {
        la_kill_load(run);
        run->load_status = 1;
    }
    if (run->load_status)
        run->undrained = atomic_load(&run->ledger.head->life) + 1;
    la_run_event(run, NULL, "load ends");
}

static int run_stop_load(struct la_run *run, const struct la_spec *spec)
{
    (void)spec;
    la_stop_load(run);
    return 0;
}

const struct la_step_kind la_step_stop_load = {
    .form = {"stop_load", la_spec_fields, sizeof(struct la_spec)},
    .run = run_stop_load,
};

static int run_mark(struct la_run *run, const struct la_spec *spec)
{
    struct la_node *node = la_run_node(run, spec->node);
    uint64_t now = la_now_ns();
    int held = la_wait_written(run, node, "the mark");
    if (held)
        return held < 0 ? -1 : 0;
    run->ledger.head->mark_ns = now;
    la_run_event(run, node->spec->name, "mark: %llu operations acknowledged",
                 (unsigned long long)run->ledger.head->acked);
    return 0;
}

static int check_mark(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    (void)spec;
    if (la_scenario_step(check->scenario, &la_step_mark, index) ||
        la_scenario_step(check->scenario, &la_step_recover, index))
        return la_check_wrong(check, "a scenario marks once, before the crash");
    return 0;
}

const struct la_step_kind la_step_mark = {
    .form = {"mark", la_spec_fields, sizeof(struct la_spec)},
    .check = check_mark,
    .run = run_mark,
    .asks = true,
};
