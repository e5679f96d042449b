#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, text, strlen(text)) < 0)
        errno = 0; /* refused: the unshare that needs it will fail and be reported */
    close(fd);
}

/* An ordinary user gets namespaces only inside a user namespace of his own, where he stays who he is. */
static bool own_user_namespace(void)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWUSER))
        return false;
    write_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    write_text("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    write_text("/proc/self/gid_map", map);
    return true;
}

static void loopback_up(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (ioctl(fd, SIOCSIFFLAGS, &request))
        fprintf(stderr, "lastack: cannot bring the loopback up: %s\n", strerror(errno));
    close(fd);
}

static bool namespaces(void)
{
    int flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET;
    if (unshare(flags) == 0)
        return true;
    return own_user_namespace() && unshare(flags) == 0;
}

struct inside {
    int (*call)(void *context, struct la_strings *limits);
    void *context;
    bool boxed;
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
    if (inside->boxed) {
        /* Our own /proc, or /proc/self would speak of another namespace's numbers. */
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
        if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
            la_strings_add(&limits, la_format("no /proc of its own: %s", strerror(errno)));
        loopback_up();
    } else {
        la_strings_add(&limits, la_strdup("no namespaces (not root, and user namespaces are off): a SIGKILL of lastack "
                                          "may leave running what a wrapper script started, or a save child"));
    }
    int status = inside->call(inside->context, &limits);
    la_strings_free(&limits);
    return status;
}

int la_sandbox_run(int (*call)(void *context, struct la_strings *limits), void *context)
{
    int ends[2];
    sigset_t block;
    sigset_t old;
    if (pipe2(ends, O_CLOEXEC))
        return LA_EXIT_USAGE;
    struct inside inside = {call, context, namespaces(), ends[0]};
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGHUP);
    sigaddset(&block, SIGCHLD);
    sigprocmask(SIG_BLOCK, &block, &old);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        sigprocmask(SIG_SETMASK, &old, NULL);
        int status = first_process(&inside);
        fflush(NULL);
        _exit(status);
    }
    if (pid < 0) {
        fprintf(stderr, "lastack: fork: %s\n", strerror(errno));
        return LA_EXIT_USAGE;
    }
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        int signal = sigwaitinfo(&block, NULL);
        if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP)
            kill(pid, SIGTERM); /* a terminal's Ctrl-C has reached it already; twice does no harm */
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr, "lastack: the run was killed by signal %d\n", WTERMSIG(status));
    return LA_EXIT_INCONCLUSIVE;
}
