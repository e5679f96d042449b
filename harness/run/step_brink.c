/*
 * The step brink: at the moment at which the configuration, whatever it is, has most to lose, the fault comes, or the
 * server's end. What keeps the data is asked of the server. Where that is snapshots alone, the moment is when the next
 * one begins: one is saved, and the server's clock runs so fast that the interval is over soon.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/keyscan.h"
#include "run/steps.h"
#include "run/wait.h"
#include "shared/actions.h"

enum {
    INTERVAL_MS = 3000, /* what the interval of the server's save points is made to take */
    FACTOR_MAX = 100000,
    SAVES_MS = 120000,        /* for a snapshot of what is there already */
    PATIENCE_MAX_MS = 600000, /* more than a year, at that */
    SLACK_MS = 5000,          /* for the machine, on top of what a snapshot is waited for */
    FIRES_MS = 3000,          /* what comes every second has come by then */
    ACCEPTS_MS = 3000,        /* a load of one operation a second has been answered by then */
};

enum end { END_KILL, END_POWER_CUT };

struct brink {
    char *node;
    enum end end;
    char *replica;   /* takes over afterwards: what it has is what keeps the data, and the fault is on it; NULL: none */
    char *rule;      /* the fault, armed before the moment; NULL: the end itself is the fault */
    unsigned int ms; /* of the fault before the end, without a snapshot to wait for; less once it has writes refused */
    unsigned int within_ms; /* the end comes at a moment that the seed draws; 0: now. Without a snapshot to wait for */
};

/* What keeps the data of a node. */
struct keeping {
    bool log;              /* an append-only file */
    unsigned int interval; /* after which one write is saved, s; of none that is, the longest; 0: no save points */
};

/* The save points, of the server, or where it does not say, of its file; to be freed. NULL: neither does. */
static char *save_points(struct la_node *node)
{
    struct la_error error;
    redisReply *reply = la_step_send(node, "CONFIG GET save", &error);
    bool said = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[1]->str;
    char *points = said ? la_strdup(reply->element[1]->str) : la_config_all(&node->config, "save");
    freeReplyObject(reply);
    return points;
}

/* The more is written, the sooner it is saved: a single write waits longest. */
static unsigned int interval_of_one_write(const char *points)
{
    unsigned int least = 0;
    unsigned int longest = 0;
    unsigned int seconds;
    unsigned int changes;
    int length;
    for (; sscanf(points, "%u %u%n", &seconds, &changes, &length) == 2; points += length) {
        longest = seconds > longest ? seconds : longest;
        least = changes <= 1 && (!least || seconds < least) ? seconds : least;
    }
    return least ? least : longest;
}

static int ask(struct la_run *run, struct la_node *node, struct keeping *keeping)
{
    char *info = la_node_info(node);
    long long log = la_info_number(info, "aof_enabled", -1);
    free(info);
    if (log < 0)
        return la_run_doubt(run, "%s does not say whether it has a log (INFO: aof_enabled)", node->spec->name);
    keeping->log = log;
    char *points = save_points(node);
    if (!points)
        return la_run_doubt(run, "%s does not say when it saves (CONFIG GET save), and its file has no save points",
                            node->spec->name);
    keeping->interval = interval_of_one_write(points);
    free(points);
    return 0;
}

/* A write of the harness's own is acknowledged. */
static bool takes_a_write(struct la_node *node)
{
    struct la_error error;
    redisReply *reply = la_step_send(node, "SET " LA_RECOVERY_KEY " x", &error);
    bool taken = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return taken;
}

/*
 * The load, which writes all the time, has a write acknowledged that is sent from now on, before one is refused. Of
 * more refusals than writes can be under way, one is of a write that was sent from now on.
 */
static bool accepts(struct la_run *run)
{
    const struct la_ledger_head *head = run->ledger.head;
    const uint64_t now = la_now_ns();
    const uint64_t most = head->refused + (uint64_t)run->scenario->load->clients * run->scenario->load->pipeline;
    struct la_deadline deadline = la_wait_until(ACCEPTS_MS);
    bool acked = false; /* seen once: a reply that comes later may be of a write that was sent sooner */
    while (!acked && head->refused <= most) {
        if (!la_wait_turn(run, &deadline))
            return false;
        acked = head->last_acked_ns > now;
    }
    return acked;
}

/* The interval begins with a snapshot: by SAVE, or where that is disabled or refused, by BGSAVE. -1 with a doubt. */
static int save(struct la_run *run, struct la_node *node)
{
    static const char *const commands[] = {"SAVE", "BGSAVE"};
    struct la_error error;
    bool saved = false;
    for (size_t i = 0; !saved && i < sizeof commands / sizeof *commands; i++) {
        if (!la_address_command(&node->address, commands[i]) || la_wait(run, node, LA_WAIT_IDLE, SAVES_MS))
            continue;
        redisReply *reply = la_step_send(node, commands[i], &error);
        saved = reply && reply->type == REDIS_REPLY_STATUS && la_wait(run, node, LA_WAIT_IDLE, SAVES_MS) == 0;
        freeReplyObject(reply);
    }
    return saved ? 0 : la_run_doubt(run, "%s cannot be told to save, so that no interval begins", node->spec->name);
}

