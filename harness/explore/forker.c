#include "explore/forker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forkserver/protocol.h"

enum { READY_TIMEOUT_MS = 10000, END_TIMEOUT_MS = 30000 };

static int write_config(const struct la_node *node, const char *dir, struct la_error *error)
{
    struct la_config config;
    la_config_copy(&config, &node->config);
    la_config_set(&config, "port", "0");
    la_config_set(&config, "unixsocket", "fork-server");
    la_config_set(&config, "dir", dir);
    int result = la_make_dirs(dir, error) ? -1 : la_config_write(&config, dir, dir, error);
    la_config_free(&config);
    return result;
}

static void become_server(const struct la_node *node, const char *library, const char *dir, const int fds[2])
{
    char config[LA_PATH_MAX];
    char told[64];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL); /* which a worker ignores */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    la_path(config, "%s/redis.conf", dir);
    snprintf(told, sizeof told, "%d,%d", fds[0], fds[1]);
    setenv(FI_FORK_ENV, told, 1);
    setenv("LD_PRELOAD", library, 1);
    const int null = open("/dev/null", O_RDONLY);
    const int log = chdir(dir) ? -1 : open(FI_FORK_LOG, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (null < 0 || log < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0 || fcntl(fds[0], F_SETFD, 0) || fcntl(fds[1], F_SETFD, 0))
        _exit(127);
    execl(node->program, node->program, config, (char *)NULL);
    _exit(127);
}

static bool answered(const struct la_forker *forker, void *to, size_t size, int wait_ms)
{
    size_t done = 0;
    while (done < size) {
        struct pollfd answers = {.fd = forker->answers, .events = POLLIN};
        if (poll(&answers, 1, wait_ms) <= 0)
            return false;
        ssize_t got = read(forker->answers, (char *)to + done, size - done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static pid_t start(const struct la_node *node, const char *library, const char *dir, struct la_forker *forker)
{
    int requests[2];
    int answers[2];
    if (pipe2(requests, O_CLOEXEC))
        return -1;
    if (pipe2(answers, O_CLOEXEC)) {
        close(requests[0]);
        close(requests[1]);
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0)
        become_server(node, library, dir, (const int[]){requests[0], answers[1]});
    close(requests[0]);
    close(answers[1]);
    forker->requests = requests[1];
    forker->answers = answers[0];
    return pid;
}

int la_forker_start(struct la_forker *forker, const struct la_node *node, const char *library, const char *dir,
                    struct la_error *error)
{
    char ready;
    *forker = (struct la_forker){0};
    if (write_config(node, dir, error))
        return -1;
    forker->pid = start(node, library, dir, forker);
    if (forker->pid < 0) {
        *forker = (struct la_forker){0};
        return la_fail(error, "fork: %s", strerror(errno));
    }
    if (answered(forker, &ready, 1, READY_TIMEOUT_MS) && ready == 'R')
        return 0;
    la_forker_end(forker);
    return la_fail(error, "the server does not stop where it could be forked: it is static, starts a thread before it "
                          "listens, or listens on no unix socket");
}

int la_forker_fork(struct la_forker *forker, const char *folder)
{
    struct fi_fork_request request = {""};
    int32_t pid;
    snprintf(request.folder, sizeof request.folder, "%s", folder);
    if (!forker->pid || write(forker->requests, &request, sizeof request) != sizeof request ||
        !answered(forker, &pid, sizeof pid, READY_TIMEOUT_MS) || pid < 0)
        return -1;
    forker->child = pid;
    return 0;
}

bool la_forker_ended(struct la_forker *forker, int wait_ms)
{
    int32_t status;
    if (!forker->child || !answered(forker, &status, sizeof status, wait_ms))
        return !forker->child;
    forker->child = 0;
    return true;
}

/* What it answers from now on would be taken for the answer to another question. */
static void give_up(struct la_forker *forker)
{
    kill(-forker->pid, SIGKILL);
    kill(forker->pid, SIGKILL);
    waitpid(forker->pid, NULL, 0);
    close(forker->requests);
    close(forker->answers);
    *forker = (struct la_forker){0};
}

void la_forker_kill(struct la_forker *forker)
{
    if (!forker->child)
        return;
    kill(forker->child, SIGKILL);
    if (!la_forker_ended(forker, END_TIMEOUT_MS))
        give_up(forker);
}

void la_forker_end(struct la_forker *forker)
{
    if (!forker->pid)
        return;
    la_forker_kill(forker);
    if (forker->pid)
        give_up(forker);
}
