#include "suite/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/copy.h"
#include "base/network.h"
#include "world/world.h"

enum { NAMESPACES = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET };

/* In our own /proc nobody looks for file systems: the place where the library is mounted if it needs a plain path. */
#define PLAIN_PLACE "/proc/fs"

/* An ordinary user gets namespaces only inside a user namespace of his own, where he stays who he is. */
static bool own_user_namespace(void)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWUSER))
        return false;
    la_tell_kernel("/proc/self/setgroups", "deny"); /* where it does not exist, the map of groups tells */
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    if (la_tell_kernel("/proc/self/uid_map", map))
        return false;
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    return la_tell_kernel("/proc/self/gid_map", map) == 0;
}

static bool enter(enum la_box box)
{
    return (box != LA_BOX_USER || own_user_namespace()) && unshare(NAMESPACES) == 0;
}

/*
 * What the first process of the box does. Mounts must be nobody else's first: in a chroot whose root is no mount, this
 * fails, and whatever were mounted then would be mounted for all. NULL, or what could not be done.
 */
static const char *furnish(void)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return "mounts cannot be kept private (a chroot?)";
    /* or /proc/self would speak of another namespace's numbers */
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
        return "no /proc of its own";
    return la_loopback_up() ? "no loopback of its own" : NULL;
}

static int status_of(pid_t pid)
{
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* Tries a box in a child; what it says is why there can be none. */
static bool possible(enum la_box box, char *why, size_t size)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        const char *lacks = enter(box) ? NULL : "unshare";
        pid_t first = lacks ? 0 : fork();
        if (lacks || first == 0) {
            lacks = lacks ? lacks : furnish();
            if (lacks)
                dprintf(ends[1], "%s: %s", lacks, strerror(errno));
            _exit(lacks != NULL);
        }
        _exit(status_of(first) != 0);
    }
    close(ends[1]);
    bool works = status_of(pid) == 0;
    ssize_t length = works ? 0 : read(ends[0], why, size - 1);
    why[length > 0 ? length : 0] = '\0';
    close(ends[0]);
    return works;
}

static struct la_sandbox find_out(void)
{
    struct la_sandbox sandbox = {.box = LA_BOX_ROOT};
    if (possible(LA_BOX_ROOT, sandbox.why, sizeof sandbox.why))
        return sandbox;
    sandbox.box = LA_BOX_USER;
    if (geteuid() != 0) /* why root has none says more than why a user namespace has not */
        sandbox.why[0] = '\0';
    char second[sizeof sandbox.why];
    if (possible(LA_BOX_USER, second, sizeof second))
        return sandbox;
    sandbox.box = LA_BOX_NONE;
    if (!*sandbox.why)
        snprintf(sandbox.why, sizeof sandbox.why, "%s", second);
    return sandbox;
}

/* LD_PRELOAD is taken apart at blanks and colons, and $ means something in it. */
static bool is_plain(const char *path)
{
    return !path[strcspn(path, " :$")];
}

/* The file is found by the same name in that folder. */
static void move_to(char path[LA_PATH_MAX], const char *folder)
{
    char moved[LA_PATH_MAX];
    la_path(moved, "%s/%s", folder, strrchr(path, '/') + 1);
    la_path(path, "%s", moved);
}

/* Inside a box: the libraries' folder, mounted where its path is plain. */
static int mount_library(struct la_parts *parts)
{
    char folder[LA_PATH_MAX];
    la_path(folder, "%s", parts->shim);
    if (is_plain(parts->shim))
        return 0;
    if (mount(dirname(folder), PLAIN_PLACE, NULL, MS_BIND | MS_REC, NULL))
        return -1;
    move_to(parts->shim, PLAIN_PLACE);
    move_to(parts->forkserver, PLAIN_PLACE);
    return 0;
}

/* Where there is no box: copies, in a folder that is removed by the caller. Empty: there was no need. */
static int copy_library(struct la_parts *parts, char folder[LA_PATH_MAX], struct la_error *error)
{
    char *const libraries[] = {parts->shim, parts->forkserver};
    folder[0] = '\0';
    if (is_plain(parts->shim))
        return 0;
    la_path(folder, "/tmp/lastack-XXXXXX");
    if (!mkdtemp(folder)) {
        folder[0] = '\0';
        return la_fail(error, "no temporary folder for libfaultinject.so: %s", strerror(errno));
    }
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        char original[LA_PATH_MAX];
        la_path(original, "%s", libraries[i]);
        move_to(libraries[i], folder);
        if (la_copy_file(original, libraries[i], error))
            return -1;
    }
    return 0;
}

