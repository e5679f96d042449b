#include "engine.h"

#include <string.h>

#include "pathglob.h"

bool fi_engine_cares(const struct fi_control *control, uint32_t op)
{
    return atomic_load_explicit(&control->armed_ops, memory_order_acquire) >> op & 1;
}

static bool matches(const struct fi_rule *rule, uint32_t role, uint32_t op, const char *path)
{
    if (!(rule->ops >> op & 1) || rule->action == FI_DO_DISK_FULL)
        return false;
    if (rule->role != FI_ROLE_ANY && rule->role != role)
        return false;
    return !path || fi_glob_match(rule->path, path);
}

static bool fires(const struct fi_rule *rule, uint64_t number)
{
    if (rule->nth)
        return number == rule->nth;
    if (number <= rule->after)
        return false;
    return rule->every <= 1 || (number - rule->after) % rule->every == 0;
}

struct fi_decision fi_engine_decide(struct fi_control *control, uint32_t role, uint32_t op, const char *path)
{
    struct fi_decision decision = {.rule = -1};
    for (int i = 0; i < FI_RULES_MAX; i++) {
        struct fi_rule *rule = &control->rules[i];
        if (!atomic_load_explicit(&rule->armed, memory_order_acquire) || !matches(rule, role, op, path))
            continue;
        uint64_t number = atomic_fetch_add(&rule->seen, 1) + 1;
        if (decision.rule < 0 && fires(rule, number))
            decision = (struct fi_decision){i, (enum fi_action)rule->action, rule->arg, number};
    }
    return decision;
}

void fi_engine_record(struct fi_control *control, const struct fi_decision *decision, const struct fi_origin *origin)
{
    if (decision->rule < 0 || decision->rule >= FI_RULES_MAX)
        return;
    uint64_t slot = atomic_fetch_add(&control->log_next, 1);
    if (slot < FI_LOG_MAX) {
        struct fi_log_entry *entry = &control->log[slot];
        entry->rule = (uint32_t)decision->rule;
        entry->number = decision->number;
        entry->time_ns = origin->time_ns;
        entry->pid = origin->pid;
        entry->tid = origin->tid;
        entry->role = origin->role;
        entry->op = origin->op;
        entry->bytes = origin->bytes;
        strncpy(entry->path, origin->path ? origin->path : "", sizeof entry->path - 1);
        atomic_store_explicit(&entry->ready, 1, memory_order_release);
    }
    atomic_fetch_add(&control->rules[decision->rule].fired, 1);
}

uint32_t fi_engine_child_role(const struct fi_control *control, uint32_t role, const char *created)
{
    if (role != FI_ROLE_CHILD)
        return role;
    for (uint32_t i = FI_ROLE_CHILD + 1; i < control->role_count && i < FI_ROLES_MAX; i++)
        if (fi_glob_match(control->roles[i].glob, created))
            return i;
    return role;
}

uint64_t fi_engine_disk_take(struct fi_control *control, uint64_t bytes)
{
    uint64_t limit = atomic_load(&control->disk_limit);
    if (!limit)
        return bytes;
    int64_t used = atomic_load(&control->disk_used);
    uint64_t got;
    do {
        uint64_t in_use = used > 0 ? (uint64_t)used : 0;
        uint64_t room = limit > in_use ? limit - in_use : 0;
        got = bytes < room ? bytes : room;
    } while (!atomic_compare_exchange_weak(&control->disk_used, &used, used + (int64_t)got));
    return got;
}

void fi_engine_disk_give(struct fi_control *control, uint64_t bytes)
{
    atomic_fetch_sub(&control->disk_used, (int64_t)bytes);
}

struct fi_decision fi_engine_disk_rule(struct fi_control *control)
{
    for (int i = 0; i < FI_RULES_MAX; i++) {
        struct fi_rule *rule = &control->rules[i];
        if (!atomic_load(&rule->armed) || rule->action != FI_DO_DISK_FULL)
            continue;
        uint64_t number = atomic_fetch_add(&rule->seen, 1) + 1;
        return (struct fi_decision){i, FI_DO_DISK_FULL, rule->arg, number};
    }
    return (struct fi_decision){.rule = -1};
}
