#include "shared/engine.h"

#include <string.h>

#include "shared/pathglob.h"

bool fi_engine_wants_offset(const struct fi_control *control, uint32_t op)
{
    for (int i = 0; i < FI_RULES_MAX; i++) {
        const struct fi_rule *rule = &control->rules[i];
        if (atomic_load_explicit(&rule->armed, memory_order_acquire) && (rule->ops >> op & 1) &&
            (rule->offset_to || rule->action == FI_DO_FILE_LIMIT))
            return true;
    }
    return false;
}

static bool in_range(const struct fi_rule *rule, const struct fi_operation *operation)
{
    if (!rule->offset_to)
        return true;
    if (operation->offset < 0 || operation->bytes <= 0)
        return false;
    uint64_t from = (uint64_t)operation->offset;
    return from < rule->offset_to && from + (uint64_t)operation->bytes > rule->offset_from;
}

/* A file-limit looks only at writes that go beyond it. */
static bool beyond_limit(const struct fi_rule *rule, const struct fi_operation *operation)
{
    if (rule->action != FI_DO_FILE_LIMIT)
        return true;
    return operation->offset >= 0 && operation->bytes > 0 &&
           (uint64_t)operation->offset + (uint64_t)operation->bytes > rule->arg;
}

static bool in_window(const struct fi_rule *rule, uint64_t now)
{
    uint64_t since = now > rule->armed_ns ? now - rule->armed_ns : 0;
    return since >= rule->from_ns && (!rule->until_ns || since < rule->until_ns);
}