struct inside {
    int (*call)(void *context, const struct la_sandbox *sandbox, struct la_strings *limits);
    void *context;
    struct la_sandbox sandbox;
    struct la_parts *parts;
    int alive; /* read end of a pipe that the outer process holds open */
};

/* The outer process may have died before the parent-death signal was asked for. */
static bool orphaned(int alive)
{
    struct pollfd pipe_end = {alive, POLLIN, 0};
    return poll(&pipe_end, 1, 0) > 0;
}

static int first_process(const struct inside *inside)
{
    struct la_strings limits = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (orphaned(inside->alive))
        return LA_EXIT_INCONCLUSIVE;
    if (inside->sandbox.box == LA_BOX_NONE) {
        la_strings_add(&limits, la_format("no namespaces (%s): a SIGKILL of lastack may leave running what a wrapper "
                                          "script started, or a save child",
                                          inside->sandbox.why));
    } else {
        const char *lacks = furnish();
        if (!lacks && mount_library(inside->parts))
            lacks = "libfaultinject.so cannot be mounted on " PLAIN_PLACE;
        if (lacks) {
            fprintf(stderr, "lastack: %s: %s\n", lacks, strerror(errno));
            return LA_EXIT_USAGE;
        }
    }
    int status = inside->call(inside->context, &inside->sandbox, &limits);
    la_strings_free(&limits);
    return status;
}

static sigset_t signals_of_the_end(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct sigaction action;
        if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) /* nohup, a job in the background */
            sigaddset(&set, ends[i]);
    }
    return set;
}

/* Waits for the first process; `set` is blocked. A second signal, or the end of the grace, ends it at once. */
static int wait_outside(pid_t pid, sigset_t set, unsigned int grace_ms)
{
    int status;
    bool killed = false;
    uint64_t deadline = 0;
    sigaddset(&set, SIGCHLD);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        struct timespec look = {0, 100000000};
        int signal = sigtimedwait(&set, NULL, &look);
        bool asked = signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
        bool late = deadline && (asked || la_now_ns() > deadline);
        if (!killed && (late || (asked && !grace_ms))) {
            killed = true;
            kill(pid, SIGKILL);
            fprintf(stderr, "lastack: interrupted%s\n", grace_ms ? ", and ended before it had cleaned up" : "");
        } else if (asked && !deadline) {
            deadline = la_now_ns() + grace_ms * UINT64_C(1000000);
            kill(pid, SIGTERM); /* a terminal's Ctrl-C has reached it already; twice does no harm */
        }
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    if (!killed)
        fprintf(stderr, "lastack: the run was killed by signal %d\n", WTERMSIG(status));
    return LA_EXIT_INCONCLUSIVE;
}

static int run(struct inside *inside, int hold, unsigned int grace_ms)
{
    sigset_t ends = signals_of_the_end();
    sigset_t block = ends;
    sigaddset(&block, SIGCHLD);
    sigprocmask(SIG_BLOCK, &block, NULL);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(hold);
        sigset_t mine;
        sigemptyset(&mine);
        sigaddset(&mine, SIGCHLD);
        sigprocmask(SIG_UNBLOCK, &mine, NULL);
        int status = first_process(inside);
        fflush(NULL);
        _exit(status);
    }
    if (pid < 0) {
        fprintf(stderr, "lastack: fork: %s\n", strerror(errno));
        return LA_EXIT_USAGE;
    }
    return wait_outside(pid, ends, grace_ms);
}

const char *la_sandbox_lacks_world(const struct la_sandbox *sandbox)
{
    return sandbox->box == LA_BOX_ROOT ? la_world_missing() : "a network of its own";
}

int la_sandbox_run(int (*call)(void *context, const struct la_sandbox *sandbox, struct la_strings *limits),
                   void *context, struct la_parts *parts, unsigned int grace_ms)
{
    int ends[2];
    char folder[LA_PATH_MAX] = "";
    struct la_error error;
    if (pipe2(ends, O_CLOEXEC))
        return LA_EXIT_USAGE;
    struct inside inside = {call, context, find_out(), parts, ends[0]};
    int status = LA_EXIT_USAGE;
    if (inside.sandbox.box == LA_BOX_NONE && copy_library(parts, folder, &error))
        fprintf(stderr, "lastack: %s\n", error.text);
    else if (inside.sandbox.box != LA_BOX_NONE && !enter(inside.sandbox.box))
        fprintf(stderr, "lastack: namespaces: %s\n", strerror(errno));
    else
        status = run(&inside, ends[1], grace_ms);
    if (*folder) {
        la_empty_folder(folder);
        rmdir(folder);
    }
    return status;
}