/*
 * What may be lost begins with the first write after the snapshot. There is no second one: it could be enough for
 * another save point.
 */
static int write_once(struct la_run *run, struct la_node *node)
{
    if (!accepts(run))
        return la_run_doubt(run, "no write was acknowledged after a snapshot, so that nothing is at stake");
    la_stop_load(run);
    run->brink.one_write = true;
    char *info = node->pid ? la_node_info(node) : NULL;
    bool at_stake = la_info_number(info, "rdb_changes_since_last_save", 0) > 0;
    free(info);
    la_run_pump(run); /* at a short interval it may have come to its end meanwhile */
    return at_stake || !node->pid ? 0 : la_run_doubt(run, "a snapshot has the last write, so that nothing is at stake");
}

static int speed_up(struct la_run *run, struct la_node *node, unsigned int interval)
{
    double factor = ceil(1000.0 * interval / INTERVAL_MS);
    char rule[64];
    run->brink.factor = factor > FACTOR_MAX ? FACTOR_MAX : (unsigned int)factor;
    run->brink.since_ns = la_now_ns();
    if (run->brink.factor < 2)
        return 0;
    snprintf(rule, sizeof rule, "op=clock do=clock:x%u", run->brink.factor);
    return la_arm(run, node, rule, true);
}

static int end_it(struct la_run *run, struct la_node *node, enum end end)
{
    return end == END_KILL ? la_kill_group(run, node) : la_cut_power(run, node);
}

/* For the interval, twice: a snapshot that has not begun by then may never. */
static struct la_deadline patience(const struct la_run *run, unsigned int interval)
{
    double ms = 2000.0 * interval / run->brink.factor;
    return la_wait_until((ms > PATIENCE_MAX_MS ? PATIENCE_MAX_MS : (unsigned int)ms) + SLACK_MS);
}

/* The server is ended when the next snapshot begins: by a rule at its fork. */
static int end_at_snapshot(struct la_run *run, struct la_node *node, const struct brink *step, unsigned int interval)
{
    char rule[64];
    unsigned int exits = node->exits;
    snprintf(rule, sizeof rule, "op=fork role=server nth=1 do=%s", step->end == END_KILL ? "kill:group" : "power-cut");
    if (save(run, node) || la_arm(run, node, rule, true) || write_once(run, node) || speed_up(run, node, interval))
        return -1;
    struct la_deadline deadline = patience(run, interval);
    while (node->exits == exits)
        if (!la_wait_turn(run, &deadline)) {
            run->brink.boundless = true;
            la_run_event(run, node->spec->name, "no snapshot has begun in twice the interval");
            return end_it(run, node, step->end);
        }
    snprintf(run->brink.moment, sizeof run->brink.moment, "when the next snapshot begins, after %u s", interval);
    return 0;
}

static bool snapshot_failed(struct la_node *node)
{
    char status[16] = "";
    char *info = la_node_info(node);
    la_info_field(info, "rdb_last_bgsave_status", status, sizeof status);
    free(info);
    return !strcmp(status, "err");
}

/* The server is ended when the next snapshot has failed, for the fault is there. */
static int end_at_failed_snapshot(struct la_run *run, struct la_node *node, const struct brink *step,
                                  unsigned int interval)
{
    if (save(run, node) || la_arm(run, node, step->rule, true) || write_once(run, node) ||
        speed_up(run, node, interval))
        return -1;
    struct la_deadline deadline = patience(run, interval);
    while (node->pid && !snapshot_failed(node))
        if (!la_wait_turn(run, &deadline)) {
            run->brink.boundless = true;
            return end_it(run, node, step->end);
        }
    run->brink.boundless = node->pid && takes_a_write(node);
    if (node->pid)
        snprintf(run->brink.moment, sizeof run->brink.moment, "when the next snapshot has failed, after %u s",
                 interval);
    return end_it(run, node, step->end);
}

/* It was armed last. */
static const struct fi_rule *armed_rule(const struct la_node *node)
{
    return &node->control->rules[node->rules[node->rule_count - 1]];
}

/* Whether writes are refused from some time on, and not for a moment only, before the deadline. */
static bool refuses(struct la_run *run, const struct la_node *node, bool harms, uint64_t refused,
                    struct la_deadline *deadline)
{
    while (node->pid && la_wait_turn(run, deadline))
        if (harms && run->ledger.head->refused > refused && !accepts(run) && node->pid)
            return true;
    return false;
}

/*
 * With a log, a replica, or nothing: the fault has its time, or less where writes are refused for it. One that never
 * comes, or that changes nothing, ends no loss; nor does one that keeps writes from a replica.
 */
