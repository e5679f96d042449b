/* The expectations start, restarts, full_syncs, log and exit: what became of a node. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "judge/expectations.h"
#include "judge/measured.h"
#include "judge/opinion.h"
#include "run/steps.h"

struct start {
    char *node;
    bool refused; /* the server must refuse to start */
    char *log;    /* and its log contain this */
};

static int check_text(const struct la_check *check, const char *text)
{
    return !text || *text ? 0 : la_check_wrong(check, "the text that the log is to contain is empty");
}

/* Somebody starts the node once more: a step, or its policy. */
static bool starts_again(const struct la_scenario *scenario, const char *node)
{
    bool again = la_scenario_node(scenario, node)->restart != LA_RESTART_NO;
    for (unsigned int i = 0; i < scenario->step_count; i++)
        again = again || (scenario->steps[i].kind == &la_step_recover &&
                          !strcmp(la_spec_node(scenario, scenario->steps[i].spec), node));
    return again;
}

static int check_start(const struct la_check *check, const struct la_spec *spec)
{
    if (check_text(check, ((const struct start *)spec)->log))
        return -1;
    if (!starts_again(check->scenario, la_spec_node(check->scenario, spec)))
        return la_check_wrong(check,
                              "'start' needs a step 'recover', or a restart policy: nobody starts the node again");
    return 0;
}

static struct la_opinion judge_start(const struct la_run *run, const struct la_spec *spec)
{
    const struct start *start = (const struct start *)spec;
    const struct la_node *node = la_run_seen(run, spec->node);
    char words[300];
    la_node_last_words(node, words, sizeof words);
    if (start->refused != (node->refusals > 0))
        return la_opinion_unmet("%s %s: %s", node->spec->name,
                                node->refusals ? "refuses to start" : "was expected to refuse to start, and serves",
                                words);
    if (start->log && !la_node_log_count(node, start->log))
        return la_opinion_unmet("the log of %s does not say '%s'", node->spec->name, start->log);
    return la_opinion_met();
}

static void measure_start(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct start *start = (const struct start *)spec;
    const struct la_node *node = la_run_seen(run, spec->node);
    unsigned int one = 1;
    unsigned int none = 0;
    la_measured_once(measured, node->refusals, "", "starts of %s that were refused", node->spec->name);
    la_measured_bound(measured, start->refused ? &one : NULL, start->refused ? NULL : &none, "");
    if (node->refusals)
        la_node_last_words(node, measured->words, sizeof measured->words);
}

bool la_expects_refusal(const struct la_scenario *scenario, const char *node)
{
    for (unsigned int i = 0; i < scenario->expect_count; i++) {
        const struct la_expect *expect = &scenario->expect[i];
        if (expect->kind == &la_expect_start && ((const struct start *)expect->spec)->refused &&
            !strcmp(la_spec_node(scenario, expect->spec), node))
            return true;
    }
    return false;
}

static const cyaml_schema_field_t start_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct start, node),
                                                    LA_FLAG("refused", struct start, refused),
                                                    LA_TEXT("log", LA_OPTIONAL, struct start, log), LA_END};

const struct la_expect_kind la_expect_start = {
    .form = {"start", start_fields, sizeof(struct start)},
    .check = check_start,
    .judge = judge_start,
    .measure = measure_start,
};

static int check_restarts(const struct la_check *check, const struct la_spec *spec)
{
    const struct la_count *count = (const struct la_count *)spec;
    const struct la_node_spec *node = la_scenario_node(check->scenario, la_spec_node(check->scenario, spec));
    if (la_check_bounds(check, "restarts", count->min, count->max))
        return -1;
    if (count->min && *count->min && node->restart == LA_RESTART_NO)
        return la_check_wrong(check, "'restarts' needs a node with a restart policy");
    return 0;
}

static struct la_opinion judge_restarts(const struct la_run *run, const struct la_spec *spec)
{
    const struct la_count *count = (const struct la_count *)spec;
    return la_opinion_within("restarts by the policy", la_run_seen(run, spec->node)->restarts, count->min, count->max);
}

static void measure_restarts(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct la_count *count = (const struct la_count *)spec;
    const struct la_node *node = la_run_seen(run, spec->node);
    la_measured_once(measured, node->restarts, "", "restarts of %s by its policy", node->spec->name);
    la_measured_bound(measured, count->min, count->max, "");
}

const struct la_expect_kind la_expect_restarts = {
    .form = {"restarts", la_count_fields, sizeof(struct la_count)},
    .check = check_restarts,
    .judge = judge_restarts,
    .given = true,
    .measure = measure_restarts,
};

static unsigned int replicas_of(const struct la_scenario *scenario, const char *primary)
{
    unsigned int count = 0;
    for (unsigned int i = 0; i < scenario->node_count; i++)
        count += scenario->nodes[i].replicates && !strcmp(scenario->nodes[i].replicates, primary);
    return count;
}

static int check_full_syncs(const struct la_check *check, const struct la_spec *spec)
{
    const struct la_count *count = (const struct la_count *)spec;
    if (la_check_bounds(check, "full_syncs", count->min, count->max))
        return -1;
    const char *primary = la_scenario_node(check->scenario, la_spec_node(check->scenario, spec))->replicates;
    if (!primary)
        return la_check_wrong(check, "'full_syncs' names a node that replicates another");
    if (replicas_of(check->scenario, primary) > 1)
        return la_check_wrong(check, "'full_syncs' needs a primary with one replica: it says how many it gave, not to "
                                     "whom");
    return 0;
}

