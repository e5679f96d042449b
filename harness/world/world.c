#include "world/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/copy.h"
#include "world/boot.h"
#include "world/devices.h"

enum { BOOT_MS = 60000, COMMAND_MS = 20000 };

#define TARGET    "lastack.target"
#define PROCESSES "512"
#define MEMORY    "2147483648"
#define SYSTEM    "/usr/lib/systemd/system"

const char *la_world_missing(void)
{
    struct la_cgroup group;
    struct la_error ignored;
    if (geteuid() != 0)
        return "root, for namespaces of its own";
    if (access(LA_WORLD_INIT, X_OK))
        return "systemd (" LA_WORLD_INIT ")";
    if (la_cgroup_create(&group, NULL, &ignored))
        return "a cgroup of the second version";
    bool denied = la_world_deny_devices(&group, &ignored) == 0;
    la_cgroup_free(&group);
    return denied ? NULL : "a kernel that keeps the host's devices out of reach (BPF for control groups)";
}

void la_world_path(const struct la_world *world, const char *path, char out[LA_PATH_MAX])
{
    la_path(out, "%s%s", world->root, path);
}

static int make_parents(const char *path, struct la_error *error)
{
    char folder[LA_PATH_MAX];
    la_path(folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    return la_make_dirs(folder, error);
}

int la_world_put(const struct la_world *world, const char *path, const char *text, struct la_error *error)
{
    char at[LA_PATH_MAX];
    la_world_path(world, path, at);
    if (make_parents(at, error))
        return -1;
    FILE *file = fopen(at, "we");
    bool failed = !file || fputs(text, file) < 0;
    failed = (file && fclose(file)) || failed;
    return failed ? la_fail(error, "%s: %s", at, strerror(errno)) : 0;
}

int la_world_copy(const struct la_world *world, const char *host, const char *path, struct la_error *error)
{
    char at[LA_PATH_MAX];
    struct stat st;
    la_world_path(world, path, at);
    if (stat(host, &st))
        return la_fail(error, "%s: %s", host, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return la_make_dirs(at, error) || la_copy_tree(host, at, error) ? -1 : 0;
    return make_parents(at, error) || la_copy_file(host, at, error) ? -1 : 0;
}

int la_world_show(const struct la_world *world, const char *host, const char *path, struct la_error *error)
{
    char at[LA_PATH_MAX];
    la_world_path(world, path, at);
    if (la_make_dirs(at, error))
        return -1;
    return mount(host, at, NULL, MS_BIND, NULL) ? la_fail(error, "%s: %s", at, strerror(errno)) : 0;
}

/* The folders of cron, and when they are run, where there is a cron; what else stands in it is the host's own business.
 */
static int furnish_cron(const struct la_world *world, struct la_error *error)
{
    static const char *const folders[] = {"d", "hourly", "daily", "weekly", "monthly"};
    char at[LA_PATH_MAX];
    char *line = NULL;
    size_t size = 0;
    if (access("/etc/crontab", R_OK))
        return 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        la_path(at, "%s/etc/cron.%s", world->root, folders[i]);
        if (la_make_dirs(at, error))
            return -1;
    }
    la_world_path(world, "/etc/crontab", at);
    FILE *from = fopen("/etc/crontab", "re");
    FILE *to = fopen(at, "we");
    bool failed = !from || !to;
    while (!failed && getline(&line, &size, from) >= 0)
        failed = strstr(line, "run-parts") && fputs(line, to) < 0;
    free(line);
    if (from)
        fclose(from);
    failed = (to && fclose(to)) || failed;
    return failed ? la_fail(error, "%s: %s", at, strerror(errno)) : 0;
}

/* What programs look up; no secrets, and nothing of the host's services. */
static int furnish_etc(const struct la_world *world, struct la_error *error)
{
    static const char *const kept[] = {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/ld.so.cache",
                                       "/etc/services"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (access(kept[i], R_OK) == 0 && la_world_copy(world, kept[i], kept[i], error))
            return -1;
    return la_world_put(world, "/etc/machine-id", "0123456789abcdef0123456789abcdef\n", error) ||
                   la_world_put(world, "/etc/hostname", "lastack\n", error) ||
                   la_world_put(world, "/etc/hosts", "127.0.0.1 localhost lastack\n", error) ||
                   la_world_put(world, "/etc/fstab", "", error) || furnish_cron(world, error)
               ? -1
               : 0;
}

/* Every target that the host knows is there, and reached at once: a unit may ask for any. Nothing else is started. */
static int furnish_targets(const struct la_world *world, struct la_error *error)
{
    static const char *const ends[] = {"reboot.target", "poweroff.target",   "halt.target", "kexec.target",
                                       "exit.target",   "soft-reboot.target"}; /* there is no machine to end */
    DIR *folder = opendir(SYSTEM);
    int failed = 0;
    if (!folder)
        return la_fail(error, SYSTEM ": %s", strerror(errno));
    for (struct dirent *entry; !failed && (entry = readdir(folder));) {
        char path[LA_PATH_MAX];
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".target") != 0 || LA_IS_AMONG(entry->d_name, ends))
            continue;
        la_path(path, "/units/%s", entry->d_name);
        failed = la_world_put(world, path, "[Unit]\nDefaultDependencies=no\n", error);
    }
    closedir(folder);
    return failed || la_world_put(world, "/units/" TARGET, "[Unit]\nDefaultDependencies=no\n", error) ? -1 : 0;
}

