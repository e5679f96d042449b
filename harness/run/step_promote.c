/* The step promote: an operator makes a replica take the place of its primary, which has ended. */
#include <stdio.h>

#include "run/recover.h"
#include "run/steps.h"
#include "run/wait.h"

enum { GONE_MS = 10000 };

struct promote {
    char *node;
    unsigned int timeout_ms; /* how long it may take to take writes */
};

/* A server that is busy with a synchronization may not take the command yet. */
static int tell(struct la_run *run, struct la_node *node, unsigned int timeout_ms)
{
    struct la_deadline deadline = la_wait_until(timeout_ms);
    struct la_error error;
    do {
        redisReply *reply = node->pid ? la_step_send(node, "REPLICAOF NO ONE", &error) : NULL;
        bool taken = reply && reply->type == REDIS_REPLY_STATUS;
        if (reply && !taken)
            la_fail(&error, "%.200s", reply->str);
        freeReplyObject(reply);
        if (taken)
            return 0;
    } while (node->pid && la_wait_turn(run, &deadline));
    if (!node->pid)
        return la_wait_ended_unasked(run, node, "it could be promoted");
    run->findings.node = node->spec->name;
    la_findings_add(&run->findings, LA_UNAVAILABLE, error.text, "%s cannot be promoted within %u ms", node->spec->name,
                    timeout_ms);
    return -1;
}

static int run_promote(struct la_run *run, const struct la_spec *spec)
{
    const struct promote *step = (const struct promote *)spec;
    struct la_node *node = la_run_node(run, step->node);
    struct la_node *primary = la_run_node(run, node->spec->replicates);
    struct la_deadline deadline = la_wait_until(GONE_MS);
    while (primary->exits == primary->recovered && la_wait_turn(run, &deadline))
        ;
    if (primary->exits == primary->recovered || primary->pid)
        return la_run_doubt(run, "%s was to take the place of %s, which is not down", step->node, primary->spec->name);
    primary->recovered = primary->exits;
    la_recover_wait_check(run);
    la_run_relieved(run);
    struct la_recovery recovery = {.fault_ns = primary->down_ns, .gone_ns = primary->down_gone_ns};
    recovery.by_operator = true;
    recovery.waited_ns = la_now_ns() - recovery.gone_ns;
    recovery.spawn_ns = node->spawn_ns;
    int result = tell(run, node, step->timeout_ms);
    node->promoted = result == 0;
    if (!result)
        la_run_event(run, step->node, "promoted by the operator");
    return la_recover_note(run, &recovery, result ? result : la_recover_follow(run, node, &recovery, step->timeout_ms));
}

static int check_promote(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    (void)index;
    return spec->node && la_scenario_node(check->scenario, spec->node)->replicates
               ? 0
               : la_check_wrong(check, "'promote' needs the node of a replica");
}

static void promote_defaults(struct la_spec *spec)
{
    la_fill_in(&((struct promote *)spec)->timeout_ms, 20000);
}

static const cyaml_schema_field_t promote_fields[] = {LA_TEXT("node", LA_REQUIRED, struct promote, node),
                                                      LA_NUMBER("timeout_ms", struct promote, timeout_ms), LA_END};

const struct la_step_kind la_step_promote = {
    .form = {"promote", promote_fields, sizeof(struct promote)},
    .set_defaults = promote_defaults,
    .check = check_promote,
    .run = run_promote,
};
