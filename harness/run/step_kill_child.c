/*
 * The step kill_child: a save or rewrite child is killed half-way, at points drawn over all
 * of its file operations. First one child runs through, to count them.
 */
#include <stdio.h>
#include <string.h>

#include "redis/roles.h"
#include "run/steps.h"
#include "run/wait.h"

enum { CHILD_TIMEOUT_MS = 30000 };

struct kill_child {
    char *node;
    char *command; /* what forks the child, e.g. BGSAVE */
    char *role;
    unsigned int points;         /* how many operations are drawn */
    unsigned int min_operations; /* a child with fewer is too small to say something */
};

static uint32_t role_index(const char *name)
{
    uint32_t i = 0;
    while (i < LA_ROLE_COUNT + 2 && strcmp(la_all_roles[i].name, name) != 0)
        i++;
    return i;
}

static uint64_t operations(const struct la_node *node, uint32_t role)
{
    return fi_control_done(node->control, role, fi_op_bits("any", 3));
}

static int fork_child(struct la_run *run, struct la_node *node, const char *command)
{
    struct la_error error;
    redisReply *reply = la_step_send(node, command, &error);
    bool ok = reply && reply->type != REDIS_REPLY_ERROR;
    if (!ok)
        la_run_doubt(run, "%s: %s", command, reply ? reply->str : error.text);
    freeReplyObject(reply);
    return ok ? la_wait(run, node, LA_WAIT_IDLE, CHILD_TIMEOUT_MS) : -1;
}

static int kill_one(struct la_run *run, struct la_node *node, const struct kill_child *step, uint64_t point)
{
    char rule[FI_TEXT_MAX];
    struct la_error error;
    snprintf(rule, sizeof rule, "op=any role=%.100s nth=%llu do=kill", step->role, (unsigned long long)point);
    int index = la_node_arm(node, rule, la_now_ns(), &error);
    if (index < 0)
        return la_run_doubt(run, "cannot arm '%s': %s", rule, error.text);
    if (fork_child(run, node, step->command))
        return -1;
    la_node_disarm(node, 0);
    if (!node->control->rules[index].fired)
        return la_run_doubt(run, "the %s ended before its operation %llu", step->role, (unsigned long long)point);
    la_run_event(run, node->spec->name, "%s killed at operation %llu", step->role, (unsigned long long)point);
    return 0;
}

static int run_kill_child(struct la_run *run, const struct la_spec *spec)
{
    const struct kill_child *step = (const struct kill_child *)spec;
    struct la_node *node = la_run_node(run, step->node);
    uint32_t role = role_index(step->role);
    if (!node->server->shim)
        return la_run_doubt(run, "%s runs without libfaultinject.so, so no rule can fire", node->spec->name);
    uint64_t before = operations(node, role);
    if (fork_child(run, node, step->command))
        return -1;
    uint64_t total = operations(node, role) - before;
    if (total < step->min_operations)
        return la_run_doubt(run, "the %s made only %llu file operations, fewer than %u", step->role,
                            (unsigned long long)total, step->min_operations);
    la_run_event(run, node->spec->name, "%s: %llu file operations", step->role, (unsigned long long)total);
    uint64_t random = run->options->seed;
    for (unsigned int i = 0; i < step->points; i++) {
        /* one draw from each of `points` equal parts: the whole life of the child is covered */
        uint64_t from = total * i / step->points;
        uint64_t width = total * (i + 1) / step->points - from;
        if (kill_one(run, node, step, from + 1 + (width ? la_random(&random) % width : 0)))
            return -1;
    }
    return 0;
}

static void set_defaults(struct la_spec *spec)
{
    struct kill_child *step = (struct kill_child *)spec;
    la_fill_in(&step->points, 4);
    la_fill_in(&step->min_operations, 1);
}

static int check_kill_child(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    (void)index;
    char rule[FI_TEXT_MAX];
    snprintf(rule, sizeof rule, "op=any role=%.100s nth=1 do=kill", ((const struct kill_child *)spec)->role);
    return la_check_rule(check, rule);
}

static const char *line_of(const struct la_spec *spec)
{
    return ((const struct kill_child *)spec)->command;
}

static const cyaml_schema_field_t kill_child_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct kill_child, node),
                                                         LA_TEXT("command", LA_REQUIRED, struct kill_child, command),
                                                         LA_TEXT("role", LA_REQUIRED, struct kill_child, role),
                                                         LA_NUMBER("points", struct kill_child, points),
                                                         LA_NUMBER("min_operations", struct kill_child, min_operations),
                                                         LA_END};

const struct la_step_kind la_step_kill_child = {
    .form = {"kill_child", kill_child_fields, sizeof(struct kill_child)},
    .set_defaults = set_defaults,
    .check = check_kill_child,
    .run = run_kill_child,
    .command = line_of,
    .needs_library = true,
};
