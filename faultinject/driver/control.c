#include "driver/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "driver/filter.h"
#include "driver/notify_filter.h"
#include "shared/clock.h"
#include "shared/engine.h"

static void *map_file(int fd, size_t size, char *why, size_t why_size)
{
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED)
        return map;
    snprintf(why, why_size, "cannot map the control block: %s", strerror(errno));
    return NULL;
}

static int set_roles(struct fi_control *control, const struct fi_role *roles, uint32_t role_count)
{
    if (role_count > FI_ROLES_MAX - 2)
        return -1;
    memcpy(control->roles[FI_ROLE_SERVER].name, "server", sizeof "server");
    memcpy(control->roles[FI_ROLE_CHILD].name, "child", sizeof "child");
    for (uint32_t i = 0; i < role_count; i++)
        control->roles[i + 2] = roles[i];
    control->role_count = role_count + 2;
    return 0;
}

/* `path` as the kernel names it, into a block's field. */
static int set_path(char field[FI_PATH_MAX], const char *path, char *why, size_t why_size)
{
    char canonical[4096];
    if (!realpath(path, canonical) || strlen(canonical) >= FI_PATH_MAX) {
        snprintf(why, why_size, "directory %s: %s", path, strerror(errno ? errno : ENAMETOOLONG));
        return -1;
    }
    memcpy(field, canonical, strlen(canonical) + 1);
    return 0;
}

static int fill(struct fi_control *control, const struct fi_control_plan *plan, char *why, size_t why_size)
{
    if (set_path(control->data_dir, plan->data_dir, why, why_size) ||
        (plan->side_dir && set_path(control->side_dir, plan->side_dir, why, why_size)))
        return -1;
    if (set_roles(control, plan->roles, plan->role_count)) {
        snprintf(why, why_size, "more than %d roles", FI_ROLES_MAX - 2);
        return -1;
    }
    do {
        if (getrandom(&control->head.secret, sizeof control->head.secret, 0) != sizeof control->head.secret) {
            snprintf(why, why_size, "no random numbers: %s", strerror(errno));
            return -1;
        }
    } while (control->head.secret == 0);
    control->backend = plan->backend;
    if (control->backend == FI_BACKEND_NOTIFY ? fi_notify_filter(control) : fi_filter_build(control)) {
        snprintf(why, why_size, "libseccomp cannot build the system-call filter");
        return -1;
    }
    control->seed = plan->seed;
    control->head.version = FI_CONTROL_VERSION;
    control->size = sizeof *control;
    control->head.magic = FI_CONTROL_MAGIC;
    return 0;
}

struct fi_control *fi_control_create(const char *path, const struct fi_control_plan *plan, char *why, size_t why_size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        return NULL;
    }
    /* Reserved in full: a store into a sparse page of a full disk would be a SIGBUS in the server. */
    int error = posix_fallocate(fd, 0, (off_t)sizeof(struct fi_control));
    struct fi_control *control = NULL;
    if (error)
        snprintf(why, why_size, "%s: %s", path, strerror(error));
    else
        control = map_file(fd, sizeof *control, why, why_size);
    close(fd);
    if (control && fill(control, plan, why, why_size)) {
        fi_control_close(control);
        control = NULL;
    }
    if (!control)
        unlink(path);
    return control;
}

bool fi_control_valid(const struct fi_control *control, uint64_t size)
{
    return size >= sizeof *control && control->head.magic == FI_CONTROL_MAGIC &&
           control->head.version == FI_CONTROL_VERSION && control->size == sizeof *control &&
           control->role_count >= 2 && control->role_count <= FI_ROLES_MAX && control->filter_len <= FI_FILTER_MAX &&
           control->data_dir[0] == '/' && memchr(control->data_dir, '\0', FI_PATH_MAX) &&
           memchr(control->side_dir, '\0', FI_PATH_MAX);
}

struct fi_control *fi_control_open(const char *path, char *why, size_t why_size)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct fi_control *control = NULL;
    if ((uint64_t)st.st_size < sizeof *control)
        snprintf(why, why_size, "%s: not a control block (too small)", path);
    else
        control = map_file(fd, sizeof *control, why, why_size);
    close(fd);
    if (control && !fi_control_valid(control, (uint64_t)st.st_size)) {
        snprintf(why, why_size, "%s: not a control block of version %d", path, FI_CONTROL_VERSION);
        fi_control_close(control);
        return NULL;
    }
    return control;
}

void fi_control_close(struct fi_control *control)
{
    if (control)
        munmap(control, sizeof *control);
}

struct usage {
    int64_t total; /* bytes in all regular files */
    int64_t largest;
};