/* Where there is such a controller; without one the world has the machine's own bounds. */
static void bound(struct la_cgroup *group, const char *controller, const char *second, const char *first,
                  const char *most)
{
    struct la_error ignored;
    if (la_cgroup_create(group, controller, &ignored) == 0)
        (void)la_cgroup_say(group, group->second ? second : first, most);
}

int la_world_create(struct la_world *world, const char *folder, struct la_error *error)
{
    static const char *const folders[] = {"usr",  "etc", "var/tmp", "run", "tmp",          "dev",
                                          "proc", "sys", "root",    "old", "no-generators"};
    *world = LA_WORLD_NONE;
    la_path(world->root, "%s/root", folder);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char path[LA_PATH_MAX];
        la_path(path, "%s/%s", world->root, folders[i]);
        if (la_make_dirs(path, error))
            return -1;
    }
    chmod(world->root, 0755);
    if (furnish_etc(world, error) || furnish_targets(world, error) || la_cgroup_create(&world->group, NULL, error) ||
        la_world_deny_devices(&world->group, error))
        return -1;
    bound(&world->bounds, "pids", "pids.max", "pids.max", PROCESSES);
    bound(&world->memory, "memory", "memory.max", "memory.limit_in_bytes", MEMORY);
    return 0;
}

/* In the child that becomes process 1. */
__attribute__((noreturn)) static void become_init(const struct la_world *world)
{
    char unit[] = "--unit=" TARGET;
    char *const argv[] = {LA_WORLD_INIT,      "--system",        unit, "--log-target=console",
                          "--log-level=info", "--show-status=0", NULL};
    char *const environment[] = {"container=lastack", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char *lacks = la_world_join(world, true) ? la_world_enter(world->root) : "its cgroups";
    la_world_confine(world->confined);
    if (!lacks)
        execve(argv[0], argv, environment);
    fprintf(stderr, "%s: %s\n", lacks ? lacks : argv[0], strerror(errno));
    _exit(127);
}

/* There is somebody to ask: each question takes a program's start. */
static bool listens(const struct la_world *world)
{
    const int door = la_world_open(world, "/run/systemd/private", O_PATH);
    if (door >= 0)
        close(door);
    return door >= 0;
}

static bool is_up(const struct la_world *world)
{
    static const char *const ask[] = {"systemctl", "is-active", TARGET, NULL};
    struct la_world_done done;
    if (!listens(world))
        return false;
    la_world_run(world, ask, COMMAND_MS, &done);
    return done.status == 0;
}

int la_world_boot(struct la_world *world, struct la_error *error)
{
    char log[LA_PATH_MAX];
    uint64_t deadline = la_now_ns() + BOOT_MS * UINT64_C(1000000);
    la_path(log, "%.*s/systemd.log", (int)(strrchr(world->root, '/') - world->root), world->root);
    fflush(NULL);
    world->init =
        (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0);
    if (world->init == 0) {
        int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
        int in = open("/dev/null", O_RDONLY);
        dup2(in, STDIN_FILENO);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        close_range(STDERR_FILENO + 1, ~0U, 0);
        become_init(world);
    }
    if (world->init < 0) {
        world->init = 0;
        return la_fail(error, "no namespaces for systemd: %s", strerror(errno));
    }
    while (!is_up(world)) {
        int status = 0;
        bool ended = waitpid(world->init, &status, WNOHANG) == world->init;
        if (ended)
            world->init = 0;
        if (ended || la_now_ns() > deadline || la_interrupted())
            return la_fail(error, "systemd does not come up (wait status %#x): see %s", (unsigned int)status, log);
        la_sleep_ms(20);
    }
    return 0;
}

/* Until the other end is closed, or time is up. False: it is up. */
static bool collect(int in, uint64_t deadline, struct la_world_done *done)
{
    size_t length = 0;
    for (;;) {
        char rest[512];
        struct pollfd readable = {.fd = in, .events = POLLIN};
        uint64_t now = la_now_ns();
        int left_ms = now < deadline ? (int)((deadline - now) / 1000000) + 1 : 0;
        const int ready = left_ms ? poll(&readable, 1, left_ms) : 0;
        if (ready < 0 && errno == EINTR && !la_interrupted())
            continue;
        if (ready <= 0)
            return false;
        size_t room = sizeof done->output - 1 - length;
        ssize_t got = read(in, room ? done->output + length : rest, room ? room : sizeof rest);
        if (got <= 0)
            break;
        length += room ? (size_t)got : 0;
    }
    while (length && done->output[length - 1] == '\n')
        length--;
    done->output[length] = '\0';
    return true;
}

void la_world_run(const struct la_world *world, const char *const *argv, unsigned int timeout_ms,
                  struct la_world_done *done)
{
    int ends[2];
    int status = 0;
    *done = (struct la_world_done){.status = -1};
    if (!world->init || pipe2(ends, O_CLOEXEC))
        return;
    pid_t pid = la_world_start(
        world, &(struct la_world_start){
                   .argv = argv, .in = -1, .out = ends[1], .orders = -1, .answers = -1, .confined = world->foreign});
    close(ends[1]);
    bool ended = pid > 0 && collect(ends[0], la_now_ns() + timeout_ms * UINT64_C(1000000), done);
    if (pid > 0 && !ended)
        kill(pid, SIGKILL);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (ended)
        done->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    close(ends[0]);
}

int la_world_do(const struct la_world *world, const char *command, const char *argument, unsigned int timeout_ms,
                struct la_world_done *done)
{
    const char *const argv[] = {"sh", "-c", command, "sh", argument, NULL};
    la_world_run(world, argv, timeout_ms, done);
    return done->status;
}

int la_world_send(const struct la_world *world, int from, const char *path, const char *mode, struct la_error *error)
{
    static const char command[] = "mkdir -p \"${1%/*}\" && rm -rf \"$1\" && cat >\"$1\" && chmod \"$2\" \"$1\"";
    const char *const argv[] = {"sh", "-c", command, "sh", path, mode, NULL};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int status = -1;
    pid_t pid = la_world_start(
        world, &(struct la_world_start){
                   .argv = argv, .in = from, .out = null, .orders = -1, .answers = -1, .confined = world->foreign});
    close(null);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && status == 0 ? 0 : la_fail(error, "%s cannot be written there", path);
}

int la_world_bring(const struct la_world *world, const char *host, const char *path, const char *mode,
                   struct la_error *error)
{
    int file = open(host, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return la_fail(error, "%s: %m", host);
    int failed = la_world_send(world, file, path, mode, error);
    close(file);
    return failed;
}

void la_world_end(struct la_world *world)
{
    if (world->init) {
        kill(world->init, SIGKILL); /* and the kernel everything else that is in it */
        /* what was started from outside is ours to reap, once its parent is gone, or process 1 never ends */
        for (pid_t pid; (pid = waitpid(-1, NULL, 0)) != world->init && (pid > 0 || errno == EINTR);)
            ;
    }
    world->init = 0;
    la_cgroup_free(&world->group);
    la_cgroup_free(&world->bounds);
    la_cgroup_free(&world->memory);
}
