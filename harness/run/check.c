#include "run/check.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nodes/view.h"

enum { NOBODY = 65534, NOT_RUN = 126 };

static void set_or_unset(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static void set_environment(const struct la_address *address)
{
    char port[16];
    snprintf(port, sizeof port, "%d", address->port);
    setenv("REDIS_HOST", "127.0.0.1", 1);
    setenv("REDIS_PORT", port, 1);
    set_or_unset("REDIS_SOCKET", address->socket);
    set_or_unset("REDIS_USER", address->user);
    set_or_unset("REDISCLI_AUTH", address->password);
}

/* Nothing of the host's can be changed: it has the rights of nobody, and where there is a box, no file to write. */
static bool confine(const char *folder)
{
    const struct la_view view = {.began = folder};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const char *lacks = la_view_enter(&view, folder);
    if (geteuid() != 0)
        return !lacks || chdir(folder) == 0;
    return setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0;
}

__attribute__((noreturn)) static void become_check(const char *command, const struct la_address *address,
                                                   const char *folder)
{
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    set_environment(address);
    if (!confine(folder))
        _exit(NOT_RUN);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the user has changed, which takes it away */
    execl("/bin/sh", "sh", "-c", command, NULL);
    _exit(NOT_RUN);
}

static bool start(struct la_check_run *check, const char *command, const struct la_address *address, const char *folder)
{
    check->began_ns = la_now_ns();
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        become_check(command, address, folder);
    }
    check->pid = pid > 0 ? pid : 0;
    check->status = pid > 0 ? check->status : NOT_RUN;
    return pid <= 0;
}

bool la_check_look(struct la_check_run *check, const char *command, const struct la_address *address,
                   const char *folder)
{
    int status;
    uint64_t ms = (la_now_ns() - check->began_ns) / 1000000;
    if (!check->pid)
        return ms >= LA_CHECK_EVERY_MS && start(check, command, address, folder);
    bool late = ms >= LA_CHECK_PATIENCE_MS;
    if (late)
        kill(-check->pid, SIGKILL);
    if (waitpid(check->pid, &status, late ? 0 : WNOHANG) != check->pid)
        return false;
    check->status = late ? LA_CHECK_LATE : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    check->pid = 0;
    return true;
}