static bool matches(const struct fi_rule *rule, const struct fi_operation *operation)
{
    if (!(rule->ops >> operation->op & 1) || rule->action == FI_DO_DISK_FULL || rule->action == FI_DO_CLOCK)
        return false;
    if (rule->role != FI_ROLE_ANY && rule->role != operation->role)
        return false;
    if (rule->peer && rule->peer != operation->peer)
        return false;
    if (operation->path && !fi_glob_match(rule->path, operation->path))
        return false;
    return in_range(rule, operation) && beyond_limit(rule, operation) && in_window(rule, operation->time_ns);
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static bool fires(const struct fi_rule *rule, const struct fi_decision *now, uint64_t file, uint64_t seed)
{
    if (rule->nth)
        return now->number == rule->nth;
    if (now->number <= rule->after)
        return false;
    if (rule->chance)
        return mix(mix(mix(seed + (uint64_t)now->rule) ^ file) ^ now->file_number) % FI_CHANCE_ONE < rule->chance;
    return rule->every <= 1 || (now->number - rule->after) % rule->every == 0;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

void fi_engine_stable_path(const char *path, int32_t pid, char *out, uint32_t size)
{
    uint32_t used = 0;
    for (const char *at = path; *at && used + 1 < size;) {
        int64_t number = 0;
        uint32_t length = 0;
        while (digit(at[length]) && length < 10)
            number = number * 10 + (at[length++] - '0');
        if (length && number == pid && !digit(at[length])) {
            out[used++] = '*';
            at += length;
            continue;
        }
        do
            out[used++] = *at++;
        while (length && --length && used + 1 < size);
    }
    out[used] = '\0';
}

/* FNV-1a; never 0. */
static uint64_t file_hash(const struct fi_operation *operation)
{
    char path[FI_PATH_MAX];
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    fi_engine_stable_path(operation->path ? operation->path : "", operation->pid, path, sizeof path);
    for (const char *at = path; *at; at++)
        hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    return hash ? hash : 1;
}

static uint64_t count_file(struct fi_rule *rule, uint64_t file)
{
    for (int i = 0; i < FI_RULE_FILES - 1; i++) {
        struct fi_file_count *slot = &rule->files[i];
        uint64_t empty = 0;
        if (atomic_load(&slot->file) == file || atomic_compare_exchange_strong(&slot->file, &empty, file) ||
            empty == file)
            return atomic_fetch_add(&slot->count, 1) + 1;
    }
    return atomic_fetch_add(&rule->files[FI_RULE_FILES - 1].count, 1) + 1;
}

/* Too small to be cut, or of a length that is not known. */
static bool cannot_be_cut(const struct fi_decision *decision, const struct fi_operation *operation)
{
    bool cuts = decision->action == FI_DO_SHORT || decision->action == FI_DO_TORN;
    return cuts && (operation->bytes < 0 || decision->arg >= (uint64_t)operation->bytes);
}

struct fi_decision fi_engine_decide(struct fi_control *control, const struct fi_operation *operation)
{
    struct fi_decision decision = {.rule = -1};
    for (int i = 0; i < FI_RULES_MAX; i++) {
        struct fi_rule *rule = &control->rules[i];
        if (!atomic_load_explicit(&rule->armed, memory_order_acquire) || !matches(rule, operation))
            continue;
        uint64_t file = file_hash(operation);
        struct fi_decision now = {i, (enum fi_action)rule->action, rule->arg, 0, 0, UINT64_MAX};
        now.number = atomic_fetch_add(&rule->seen, 1) + 1;
        now.file_number = count_file(rule, file);
        now.at = rule->offset_to ? rule->offset_from : UINT64_MAX;
        bool first = decision.rule < 0 || (now.action == FI_DO_FILE_LIMIT && decision.action != FI_DO_FILE_LIMIT);
        if (first && fires(rule, &now, file, control->seed))
            decision = now; /* a limit holds whatever else happens to the write */
    }
    if (decision.rule >= 0 && cannot_be_cut(&decision, operation)) {
        atomic_fetch_add(&control->rules[decision.rule].too_small, 1);
        decision.rule = -1; /* nothing is injected, so nothing is logged */
    }
    return decision;
}

void fi_engine_record(struct fi_control *control, const struct fi_decision *decision,
                      const struct fi_operation *operation)
{
    if (decision->rule < 0 || decision->rule >= FI_RULES_MAX)
        return;
    uint64_t slot = atomic_fetch_add(&control->log_next, 1);
    if (slot < FI_LOG_MAX) {
        struct fi_log_entry *entry = &control->log[slot];
        entry->rule = (uint32_t)decision->rule;
        entry->number = decision->number;
        entry->file_number = decision->file_number;
        entry->time_ns = operation->time_ns;
        entry->pid = operation->pid;
        entry->tid = operation->tid;
        entry->role = operation->role;
        entry->process = operation->process;
        entry->thread = operation->thread;
        entry->op = operation->op;
        entry->bytes = operation->bytes;
        entry->offset = operation->offset;
        entry->peer = operation->peer;
        strncpy(entry->path, operation->path ? operation->path : "", sizeof entry->path - 1);
        atomic_store_explicit(&entry->ready, 1, memory_order_release);
    }
    atomic_store(&control->rules[decision->rule].last_ns, operation->time_ns);
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

uint64_t fi_engine_disk_room(struct fi_control *control)
{
    uint64_t limit = atomic_load(&control->disk_limit);
    int64_t used = atomic_load(&control->disk_used);
    uint64_t in_use = used > 0 ? (uint64_t)used : 0;
    if (!limit)
        return UINT64_MAX;
    return limit > in_use ? limit - in_use : 0;
}

struct fi_decision fi_engine_disk_rule(struct fi_control *control)
{
    for (int i = 0; i < FI_RULES_MAX; i++) {
        struct fi_rule *rule = &control->rules[i];
        if (!atomic_load(&rule->armed) || rule->action != FI_DO_DISK_FULL)
            continue;
        uint64_t number = atomic_fetch_add(&rule->seen, 1) + 1;
        return (struct fi_decision){i, FI_DO_DISK_FULL, rule->arg, number, number, UINT64_MAX};
    }
    return (struct fi_decision){.rule = -1};
}
