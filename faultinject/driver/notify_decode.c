#include "driver/notify_decode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "driver/control.h"
#include "shared/syscalls.h"

/* ---- who ---- */

/* A line of /proc/TID/status as a number; 0 when there is none. */
static pid_t status_number(pid_t tid, const char *name)
{
    char line[256];
    long number = 0;
    snprintf(line, sizeof line, "/proc/%d/status", (int)tid);
    FILE *status = fopen(line, "re");
    if (!status)
        return 0;
    size_t length = strlen(name);
    while (!number && fgets(line, sizeof line, status))
        if (!strncmp(line, name, length))
            number = strtol(line + length, NULL, 10);
    fclose(status);
    return (pid_t)number;
}

static struct fi_process *find(struct fi_processes *processes, pid_t pid)
{
    for (int i = 0; i < FI_PROCESSES_MAX; i++)
        if (processes->rows[i].pid == pid)
            return &processes->rows[i];
    return NULL;
}

static struct fi_process *free_row(struct fi_processes *processes)
{
    for (int i = 0; i < FI_PROCESSES_MAX; i++) {
        struct fi_process *row = &processes->rows[i];
        if (!row->pid || (kill(row->pid, 0) && errno == ESRCH))
            return row;
    }
    return NULL;
}

static void become(struct fi_process *process, struct fi_control *control, uint32_t role)
{
    process->role = role;
    if (role < FI_ROLES_MAX)
        process->ordinal = atomic_fetch_add(&control->born[role], 1) + 1;
}

struct fi_process *fi_process_of(struct fi_processes *processes, struct fi_control *control, pid_t tid)
{
    char path[64];
    struct stat program;
    pid_t pid = status_number(tid, "Tgid:");
    snprintf(path, sizeof path, "/proc/%d/exe", (int)tid);
    if (!pid || stat(path, &program))
        return NULL;
    struct fi_process *row = find(processes, pid);
    if (row && row->device == program.st_dev && row->program == program.st_ino)
        return row;
    const struct fi_process *parent = find(processes, status_number(tid, "PPid:"));
    bool forked = !row && parent && parent->device == program.st_dev && parent->program == program.st_ino;
    row = row ? row : free_row(processes);
    if (!row)
        return NULL;
    *row = (struct fi_process){pid, program.st_dev, program.st_ino, 0, 0, 0};
    become(row, control, forked ? FI_ROLE_CHILD : FI_ROLE_SERVER);
    return row;
}

/* ---- what about ---- */

static bool read_memory(pid_t tid, uint64_t address, void *out, size_t size)
{
    struct iovec to = {out, size};
    struct iovec from = {(void *)address, size}; /* an address of the other process */
    return process_vm_readv(tid, &to, 1, &from, 1, 0) == (ssize_t)size;
}

/* A string of the other process. Read page by page: what lies behind its end may not be mapped. */
static bool read_string(pid_t tid, uint64_t address, char out[PATH_MAX])
{
    enum { PAGE = 4096 };
    size_t used = 0;
    while (used < PATH_MAX) {
        size_t size = PAGE - (address + used) % PAGE;
        if (size > PATH_MAX - used)
            size = PATH_MAX - used;
        if (!read_memory(tid, address + used, out + used, size))
            return false;
        if (memchr(out + used, '\0', size))
            return true;
        used += size;
    }
    return false;
}

