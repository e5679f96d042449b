/* The steps arm and disarm. */
#include <stdlib.h>

#include "run/steps.h"

struct arm {
    char *node;
    char *rule;
};

static int port_of(const void *context, const char *node)
{
    return la_run_node((struct la_run *)context, node)->address.port;
}

static int run_arm(struct la_run *run, const struct la_spec *spec)
{
    const struct arm *step = (const struct arm *)spec;
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

static const char *rule_of(const struct la_spec *spec)
{
    return ((const struct arm *)spec)->rule;
}

static const cyaml_schema_field_t arm_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct arm, node),
                                                  LA_TEXT("rule", LA_REQUIRED, struct arm, rule), LA_END};

const struct la_step_kind la_step_arm = {
    .form = {"arm", arm_fields, sizeof(struct arm)},
    .run = run_arm,
    .rule = rule_of,
};

static int run_disarm(struct la_run *run, const struct la_spec *spec)
{
    la_node_disarm(la_run_node(run, spec->node));
    return 0;
}

const struct la_step_kind la_step_disarm = {
    .form = {"disarm", la_spec_fields, sizeof(struct la_spec)},
    .run = run_disarm,
    .disarms = true,
};
