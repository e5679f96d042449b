#include "world/bash.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int la_bash_open(struct la_bash *bash, const struct la_world *world, const char *path, const char *const *argv,
                 struct la_error *error)
{
    struct winsize size = {.ws_row = 50, .ws_col = 200};
    struct stat st;
    int inner;
    int orders[2];
    int answers[2];
    *bash = LA_BASH_NONE;
    if (openpty(&bash->terminal, &inner, NULL, NULL, &size) || pipe2(orders, O_CLOEXEC) || pipe2(answers, O_CLOEXEC))
        return la_fail(error, "no terminal for a shell: %s", strerror(errno));
    fcntl(bash->terminal, F_SETFD, FD_CLOEXEC);
    fstat(inner, &st);
    bash->device = st.st_rdev;
    bash->orders = orders[1];
    bash->answers = answers[0];
    bash->pid = la_world_start(world, &(struct la_world_start){.argv = argv,
                                                               .path = path,
                                                               .in = inner,
                                                               .out = inner,
                                                               .orders = orders[0],
                                                               .answers = answers[1],
                                                               .terminal = true,
                                                               .counted = true,
                                                               .confined = true});
    close(inner);
    close(orders[0]);
    close(answers[1]);
    if (bash->pid > 0)
        return 0;
    bash->pid = 0;
    return la_fail(error, "no shell: %s", strerror(errno));
}

void la_bash_close(struct la_bash *bash)
{
    if (bash->pid > 0) {
        kill(bash->pid, SIGKILL);
        while (waitpid(bash->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    bash->pid = 0;
    int *const all[] = {&bash->terminal, &bash->orders, &bash->answers};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (*all[i] >= 0)
            close(*all[i]);
        *all[i] = -1;
    }
}