static bool below_data_dir(const struct fi_control *control, const char *path, char out[FI_PATH_MAX])
{
    size_t length = strlen(control->data_dir);
    if (strncmp(path, control->data_dir, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return false;
    const char *rest = path[length] ? path + length + 1 : ".";
    if (strlen(rest) >= FI_PATH_MAX)
        return false;
    memcpy(out, rest, strlen(rest) + 1);
    return true;
}

static bool target_of(const char *link, char out[PATH_MAX])
{
    ssize_t length = readlink(link, out, PATH_MAX - 1);
    if (length <= 0)
        return false;
    out[length] = '\0';
    char *deleted = strstr(out, " (deleted)");
    if (deleted && !deleted[sizeof " (deleted)" - 1])
        *deleted = '\0';
    return true;
}

static bool locate_fd(const struct fi_control *control, pid_t tid, int fd, char out[FI_PATH_MAX])
{
    char link[64];
    char target[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)tid, fd);
    return target_of(link, target) && below_data_dir(control, target, out);
}

/* The directory of `path` is followed as the kernel would, its last part is left as it stands. */
static bool locate_path(const struct fi_control *control, pid_t tid, int dirfd, const char *path, char out[FI_PATH_MAX])
{
    char begin[64] = "";
    char directory[PATH_MAX + 64];
    char canonical[PATH_MAX];
    if (path[0] != '/' && dirfd == AT_FDCWD)
        snprintf(begin, sizeof begin, "/proc/%d/cwd/", (int)tid);
    else if (path[0] != '/')
        snprintf(begin, sizeof begin, "/proc/%d/fd/%d/", (int)tid, dirfd);
    if (!*path || snprintf(directory, sizeof directory, "%s%s", begin, path) >= (int)sizeof directory)
        return false;
    size_t end = strlen(directory);
    while (end > 1 && directory[end - 1] == '/')
        directory[--end] = '\0';
    char *base = strrchr(directory, '/');
    bool whole = !base[1] || !strcmp(base + 1, ".") || !strcmp(base + 1, "..");
    char name[NAME_MAX + 1] = "";
    if (!whole) {
        if (strlen(base + 1) > NAME_MAX)
            return false;
        memcpy(name, base + 1, strlen(base + 1) + 1);
        base[1] = '\0';
    }
    if (!realpath(directory, canonical))
        return false;
    size_t length = strlen(canonical);
    if (*name &&
        snprintf(canonical + length, sizeof canonical - length, "/%s", name) >= (int)(sizeof canonical - length))
        return false;
    return below_data_dir(control, canonical, out);
}

static bool locate_argument(const struct seccomp_notif *asked, const struct fi_control *control, int dirfd,
                            unsigned int argument, char out[FI_PATH_MAX])
{
    char path[PATH_MAX];
    pid_t tid = (pid_t)asked->pid;
    return read_string(tid, asked->data.args[argument], path) && locate_path(control, tid, dirfd, path, out);
}

/* A rename or link is where it leads, or else where it comes from. */
static bool locate(const struct seccomp_notif *asked, const struct fi_control *control, const struct fi_syscall *row,
                   char out[FI_PATH_MAX])
{
    const __u64 *args = asked->data.args;
    unsigned int at = (unsigned int)row->argument;
    switch (row->target) {
    case FI_TARGET_PATH:
        return locate_argument(asked, control, AT_FDCWD, at, out) ||
               (row->op == FI_OP_RENAME && locate_argument(asked, control, AT_FDCWD, 0, out));
    case FI_TARGET_AT:
        return locate_argument(asked, control, (int)args[at], at + 1, out) ||
               (row->op == FI_OP_RENAME && locate_argument(asked, control, (int)args[0], 1, out));
    case FI_TARGET_ALL: memcpy(out, ".", 2); return true;
    case FI_TARGET_FD:
    case FI_TARGET_FD_IOV: break;
    }
    return locate_fd(control, (pid_t)asked->pid, (int)args[at], out);
}

static uint32_t op_of(const struct seccomp_notif *asked, const struct fi_syscall *row)
{
    char link[64];
    struct stat st;
    bool sync = row->target == FI_TARGET_FD && (row->op == FI_OP_FSYNC || row->op == FI_OP_FDATASYNC);
    snprintf(link, sizeof link, "/proc/%u/fd/%d", asked->pid, (int)asked->data.args[0]);
    return sync && stat(link, &st) == 0 && S_ISDIR(st.st_mode) ? FI_OP_FSYNC_DIR : (uint32_t)row->op;
}

struct open_arguments {
    int dirfd;
    unsigned int path;
    uint64_t flags;
};

/* False when it is no open. */
static bool open_of(const struct seccomp_notif *asked, struct open_arguments *open)
{
    const __u64 *args = asked->data.args;
    struct open_how how;
    switch (asked->data.nr) {
    case SYS_open: *open = (struct open_arguments){AT_FDCWD, 0, args[1]}; return true;
    case SYS_creat: *open = (struct open_arguments){AT_FDCWD, 0, O_CREAT | O_WRONLY | O_TRUNC}; return true;
    case SYS_openat: *open = (struct open_arguments){(int)args[0], 1, args[2]}; return true;
    case SYS_openat2:
        if (!read_memory((pid_t)asked->pid, args[2], &how, sizeof how))
            return false;
        *open = (struct open_arguments){(int)args[0], 1, how.flags};
        return true;
    default: return false;
    }
}

/* The making of a process, not of a thread. */
static bool forks(const struct seccomp_notif *asked)
{
    uint64_t flags = asked->data.args[0];
    switch (asked->data.nr) {
    case SYS_fork:
    case SYS_vfork: return true;
    case SYS_clone: return !(flags & CLONE_THREAD);
    case SYS_clone3:
        return read_memory((pid_t)asked->pid, asked->data.args[0], &flags, sizeof flags) && !(flags & CLONE_THREAD);
    default: return false;
    }
}

bool fi_notify_decode(const struct seccomp_notif *asked, struct fi_control *control, struct fi_process *process,
                      struct fi_operation *operation, char path[FI_PATH_MAX])
{
    struct open_arguments open;
    const struct fi_syscall *row = fi_syscall_find(asked->data.nr);
    bool opens = open_of(asked, &open);
    bool is_fork = !opens && forks(asked);
    *operation = (struct fi_operation){.time_ns = fi_control_now_ns(), .pid = process->pid, .bytes = -1, .offset = -1};
    operation->tid = (int32_t)asked->pid;
    operation->thread = operation->tid == process->pid ? 1 : 2;
    if (opens && !locate_argument(asked, control, open.dirfd, open.path, path))
        return false;
    if (opens && (open.flags & O_CREAT)) {
        uint32_t taken = fi_engine_child_role(control, process->role, path);
        if (taken != process->role)
            become(process, control, taken);
    }
    if (!opens && !is_fork && (!row || !locate(asked, control, row, path)))
        return false;
    operation->op = opens ? FI_OP_OPEN : is_fork ? FI_OP_FORK : op_of(asked, row);
    operation->path = is_fork ? NULL : path;
    operation->role = process->role;
    operation->process = process->ordinal;
    return true;
}

int64_t fi_notify_size(const struct seccomp_notif *asked, const struct fi_control *control, const char *path)
{
    char name[PATH_MAX + 64];
    struct stat st;
    const struct fi_syscall *row = fi_syscall_find(asked->data.nr);
    if (row && row->target == FI_TARGET_FD)
        snprintf(name, sizeof name, "/proc/%u/fd/%d", asked->pid, (int)asked->data.args[row->argument]);
    else if (path)
        snprintf(name, sizeof name, "%s/%s", control->data_dir, path);
    else
        return -1;
    return stat(name, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : -1;
}