static void meet(struct la_run *run, struct la_node *node, const struct brink *step, const struct fi_rule *rule)
{
    uint64_t refused = run->ledger.head->refused;
    bool harms = fi_actions[rule->action].harms || step->replica;
    struct la_deadline deadline = la_wait_until(FIRES_MS);
    while (node->pid && !rule->fired && la_wait_turn(run, &deadline))
        ;
    deadline = la_wait_until(rule->fired ? step->ms : 0);
    const bool refused_for_it = refuses(run, node, harms, refused, &deadline);
    if (!rule->fired)
        snprintf(run->brink.moment, sizeof run->brink.moment, "'%s' has not come about", step->rule);
    else if (refused_for_it)
        snprintf(run->brink.moment, sizeof run->brink.moment, "when a write was refused for '%s'", step->rule);
    else
        snprintf(run->brink.moment, sizeof run->brink.moment, "%u ms after the first '%s'", step->ms, step->rule);
    run->brink.boundless = !rule->fired || (harms && !refused_for_it && node->pid && accepts(run));
}

/* The same where nothing keeps the data, or a replica: no snapshot is waited for. */
static int end_with_log(struct la_run *run, struct la_node *node, const struct brink *step)
{
    uint64_t seed = run->options->seed;
    struct la_node *faulty = step->replica ? la_run_node(run, step->replica) : node;
    if (step->rule && la_arm(run, faulty, step->rule, true))
        return -1;
    if (step->rule)
        meet(run, node, step, armed_rule(faulty));
    else if (step->within_ms)
        la_wait_ms(run, (unsigned int)(la_random(&seed) % (step->within_ms + 1)));
    run->brink.boundless = run->brink.boundless || !run->brink.keeps;
    return end_it(run, node, step->end);
}

/* It has a replica, which has all but what is on its way. */
static bool is_followed(struct la_node *node)
{
    char *info = la_node_info(node);
    bool followed = la_info_number(info, "connected_slaves", 0) > 0;
    free(info);
    return followed;
}

static int run_brink(struct la_run *run, const struct la_spec *spec)
{
    const struct brink *step = (const struct brink *)spec;
    struct la_node *node = la_run_node(run, step->node);
    struct keeping keeping = {false, 0};
    run->brink.factor = 1;
    if (step->replica) {
        run->brink.keeps = is_followed(node);
        return end_with_log(run, node, step);
    }
    if (ask(run, node, &keeping))
        return -1;
    run->brink.keeps = keeping.log || keeping.interval;
    if (keeping.log || !keeping.interval)
        return end_with_log(run, node, step);
    return step->rule ? end_at_failed_snapshot(run, node, step, keeping.interval)
                      : end_at_snapshot(run, node, step, keeping.interval);
}

/* What comes after it takes the time that it takes. */
static bool goes_back(const struct la_scenario *scenario, unsigned int index)
{
    for (unsigned int i = index + 1; i < scenario->step_count; i++) {
        const struct la_step_kind *kind = scenario->steps[i].kind;
        if (kind == &la_step_recover || kind == &la_step_promote || kind == &la_step_disarm)
            return kind == &la_step_disarm;
    }
    return false;
}

static int check_brink(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct brink *step = (const struct brink *)spec;
    if (!goes_back(check->scenario, index))
        return la_check_wrong(
            check, "'brink' needs 'disarm: {}' behind it, and before 'recover' or 'promote': the clock goes fast");
    if (step->end == END_POWER_CUT && !check->scenario->power_cut)
        return la_check_wrong(check, "'end: power-cut' needs 'power_cut: {}' in the scenario: how it is to be cut");
    if (step->replica && !la_scenario_node(check->scenario, step->replica))
        return la_check_wrong(check, "brink: there is no node '%s'", step->replica);
    if (step->within_ms && step->rule)
        return la_check_wrong(check, "'within_ms' is for an end that no rule comes before");
    if (step->ms && !step->rule)
        return la_check_wrong(check, "'ms' is how long the fault is there: it needs a rule");
    return 0;
}

static const char *rule_of(const struct la_spec *spec)
{
    return ((const struct brink *)spec)->rule;
}

static const cyaml_strval_t ends[] = {{"kill", END_KILL}, {"power-cut", END_POWER_CUT}};
static const cyaml_schema_field_t brink_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct brink, node),
                                                    LA_CHOICE("end", CYAML_FLAG_DEFAULT, struct brink, end, ends),
                                                    LA_TEXT("replica", LA_OPTIONAL, struct brink, replica),
                                                    LA_TEXT("rule", LA_OPTIONAL, struct brink, rule),
                                                    LA_NUMBER("ms", struct brink, ms),
                                                    LA_NUMBER("within_ms", struct brink, within_ms),
                                                    LA_END};

const struct la_step_kind la_step_brink = {
    .form = {"brink", brink_fields, sizeof(struct brink)},
    .check = check_brink,
    .run = run_brink,
    .rule = rule_of,
    .needs_library = true,
};