static struct la_opinion judge_full_syncs(const struct la_run *run, const struct la_spec *spec)
{
    const struct la_count *count = (const struct la_count *)spec;
    const struct la_node *primary = la_run_seen(run, la_run_seen(run, spec->node)->spec->replicates);
    if (primary->syncs_now < 0)
        return la_opinion_unknown("%s does not say how many full syncs it gave (INFO: sync_full)", primary->spec->name);
    return la_opinion_within("full syncs", (unsigned long long)(primary->syncs_before + primary->syncs_now), count->min,
                             count->max);
}

static void measure_full_syncs(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct la_count *count = (const struct la_count *)spec;
    const struct la_node *primary = la_run_seen(run, la_run_seen(run, spec->node)->spec->replicates);
    if (primary->syncs_now < 0)
        return;
    la_measured_once(measured, (double)(primary->syncs_before + primary->syncs_now), "", "full syncs that %s gave",
                     primary->spec->name);
    la_measured_bound(measured, count->min, count->max, "");
}

const struct la_expect_kind la_expect_full_syncs = {
    .form = {"full_syncs", la_count_fields, sizeof(struct la_count)},
    .check = check_full_syncs,
    .judge = judge_full_syncs,
    .measure = measure_full_syncs,
};

struct log {
    char *node;
    char *contains;
};

static int check_log(const struct la_check *check, const struct la_spec *spec)
{
    return check_text(check, ((const struct log *)spec)->contains);
}

static struct la_opinion judge_log(const struct la_run *run, const struct la_spec *spec)
{
    const struct log *log = (const struct log *)spec;
    const struct la_node *node = la_run_seen(run, spec->node);
    if (la_node_log_count(node, log->contains))
        return la_opinion_met();
    return la_opinion_unmet("the log of %s does not say '%s'", node->spec->name, log->contains);
}

static void measure_log(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct log *log = (const struct log *)spec;
    unsigned int one = 1;
    la_measured_once(measured, la_node_log_count(la_run_seen(run, spec->node), log->contains), "",
                     "times that the log says '%.100s'", log->contains);
    la_measured_bound(measured, &one, NULL, "");
}

static const cyaml_schema_field_t log_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct log, node),
                                                  LA_TEXT("contains", LA_REQUIRED, struct log, contains), LA_END};

const struct la_expect_kind la_expect_log = {
    .form = {"log", log_fields, sizeof(struct log)},
    .check = check_log,
    .judge = judge_log,
    .measure = measure_log,
};

struct exit {
    char *node;
    char *how;   /* how the node first ended: killed, outgrown, failed, crashed, stopped; or alive; NULL: however */
    char *never; /* a way in which none of its ends may have come; NULL: none */
};

static int check_way(const struct la_check *check, const struct exit *exit, const char *way)
{
    if (!strcmp(way, "outgrown") &&
        !la_scenario_node(check->scenario, la_spec_node(check->scenario, (const struct la_spec *)exit))->memory_mb)
        return la_check_wrong(check, "'outgrown' needs a node with memory_mb");
    static const char *const ends[] = {"killed", "outgrown", "failed", "crashed", "stopped", "alive"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends - (way == exit->never); i++)
        if (!strcmp(way, ends[i]))
            return 0;
    return la_check_wrong(check, way == exit->never ? "'never' is killed, outgrown, failed, crashed or stopped"
                                                    : "'how' is killed, outgrown, failed, crashed, stopped or alive");
}

static int check_exit(const struct la_check *check, const struct la_spec *spec)
{
    const struct exit *exit = (const struct exit *)spec;
    if (!exit->how == !exit->never)
        return la_check_wrong(check, "'exit' needs either 'how' or 'never'");
    return check_way(check, exit, exit->how ? exit->how : exit->never);
}

static const char *how_it_ended(const struct la_node *node)
{
    return node->exits ? la_node_end(node, 0) : "alive";
}

/* The first of its ends that came in that way; 0: none did. */
static unsigned int end_that(const struct la_node *node, const char *way)
{
    for (unsigned int i = 0; i < node->exits; i++)
        if (!strcmp(la_node_end(node, i), way))
            return i + 1;
    return 0;
}

static void measure_exit(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct exit *exit = (const struct exit *)spec;
    const struct la_node *node = la_run_seen(run, spec->node);
    unsigned int end = exit->never ? end_that(node, exit->never) : 0;
    la_measured_once(measured, NAN, "", "%s, at its %s", node->spec->name, exit->never ? "ends" : "first end");
    snprintf(measured->words, sizeof measured->words, "%s",
             end           ? exit->never
             : exit->never ? "no"
                           : how_it_ended(node));
    snprintf(measured->bound, sizeof measured->bound, "%s%s", exit->never ? "never " : "",
             exit->never ? exit->never : exit->how);
}

static struct la_opinion judge_exit(const struct la_run *run, const struct la_spec *spec)
{
    const struct exit *exit = (const struct exit *)spec;
    const struct la_node *node = la_run_seen(run, spec->node);
    unsigned int end = exit->never ? end_that(node, exit->never) : 0;
    if (exit->never)
        return end ? la_opinion_unmet("%s: %s, at end %u", node->spec->name, exit->never, end) : la_opinion_met();
    const char *how = how_it_ended(node);
    if (!strcmp(how, exit->how))
        return la_opinion_met();
    return la_opinion_unmet("%s: %s, expected %s", node->spec->name, how, exit->how);
}

static const cyaml_schema_field_t exit_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct exit, node),
                                                   LA_TEXT("how", LA_OPTIONAL, struct exit, how),
                                                   LA_TEXT("never", LA_OPTIONAL, struct exit, never), LA_END};

const struct la_expect_kind la_expect_exit = {
    .form = {"exit", exit_fields, sizeof(struct exit)},
    .check = check_exit,
    .judge = judge_exit,
    .measure = measure_exit,
};
