/* The steps kill and power_cut. */
#include <signal.h>
#include <string.h>

#include "run/steps.h"
#include "run/wait.h"

struct kill {
    char *node;
    enum la_scope scope;
    int signal;
    bool or_down; /* a node that is down already is left so */
};

static void set_defaults(struct la_spec *spec)
{
    struct kill *step = (struct kill *)spec;
    step->signal = step->signal ? step->signal : SIGKILL;
}

static const cyaml_strval_t signals[] = {{"KILL", SIGKILL}, {"TERM", SIGTERM}, {"INT", SIGINT},   {"QUIT", SIGQUIT},
                                         {"ABRT", SIGABRT}, {"SEGV", SIGSEGV}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}};

static const char *name_of(int signal)
{
    size_t i = 0;
    while (signals[i].val != signal) /* the schema takes no other */
        i++;
    return signals[i].str;
}

static int run_kill(struct la_run *run, const struct la_spec *spec)
{
    const struct kill *step = (const struct kill *)spec;
    struct la_node *node = la_run_node(run, step->node);
    la_run_pump(run);
    const char *name = name_of(step->signal);
    if (step->or_down && !node->pid)
        return 0;
    if (la_node_down_of_fault(node)) {
        la_node_kill_group(node);
        la_run_event(run, node->spec->name, "SIG%s: it has ended already", name);
        return 0;
    }
    if (!node->pid)
        return la_wait_ended_unasked(run, node, name);
    unsigned int exits = node->exits;
    if (step->signal == SIGKILL) /* another one leaves it the choice when to end */
        node->killed_ns = la_now_ns();
    if (step->signal == SIGSTOP)
        node->stopped_ns = la_now_ns();
    la_node_signal(node, step->scope, step->signal);
    la_run_event(run, node->spec->name, "SIG%s to the %s", name, step->scope == LA_SCOPE_GROUP ? "group" : "process");
    if (step->signal == SIGCONT)
        la_run_went_on(run, node);
    return step->signal == SIGSTOP || step->signal == SIGCONT ? 0 : la_wait_end(run, node, exits);
}

int la_kill_group(struct la_run *run, struct la_node *node)
{
    const struct kill step = {.node = node->spec->name, .scope = LA_SCOPE_GROUP, .signal = SIGKILL};
    return run_kill(run, (const struct la_spec *)&step);
}

static const char *harm_of_kill(const struct la_spec *spec)
{
    int signal = ((const struct kill *)spec)->signal;
    return signal == SIGCONT ? NULL : signal == SIGKILL ? "kill -9" : sigabbrev_np(signal);
}

static const cyaml_strval_t scopes[] = {{"process", LA_SCOPE_PROCESS}, {"group", LA_SCOPE_GROUP}};
static const cyaml_schema_field_t kill_fields[] = {
    LA_TEXT("node", LA_OPTIONAL, struct kill, node), LA_CHOICE("scope", CYAML_FLAG_DEFAULT, struct kill, scope, scopes),
    LA_CHOICE("signal", CYAML_FLAG_OPTIONAL, struct kill, signal, signals), LA_FLAG("or_down", struct kill, or_down),
    LA_END};

const struct la_step_kind la_step_kill = {
    .form = {"kill", kill_fields, sizeof(struct kill)},
    .set_defaults = set_defaults,
    .run = run_kill,
    .harm = harm_of_kill,
};

int la_cut_power(struct la_run *run, struct la_node *node)
{
    struct la_error error;
    la_run_pump(run);
    bool down = la_node_down_of_fault(node);
    if (!node->pid && !down)
        return la_wait_ended_unasked(run, node, "its power cut");
    unsigned int exits = node->exits;
    la_node_signal(node, LA_SCOPE_GROUP, SIGSTOP);
    int bad = la_power_cut(&node->power, node->control, &error);
    la_node_kill_group(node);
    la_node_signal(node, LA_SCOPE_GROUP, SIGKILL);
    la_run_event(run, node->spec->name, down ? "power cut: it had ended already" : "power cut");
    if (bad)
        return la_run_doubt(run, "%s: %s", node->spec->name, error.text);
    return down ? 0 : la_wait_end(run, node, exits);
}

static int run_power_cut(struct la_run *run, const struct la_spec *spec)
{
    return la_cut_power(run, la_run_node(run, spec->node));
}

static int check_power_cut(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    (void)spec;
    (void)index;
    if (!check->scenario->power_cut)
        return la_check_wrong(check, "a step 'power_cut' needs 'power_cut: {}' in the scenario: how it is to be cut");
    return 0;
}

static const char *harm_of_power_cut(const struct la_spec *spec)
{
    (void)spec;
    return "power cut";
}

const struct la_step_kind la_step_power_cut = {
    .form = {"power_cut", la_spec_fields, sizeof(struct la_spec)},
    .check = check_power_cut,
    .run = run_power_cut,
    .harm = harm_of_power_cut,
};