/* Adds up what lies below an open directory; takes over `fd`. */
static void usage_below(int fd, struct usage *usage)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct stat st;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        if (S_ISREG(st.st_mode)) {
            usage->total += st.st_size;
            usage->largest = st.st_size > usage->largest ? st.st_size : usage->largest;
        }
        if (!S_ISDIR(st.st_mode))
            continue;
        int below = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (below >= 0)
            usage_below(below, usage);
    }
    closedir(dir);
}

static struct usage usage_of(const struct fi_control *control)
{
    struct usage usage = {0};
    int fd = open(control->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        usage_below(fd, &usage);
    return usage;
}

/* From outside, a limit is known to have struck by the size of the file: none may be beyond it already. */
static bool too_large(const struct fi_control *control, const struct fi_rule *rule, char *why, size_t why_size)
{
    if (rule->action != FI_DO_FILE_LIMIT || control->backend != FI_BACKEND_NOTIFY)
        return false;
    int64_t largest = usage_of(control).largest;
    if ((uint64_t)largest < rule->arg)
        return false;
    snprintf(why, why_size, "the limit of %llu bytes is not above the %lld bytes that a file has already",
             (unsigned long long)rule->arg, (long long)largest);
    return true;
}

static int start_budget(struct fi_control *control, const struct fi_rule *rule, char *why, size_t why_size)
{
    int64_t used = usage_of(control).total;
    uint64_t limit = rule->arg + (rule->of_free ? (uint64_t)used : 0);
    if ((uint64_t)used > limit) {
        snprintf(why, why_size, "the budget of %llu bytes is below the %lld bytes in use already",
                 (unsigned long long)limit, (long long)used);
        return -1;
    }
    atomic_store(&control->disk_used, used);
    atomic_store(&control->disk_limit, limit);
    return 0;
}

/* What the library must look at: what rules name, and whatever frees space while there is a budget. */
static uint32_t wanted_ops(struct fi_control *control)
{
    uint32_t ops = atomic_load(&control->disk_limit) ? FI_OPS_SPACE | FI_OPS_NAMES : 0;
    for (int i = 0; i < FI_RULES_MAX; i++)
        if (atomic_load(&control->rules[i].armed))
            ops |= control->rules[i].ops;
    return ops;
}

static void update_armed_ops(struct fi_control *control)
{
    uint32_t ops;
    do { /* another driver may be at it as well */
        ops = wanted_ops(control);
        atomic_store(&control->armed_ops, ops);
    } while (ops != wanted_ops(control));
}

uint64_t fi_control_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* A clock has no operations that it could wait for: it fires as it is armed. */
static void fire_clock(struct fi_control *control, int index, uint64_t now)
{
    struct fi_rule *rule = &control->rules[index];
    struct fi_decision decision = {index, FI_DO_CLOCK, rule->arg, 1, 1, UINT64_MAX};
    struct fi_operation operation = {.time_ns = now, .op = FI_OP_CLOCK, .bytes = -1, .offset = -1};
    fi_clock_change(&control->clock, (enum fi_clock_change)rule->clock_change, rule->arg, now);
    atomic_fetch_add(&rule->seen, 1);
    fi_engine_record(control, &decision, &operation);
}

static int conflict(struct fi_control *control, const struct fi_rule *rule, char *why, size_t why_size)
{
    for (int i = 0; i < FI_RULES_MAX; i++) {
        const struct fi_rule *other = &control->rules[i];
        const char *reason = atomic_load(&other->armed) ? fi_rule_conflict(other, rule) : NULL;
        if (!reason)
            continue;
        snprintf(why, why_size, "it contradicts the armed rule '%s': %s", other->text, reason);
        return -1;
    }
    return 0;
}

/* A slot is used once, so that counters of disarmed rules stay. */
static int claim_slot(struct fi_control *control)
{
    for (int i = 0; i < FI_RULES_MAX; i++) {
        uint32_t unused = 0;
        if (atomic_compare_exchange_strong(&control->rules[i].claimed, &unused, 1))
            return i;
    }
    return -1;
}

/* What this block cannot carry out; NULL: nothing of the kind. */
static const char *unfit(const struct fi_control *control, const struct fi_rule *rule)
{
    if (atomic_load(&control->rules[FI_RULES_MAX - 1].claimed))
        return "there are as many rules in this run as it has room for";
    if (rule->action == FI_DO_REVERT && !control->side_dir[0])
        return "revert takes the old content from the journal, and there is none: in a scenario, "
               "power_cut: {method: simulated} makes one";
    return control->backend == FI_BACKEND_NOTIFY ? fi_notify_lacks(rule) : NULL;
}

int fi_control_arm(struct fi_control *control, const struct fi_rule *rule, uint64_t now_ns, char *why, size_t why_size)
{
    const char *reason = unfit(control, rule);
    if (reason)
        snprintf(why, why_size, "%s", reason);
    if (reason || conflict(control, rule, why, why_size) || too_large(control, rule, why, why_size) ||
        (rule->action == FI_DO_DISK_FULL && start_budget(control, rule, why, why_size)))
        return -1;
    int index = claim_slot(control);
    if (index < 0) { /* another driver was faster */
        if (rule->action == FI_DO_DISK_FULL)
            atomic_store(&control->disk_limit, 0);
        snprintf(why, why_size, "more than %d rules in one run", FI_RULES_MAX);
        return -1;
    }
    struct fi_rule *slot = &control->rules[index];
    memcpy((char *)slot + sizeof slot->claimed, (const char *)rule + sizeof slot->claimed,
           sizeof *slot - sizeof slot->claimed);
    slot->armed_ns = now_ns ? now_ns : fi_control_now_ns();
    atomic_store(&slot->claimed, 2);
    atomic_store(&slot->armed, 1);
    if (rule->action == FI_DO_CLOCK)
        fire_clock(control, index, slot->armed_ns);
    update_armed_ops(control);
    return index;
}

void fi_control_disarm(struct fi_control *control, int index)
{
    if (index < 0 || index >= FI_RULES_MAX)
        return;
    struct fi_rule *rule = &control->rules[index];
    if (!atomic_exchange(&rule->armed, 0))
        return;
    if (rule->action == FI_DO_DISK_FULL)
        atomic_store(&control->disk_limit, 0);
    if (rule->action == FI_DO_CLOCK && rule->clock_change == FI_CLOCK_RATE)
        fi_clock_change(&control->clock, FI_CLOCK_RATE, FI_CLOCK_RATE_ONE, fi_control_now_ns());
    update_armed_ops(control);
}

uint32_t fi_control_rules(const struct fi_control *control)
{
    uint32_t count = 0;
    while (count < FI_RULES_MAX && atomic_load(&control->rules[count].claimed) == 2)
        count++;
    return count;
}

void fi_control_log_line(const struct fi_control *control, uint64_t index, bool times, char *out, size_t size)
{
    const struct fi_log_entry *entry = &control->log[index < FI_LOG_MAX ? index : 0];
    const struct fi_rule *rule = &control->rules[entry->rule < FI_RULES_MAX ? entry->rule : 0];
    char path[FI_GLOB_MAX + 1];
    char detail[96] = "";
    fi_engine_stable_path(entry->path, entry->pid, path, sizeof path);
    int used =
        times ? snprintf(out, size, "%.6f pid=%d tid=%d ", (double)entry->time_ns / 1e9, entry->pid, entry->tid) : 0;
    if (entry->bytes >= 0)
        snprintf(detail, sizeof detail, " bytes=%lld", (long long)entry->bytes);
    if (entry->offset >= 0)
        snprintf(detail + strlen(detail), sizeof detail - strlen(detail), " offset=%lld", (long long)entry->offset);
    if (entry->peer)
        snprintf(detail + strlen(detail), sizeof detail - strlen(detail), " peer=%u", entry->peer);
    if ((size_t)used < size)
        snprintf(out + used, size - (size_t)used, "%s#%u thread#%u %s%s%s number=%llu on-file=%llu%s rule=%u '%.*s'",
                 entry->role < FI_ROLES_MAX ? control->roles[entry->role].name : "?", entry->process, entry->thread,
                 fi_op_name(entry->op), *path ? " " : "", path, (unsigned long long)entry->number,
                 (unsigned long long)entry->file_number, detail, entry->rule, FI_TEXT_MAX - 1, rule->text);
}

bool fi_control_blind(const struct fi_control *control, char *out, size_t size)
{
    static const char *const words[FI_BLIND_KINDS] = {"a shared writable mapping of a watched file",
                                                      "io_uring",
                                                      "a rename or link across the data directory's border",
                                                      "fallocate or ioctl that moves, clones or punches out data",
                                                      "a file opened by openat2 or by a handle",
                                                      "a child that died of SIGSYS (a helper without the library)",
                                                      "a file opened with O_SYNC or O_DSYNC"};
    uint32_t blind = atomic_load(&control->blind);
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < FI_BLIND_KINDS; i++)
        if ((blind >> i & 1) && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", words[i]);
    return blind != 0;
}

uint64_t fi_control_log_count(const struct fi_control *control, uint64_t *lost)
{
    uint64_t claimed = atomic_load(&control->log_next);
    uint64_t count = claimed < FI_LOG_MAX ? claimed : FI_LOG_MAX;
    if (lost)
        *lost = claimed - count;
    return count;
}

uint64_t fi_control_done(const struct fi_control *control, uint32_t role, uint32_t ops)
{
    uint64_t total = 0;
    for (uint32_t r = 0; r < control->role_count; r++)
        for (uint32_t op = 0; op < FI_OP_COUNT; op++)
            if ((role == FI_ROLE_ANY || role == r) && (ops >> op & 1))
                total += atomic_load(&control->done[r][op]);
    return total;
}
