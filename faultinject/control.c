#include "control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter.h"

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

static int fill(struct fi_control *control, const char *data_dir, const struct fi_role *roles, uint32_t role_count,
                char *why, size_t why_size)
{
    char canonical[4096];
    if (!realpath(data_dir, canonical) || strlen(canonical) >= FI_PATH_MAX) {
        snprintf(why, why_size, "data directory %s: %s", data_dir, strerror(errno ? errno : ENAMETOOLONG));
        return -1;
    }
    memcpy(control->data_dir, canonical, strlen(canonical) + 1);
    if (set_roles(control, roles, role_count)) {
        snprintf(why, why_size, "more than %d roles", FI_ROLES_MAX - 2);
        return -1;
    }
    do {
        if (getrandom(&control->secret, sizeof control->secret, 0) != sizeof control->secret) {
            snprintf(why, why_size, "no random numbers: %s", strerror(errno));
            return -1;
        }
    } while (control->secret == 0);
    if (fi_filter_build(control)) {
        snprintf(why, why_size, "libseccomp cannot build the system-call filter");
        return -1;
    }
    control->version = FI_CONTROL_VERSION;
    control->size = sizeof *control;
    control->magic = FI_CONTROL_MAGIC;
    return 0;
}

struct fi_control *fi_control_create(const char *path, const char *data_dir, const struct fi_role *roles,
                                     uint32_t role_count, char *why, size_t why_size)
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
    if (control && fill(control, data_dir, roles, role_count, why, why_size)) {
        fi_control_close(control);
        control = NULL;
    }
    if (!control)
        unlink(path);
    return control;
}

bool fi_control_valid(const struct fi_control *control, uint64_t size)
{
    return size >= sizeof *control && control->magic == FI_CONTROL_MAGIC && control->version == FI_CONTROL_VERSION &&
           control->size == sizeof *control && control->role_count >= 2 && control->role_count <= FI_ROLES_MAX &&
           control->filter_len <= FI_FILTER_MAX && control->data_dir[0] == '/' &&
           memchr(control->data_dir, '\0', FI_PATH_MAX);
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

/* Bytes in all regular files below an open directory; takes over `fd`. */
static int64_t bytes_below(int fd)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return 0;
    }
    int64_t total = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct stat st;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        if (S_ISREG(st.st_mode))
            total += st.st_size;
        if (!S_ISDIR(st.st_mode))
            continue;
        int below = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (below >= 0)
            total += bytes_below(below);
    }
    closedir(dir);
    return total;
}

static int start_budget(struct fi_control *control, uint64_t limit, char *why, size_t why_size)
{
    if (atomic_load(&control->disk_limit)) {
        snprintf(why, why_size, "a disk-full budget is armed already");
        return -1;
    }
    int fd = open(control->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t used = fd < 0 ? 0 : bytes_below(fd);
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
static void update_armed_ops(struct fi_control *control)
{
    uint32_t ops = 0;
    for (int i = 0; i < FI_RULES_MAX; i++)
        if (atomic_load(&control->rules[i].armed))
            ops |= control->rules[i].ops;
    if (atomic_load(&control->disk_limit))
        ops |= fi_op_bits("any-write", 9) | fi_op_bits("namespace", 9);
    atomic_store(&control->armed_ops, ops);
}

int fi_control_arm(struct fi_control *control, const struct fi_rule *rule, char *why, size_t why_size)
{
    int index = 0;
    while (index < FI_RULES_MAX && control->rules[index].text[0])
        index++; /* a slot is used once, so that counters of disarmed rules stay */
    if (index == FI_RULES_MAX) {
        snprintf(why, why_size, "more than %d rules in one run", FI_RULES_MAX);
        return -1;
    }
    if (rule->action == FI_DO_DISK_FULL && start_budget(control, rule->arg, why, why_size))
        return -1;
    struct fi_rule *slot = &control->rules[index];
    memcpy(slot, rule, sizeof *slot);
    atomic_store(&slot->seen, 0);
    atomic_store(&slot->fired, 0);
    atomic_store(&slot->armed, 1);
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
    update_armed_ops(control);
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
