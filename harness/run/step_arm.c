/* The steps arm and disarm. */
#include <stdlib.h>
#include <string.h>

#include "run/recover.h"
#include "run/steps.h"

struct arm {
    char *node;
    char *rule;
    bool optional; /* it may never fire: whether it does is what is looked at */
};

/* For which node of a run a rule is. */
struct target {
    struct la_run *run;
    const struct la_node *node;
};

static int port_of(const void *context, const char *node)
{
    return la_run_node(((const struct target *)context)->run, node)->address.port;
}

static char *path_of(const void *context, const char *part)
{
    return la_node_part(((const struct target *)context)->node, part);
}

static int arm_on(struct la_run *run, struct la_node *node, const char *text, bool optional, uint64_t now)
{
    struct la_error error;
    const struct target target = {run, node};
    const struct la_rule_names names = {port_of, path_of, &target};
    char *rule = la_rule_resolve(text, &names);
    int result = 0;
    if (!rule)
        result = la_run_doubt(run, "cannot arm '%s': %s has no such part of its data", text, node->spec->name);
    else if (la_node_arm(node, rule, now, &error) < 0)
        result = la_run_doubt(run, "cannot arm '%s': %s", rule, error.text);
    else
        la_run_event(run, node->spec->name, "armed: %s", rule);
    if (optional && !result)
        node->optional_rules |= UINT64_C(1) << (node->rule_count - 1);
    free(rule);
    return result;
}

int la_arm(struct la_run *run, struct la_node *chosen, const char *rule, bool optional)
{
    bool clock = la_rule_is_clock(rule);
    uint64_t now = la_now_ns();
    int result = 0;
    if (!chosen->server->shim)
        return la_run_doubt(run, "%s runs without libfaultinject.so, so no rule can fire", chosen->spec->name);
    /* one time for all nodes of a run, or replication would see the difference */
    for (unsigned int i = 0; !result && i < run->node_count; i++) {
        struct la_node *node = &run->nodes[i];
        if (clock || node == chosen)
            result = arm_on(run, node, rule, optional, now);
    }
    run->clock_changed = run->clock_changed || clock;
    return result;
}

static int run_arm(struct la_run *run, const struct la_spec *spec)
{
    const struct arm *step = (const struct arm *)spec;
    return la_arm(run, la_run_node(run, step->node), step->rule, step->optional);
}

static const char *rule_of(const struct la_spec *spec)
{
    return ((const struct arm *)spec)->rule;
}

static const cyaml_schema_field_t arm_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct arm, node),
                                                  LA_TEXT("rule", LA_REQUIRED, struct arm, rule),
                                                  LA_FLAG("optional", struct arm, optional), LA_END};

const struct la_step_kind la_step_arm = {
    .form = {"arm", arm_fields, sizeof(struct arm)},
    .run = run_arm,
    .rule = rule_of,
};

struct disarm {
    char *node;
    unsigned int rule; /* the how-many-th that was armed on the node; 0: all */
};

static int run_disarm(struct la_run *run, const struct la_spec *spec)
{
    la_recover_wait_check(run);
    la_run_relieved(run);
    la_node_disarm(la_run_node(run, spec->node), ((const struct disarm *)spec)->rule);
    return 0;
}

static int check_disarm(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    unsigned int armed = 0;
    unsigned int wanted = ((const struct disarm *)spec)->rule;
    for (unsigned int i = 0; i < index; i++) {
        const struct la_step *step = &check->scenario->steps[i];
        bool clock = step->kind == &la_step_arm && la_rule_is_clock(rule_of(step->spec)); /* on every node */
        bool here = !strcmp(la_spec_node(check->scenario, step->spec), la_spec_node(check->scenario, spec));
        armed += step->kind == &la_step_arm && (clock || here);
    }
    return wanted <= armed ? 0
                           : la_check_wrong(check, "rule %u: %u have been armed on the node by then", wanted, armed);
}

static const cyaml_schema_field_t disarm_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct disarm, node),
                                                     LA_NUMBER("rule", struct disarm, rule), LA_END};

const struct la_step_kind la_step_disarm = {
    .form = {"disarm", disarm_fields, sizeof(struct disarm)},
    .check = check_disarm,
    .run = run_disarm,
    .disarms = true,
};
