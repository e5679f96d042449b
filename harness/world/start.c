#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world/boot.h"
#include "world/world.h"

#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const struct {
    const char *name;
    int flag;
} namespaces[] = {{"cgroup", CLONE_NEWCGROUP},
                  {"ipc", CLONE_NEWIPC},
                  {"uts", CLONE_NEWUTS},
                  {"pid", CLONE_NEWPID},
                  {"mnt", CLONE_NEWNS}};
enum { NAMESPACES = sizeof namespaces / sizeof *namespaces, FREE_FD = 100 };

/* All are opened before one is entered: the last one takes away /proc. */
static bool enter_namespaces(pid_t init)
{
    int open_ones[NAMESPACES];
    bool entered = true;
    for (size_t i = 0; i < NAMESPACES; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)init, namespaces[i].name);
        open_ones[i] = open(path, O_RDONLY | O_CLOEXEC);
    }
    for (size_t i = 0; i < NAMESPACES; i++)
        entered = entered && setns(open_ones[i], namespaces[i].flag) == 0;
    return entered;
}

bool la_world_join(const struct la_world *world, bool counted)
{
    return la_cgroup_join(&world->group) == 0 && (!*world->memory.path || la_cgroup_join(&world->memory) == 0) &&
           (!counted || !*world->bounds.path || la_cgroup_join(&world->bounds) == 0);
}

/* What it is to have, at its place; away from those places first, since one may lie in another's. */
static void place_descriptors(const struct la_world_start *how)
{
    int from[5] = {how->in < 0 ? open("/dev/null", O_RDONLY) : how->in, how->out, how->out, how->orders, how->answers};
    for (int i = 0; i < 5; i++)
        from[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD_CLOEXEC, FREE_FD);
    for (int i = 0; i < 5; i++)
        if (from[i] >= 0)
            dup2(from[i], i);
    close_range(how->orders < 0 ? STDERR_FILENO + 1 : 5, ~0U, 0);
}

__attribute__((noreturn)) static void become_command(const struct la_world_start *how)
{
    char path[512];
    snprintf(path, sizeof path, "PATH=%s", how->path ? how->path : USUAL_PATH);
    char *const environment[] = {path,        "LC_ALL=C.UTF-8", "HOME=/root", "USER=root",
                                 "TERM=dumb", "SYSTEMD_PAGER=", "PAGER=cat",  NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL); /* which we may ignore */
    place_descriptors(how);
    if (how->terminal) {
        setsid();
        ioctl(STDIN_FILENO, TIOCSCTTY, 0);
    }
    la_world_confine(how->confined);
    if (chdir("/root") == 0)
        execvpe(how->argv[0], (char *const *)how->argv, environment);
    _exit(127);
}

pid_t la_world_start(const struct la_world *world, const struct la_world_start *how)
{
    int status = 0;
    fflush(NULL);
    pid_t outer = fork();
    if (outer != 0)
        return outer;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!la_world_join(world, how->counted) || !enter_namespaces(world->init))
        _exit(127);
    pid_t pid = fork(); /* a process namespace is entered by children */
    if (pid == 0)
        become_command(how);
    close_range(0, ~0U, 0); /* whoever reads what it writes sees its end */
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(pid < 0 ? 127 : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

bool la_world_unmount(const struct la_world *world, const char *path)
{
    char name[64];
    int status = -1;
    snprintf(name, sizeof name, "/proc/%d/ns/mnt", (int)world->init);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        int mounts = open(name, O_RDONLY | O_CLOEXEC);
        _exit(setns(mounts, CLONE_NEWNS) || umount2(path, UMOUNT_NOFOLLOW));
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0;
}

int la_world_open(const struct la_world *world, const char *path, int flags)
{
    char name[64];
    struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    snprintf(name, sizeof name, "/proc/%d/root", (int)world->init);
    int root = open(name, O_PATH | O_CLOEXEC);
    int file = root >= 0 ? (int)syscall(SYS_openat2, root, path, &how, sizeof how) : -1;
    if (root >= 0)
        close(root);
    return file;
}
