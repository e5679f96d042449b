#include "run/guard.h"

#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nodes/node.h"

enum { LOOK_MS = 50, DISK_LEFT = 16 << 20 };

_Static_assert(LA_GUARD_SIGNAL == SIGUSR1, "the guard's signal");

/* What is written next goes behind the cut: logs are opened for appending. */
static void cut_logs(const char *pattern)
{
    glob_t logs;
    struct stat st;
    if (glob(pattern, GLOB_NOSORT, NULL, &logs))
        return;
    for (size_t i = 0; i < logs.gl_pathc; i++)
        if (stat(logs.gl_pathv[i], &st) == 0 && st.st_size > LA_LOG_MAX + 1 &&
            truncate(logs.gl_pathv[i], LA_LOG_MAX + 1)) /* one more than is read: it is found out */
            continue;
    globfree(&logs);
}

static void watch(const char *dir, pid_t run)
{
    char pattern[LA_PATH_MAX];
    char *literal = la_glob_literal(dir);
    la_path(pattern, "%s/*/log", literal);
    free(literal);
    while (getppid() == run) {
        struct statvfs fs;
        if (statvfs(dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < DISK_LEFT)
            kill(run, LA_GUARD_SIGNAL);
        cut_logs(pattern);
        la_sleep_ms(LOOK_MS);
    }
}

pid_t la_guard_start(const char *dir)
{
    pid_t run = getpid();
    pid_t guard = fork();
    if (guard == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        watch(dir, run);
        _exit(0);
    }
    return guard > 0 ? guard : 0;
}

void la_guard_end(pid_t guard)
{
    if (!guard)
        return;
    kill(guard, SIGKILL);
    waitpid(guard, NULL, 0);
}
