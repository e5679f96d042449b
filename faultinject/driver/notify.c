#include "driver/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "driver/control.h"
#include "driver/notify_decode.h"

/* Linux 5.19; older kernels let any signal interrupt a call that waits for its answer, and it is made anew. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum { TICK_MS = 5, HELD_MAX = 1024, DONE_MS = 1000 };

/* A call that is kept waiting. */
struct held {
    uint64_t id;
    uint64_t due_ns; /* 0: until its rule is disarmed */
    int rule;
};

struct server {
    struct fi_control *control;
    int listener;
    struct seccomp_notif *asked;
    struct seccomp_notif_resp *answer;
    struct fi_processes processes;
    struct held held[HELD_MAX];
    unsigned int held_count;
    struct rlimit free_limit;       /* what the program started with */
    rlim_t limit;                   /* in force */
    char limited_path[FI_PATH_MAX]; /* the last file that was found cut off at the limit */
};

int fi_notify_open(struct fi_notify *notify)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return -errno;
    *notify = (struct fi_notify){ends[0], ends[1]};
    return 0;
}

static long load(const struct fi_control *control, unsigned long flags)
{
    struct {
        unsigned short length;
        const void *filter;
    } program = {(unsigned short)control->filter_len, control->filter};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* Newer kernels first. */
static long listener_as_we_are(const struct fi_control *control)
{
    long fd = load(control, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    return fd < 0 && errno == EINVAL ? load(control, 0) : fd;
}

static long listener_of(const struct fi_control *control)
{
    long fd = listener_as_we_are(control);
    if (fd >= 0 || errno != EACCES)
        return fd;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* without CAP_SYS_ADMIN the kernel wants this promise */
    return listener_as_we_are(control);
}

union rights {
    char space[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

int fi_notify_install(const struct fi_notify *notify, const struct fi_control *control)
{
    char byte = 0;
    struct iovec data = {&byte, 1};
    union rights rights = {0};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = rights.space, .msg_controllen = sizeof rights.space};
    signal(SIGXFSZ, SIG_IGN);
    int fd = (int)listener_of(control);
    if (fd < 0)
        return -errno;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    int error = sendmsg(notify->program, &message, 0) == 1 ? 0 : -errno;
    close(fd);
    return error;
}

/* ---- the supervisor ---- */

static int receive_listener(int end)
{
    char byte;
    struct iovec data = {&byte, 1};
    union rights rights = {0};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = rights.space, .msg_controllen = sizeof rights.space};
    ssize_t got;
    do
        got = recvmsg(end, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    const struct cmsghdr *header = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    int fd = -EPIPE;
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

/* Lets the call go on, or ends it with a negative errno, or with success when `lie`. A call that is gone is no error.
 */
static void reply(struct server *server, uint64_t id, int error, bool lie)
{
    memset(server->answer, 0, sizeof *server->answer);
    server->answer->id = id;
    server->answer->error = error;
    if (!error && !lie)
        server->answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    seccomp_notify_respond(server->listener, server->answer);
}

static void hold(struct server *server, uint64_t id, const struct fi_decision *decision)
{
    if (server->held_count == HELD_MAX) {
        reply(server, id, 0, false);
        return;
    }
    uint64_t due = decision->action == FI_DO_DELAY ? fi_control_now_ns() + decision->arg * 1000000 : 0;
    server->held[server->held_count++] = (struct held){id, due, decision->rule};
}

static void release_due(struct server *server)
{
    uint64_t now = fi_control_now_ns();
    for (unsigned int i = 0; i < server->held_count;) {
        const struct held *held = &server->held[i];
        bool due = held->due_ns ? now >= held->due_ns : !atomic_load(&server->control->rules[held->rule].armed);
        if (!due) {
            i++;
            continue;
        }
        reply(server, held->id, 0, false);
        server->held[i] = server->held[--server->held_count];
    }
}

/* The first to cut names the moment. Where the file system cannot be shut down, the group waits for the driver. */
static void cut_power(struct fi_control *control, pid_t group)
{
    uint64_t none = 0;
    uint32_t how = FI_SHUTDOWN_NOFLUSH;
    atomic_compare_exchange_strong(&control->cut_ns, &none, fi_control_now_ns());
    int fd = open(control->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool down = fd >= 0 && ioctl(fd, FI_SHUTDOWN, &how) == 0;
    kill(-group, down ? SIGKILL : SIGSTOP);
    if (fd >= 0)
        close(fd);
}

static void carry_out(struct server *server, const struct fi_decision *decision, pid_t pid)
{
    uint64_t id = server->asked->id;
    switch (decision->action) {
    case FI_DO_ERROR: reply(server, id, -(int)decision->arg, false); break;
    case FI_DO_LIE: reply(server, id, 0, true); break;
    case FI_DO_KILL: kill(pid, SIGKILL); break; /* the call dies with it, unanswered */
    case FI_DO_KILL_GROUP: kill(-getpgid(pid), SIGKILL); break;
    case FI_DO_POWER_CUT: cut_power(server->control, getpgid(pid)); break;
    case FI_DO_SIGNAL:
        kill(pid, (int)decision->arg);
        reply(server, id, 0, false);
        break;
    case FI_DO_NOTE: reply(server, id, 0, false); break;
    case FI_DO_DELAY:
    case FI_DO_HANG: hold(server, id, decision); break;
    case FI_DO_REVERT: /* fi_notify_lacks keeps this and what follows out, or it matches nothing that is seen */
    case FI_DO_SHORT:
    case FI_DO_TORN:
    case FI_DO_FLIP:
    case FI_DO_CLOCK:
    case FI_DO_FILE_LIMIT:
    case FI_DO_DISK_FULL: reply(server, id, 0, false); break;
    }
}

static ino_t inode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? 0 : st.st_ino;
}

/*
 * Lets a rename go on, and sees by the file of its new name that it is done: what the server does next to make it
 * durable is a call that waits for us. False: it has failed.
 */
static bool rename_is_done(struct server *server, const struct fi_operation *operation)
{
    char path[2 * FI_PATH_MAX];
    const struct timespec look = {0, 20000};
    snprintf(path, sizeof path, "%s/%s", server->control->data_dir, operation->path);
    ino_t before = inode_of(path);
    reply(server, server->asked->id, 0, false);
    uint64_t end = fi_control_now_ns() + DONE_MS * UINT64_C(1000000);
    while (inode_of(path) == before) {
        if (fi_control_now_ns() > end)
            return false;
        nanosleep(&look, NULL);
    }
    return true;
}

/* ---- file-limit: the kernel enforces it, and the size of a file tells that it struck ---- */

/* The armed rule with the lowest limit, or -1. */
static int limit_rule(const struct fi_control *control)
{
    int lowest = -1;
    for (int i = 0; i < FI_RULES_MAX; i++) {
        const struct fi_rule *rule = &control->rules[i];
        if (atomic_load(&rule->armed) && rule->action == FI_DO_FILE_LIMIT &&
            (lowest < 0 || rule->arg < control->rules[lowest].arg))
            lowest = i;
    }
    return lowest;
}

/* A process takes its parent's limit along, and a new one is met here before it can have written anything. */
static void apply_limit(struct server *server)
{
    int rule = limit_rule(server->control);
    rlim_t wanted = rule < 0 ? server->free_limit.rlim_cur : server->control->rules[rule].arg;
    struct rlimit limit = {wanted, server->free_limit.rlim_max};
    for (int i = 0; i < FI_PROCESSES_MAX; i++) {
        struct fi_process *process = &server->processes.rows[i];
        bool stale = process->pid && process->limit != wanted;
        if (stale && prlimit(process->pid, RLIMIT_FSIZE, &limit, NULL) == 0)
            process->limit = wanted;
    }
}

static void limit_struck(struct server *server, const char *path, const struct fi_operation *seen)
{
    int index = limit_rule(server->control);
    if (index < 0 || !strcmp(path, server->limited_path))
        return;
    strncpy(server->limited_path, path, sizeof server->limited_path - 1);
    struct fi_rule *rule = &server->control->rules[index];
    uint64_t number = atomic_fetch_add(&rule->seen, 1) + 1;
    struct fi_decision decision = {index, FI_DO_FILE_LIMIT, rule->arg, number, 1, UINT64_MAX};
    struct fi_operation operation = *seen;
    operation.op = FI_OP_WRITE;
    operation.offset = (int64_t)rule->arg;
    operation.path = path;
    fi_engine_record(server->control, &decision, &operation);
}

static void look_for_limit(struct server *server, const struct fi_operation *operation)
{
    int rule = limit_rule(server->control);
    if (rule < 0 || !operation->path)
        return;
    int64_t size = fi_notify_size(server->asked, server->control, operation->path);
    if (size >= 0 && (uint64_t)size == server->control->rules[rule].arg)
        limit_struck(server, operation->path, operation);
}

/* ---- the loop ---- */

static void handle(struct server *server)
{
    struct fi_control *control = server->control;
    char path[FI_PATH_MAX];
    struct fi_operation operation;
    uint64_t id = server->asked->id;
    struct fi_process *process = fi_process_of(&server->processes, control, (pid_t)server->asked->pid);
    apply_limit(server);
    bool ours = process && fi_notify_decode(server->asked, control, process, &operation, path);
    /* The thread may have died meanwhile, and its number been given to another. */
    if (!ours || seccomp_notify_id_valid(server->listener, id)) {
        reply(server, id, 0, false);
        return;
    }
    if (process->role < FI_ROLES_MAX)
        atomic_fetch_add(&control->done[process->role][operation.op], 1);
    look_for_limit(server, &operation);
    struct fi_decision decision = {.rule = -1};
    if (fi_engine_cares(control, operation.op))
        decision = fi_engine_decide(control, &operation);
    if (decision.rule < 0) {
        reply(server, id, 0, false);
        return;
    }
    if (control->rules[decision.rule].done) {
        if (!rename_is_done(server, &operation))
            return;
        operation.time_ns = fi_control_now_ns();
    }
    fi_engine_record(control, &decision, &operation);
    carry_out(server, &decision, process->pid);
}

static void loop(struct server *server)
{
    for (;;) {
        struct pollfd ready = {server->listener, POLLIN, 0};
        if (poll(&ready, 1, TICK_MS) < 0 && errno != EINTR)
            return;
        apply_limit(server);
        release_due(server);
        if (ready.revents & POLLIN) {
            memset(server->asked, 0, sizeof *server->asked);
            if (seccomp_notify_receive(server->listener, server->asked) == 0)
                handle(server);
        } else if (ready.revents & (POLLHUP | POLLERR)) {
            return; /* nobody is left who could ask */
        }
    }
}

static int start(struct server *server)
{
    struct fi_control *control = server->control;
    if (seccomp_notify_alloc(&server->asked, &server->answer))
        return -ENOMEM;
    getrlimit(RLIMIT_FSIZE, &server->free_limit); /* inherited by the program as it is here */
    atomic_fetch_add(&control->attached, 1);
    atomic_store(&control->trap_state, FI_TRAP_ON);
    return 0;
}

void fi_notify_close(const struct fi_notify *notify)
{
    close(notify->program);
    close(notify->supervisor);
}

int fi_notify_serve(const struct fi_notify *notify, struct fi_control *control)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return -ENOMEM;
    close(notify->program); /* its other copy is the program's: when that ends, so does the waiting */
    server->control = control;
    server->listener = receive_listener(notify->supervisor);
    int error = server->listener < 0 ? server->listener : start(server);
    if (!error)
        loop(server);
    close(notify->supervisor);
    if (server->listener >= 0)
        close(server->listener);
    seccomp_notify_free(server->asked, server->answer);
    free(server);
    return error;
}
