#include "world/shell.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 100, ASKS_LOOKS = 3, GRACE_MS = 3000, DRAIN_MS = 200 };

/* Each order ends with a zero byte; its status is answered with a line. An interrupt ends the command, not the loop. */
#define LOOP                                                                                                           \
    "trap : INT; while { IFS= read -r -d '' -u 3 lastack_order; } 2>/dev/null; do eval \"$lastack_order\" 3<&- 4>&-; " \
    "{ printf '%d\\n' $? >&4; } 2>/dev/null; done"

int la_shell_open(struct la_shell *shell, const struct la_world *world, const char *path, struct la_error *error)
{
    static const char loop[] = LOOP;
    const char *const argv[] = {"bash", "--noprofile", "--norc", "-c", loop, NULL};
    *shell = (struct la_shell){.world = world, .path = path};
    return la_bash_open(&shell->bash, world, path, argv, error);
}

/* A file of /proc/PID as text; empty: it cannot be read. */
static void read_proc(int pid, const char *name, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, out, size - 1) : 0;
    out[length > 0 ? length : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

/* It is in the middle of reading from that terminal. */
static bool reads_terminal(int pid, uint64_t device)
{
    char text[512];
    char path[64];
    long call;
    unsigned long fd;
    struct stat st;
    read_proc(pid, "syscall", text, sizeof text);
    if (sscanf(text, "%ld %lx", &call, &fd) != 2 || call != SYS_read)
        return false;
    snprintf(path, sizeof path, "/proc/%d/fd/%lu", pid, fd);
    return stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == device;
}

static bool somebody_asks(const struct la_shell *shell)
{
    DIR *all = opendir("/proc");
    bool asks = false;
    for (struct dirent *entry; all && !asks && (entry = readdir(all));) {
        int pid = atoi(entry->d_name);
        asks = pid > 1 && reads_terminal(pid, shell->bash.device);
    }
    if (all)
        closedir(all);
    return asks;
}

/* What a terminal adds: carriage returns, and what moves a cursor or paints. */
static void plain(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from == '\033' && from[1] == '[') {
            from += 2;
            from += strspn(from, "0123456789;?");
        } else if (*from != '\r') {
            *to++ = *from;
        }
        if (!*from)
            break;
    }
    while (to > text && to[-1] == '\n')
        to--;
    *to = '\0';
}

/* What has come from the terminal. */
static void take_output(struct la_shell *shell, struct la_shell_done *done, size_t *length)
{
    char rest[4096];
    size_t room = sizeof done->output - 1 - *length;
    ssize_t got = read(shell->bash.terminal, room ? done->output + *length : rest, room ? room : sizeof rest);
    *length += room && got > 0 ? (size_t)got : 0;
    done->output[*length] = '\0';
}

/* The status of the command. False: the shell has closed its end without one, and lives: it is another program now. */
static bool take_answer(struct la_shell *shell, struct la_shell_done *done)
{
    char answer[32] = "";
    int status;
    ssize_t got = read(shell->bash.answers, answer, sizeof answer - 1);
    if (got > 0) {
        done->status = atoi(answer);
        return true;
    }
    if (waitpid(shell->bash.pid, &status, WNOHANG) != shell->bash.pid) {
        la_sleep_ms(LOOK_MS / 10);
        return false;
    }
    done->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    shell->bash.pid = 0;
    return true;
}

/* Until the command has ended. False: it did not within the time, or it asks. */
static bool wait_answer(struct la_shell *shell, uint64_t deadline, struct la_shell_done *done, size_t *length)
{
    unsigned int looks = 0;
    for (;;) {
        struct pollfd events[] = {{.fd = shell->bash.answers, .events = POLLIN},
                                  {.fd = shell->bash.terminal, .events = POLLIN}};
        int ready = poll(events, 2, LOOK_MS);
        if (ready > 0 && events[1].revents & POLLIN)
            take_output(shell, done, length);
        if (ready > 0 && events[0].revents && take_answer(shell, done))
            return true;
        looks = ready == 0 && somebody_asks(shell) ? looks + 1 : 0;
        done->asks = looks >= ASKS_LOOKS;
        done->late = la_now_ns() > deadline || la_interrupted();
        if (done->asks || done->late)
            return false;
    }
}

/* What came before the answer and lies in the terminal still. */
static void drain(struct la_shell *shell, struct la_shell_done *done, size_t *length)
{
    struct pollfd event = {.fd = shell->bash.terminal, .events = POLLIN};
    uint64_t deadline = la_now_ns() + DRAIN_MS * UINT64_C(1000000); /* something may go on writing */
    while (la_now_ns() < deadline && poll(&event, 1, 20) > 0 && event.revents & POLLIN)
        take_output(shell, done, length);
}

void la_shell_run(struct la_shell *shell, const char *command, unsigned int timeout_ms, struct la_shell_done *done)
{
    struct la_shell_done ignored;
    size_t length = 0;
    uint64_t began = la_now_ns();
    *done = (struct la_shell_done){.status = -1};
    struct la_error error;
    if (!shell->bash.pid) {
        la_shell_close(shell);
        if (la_shell_open(shell, shell->world, shell->path, &error))
            return;
    }
    if (write(shell->bash.orders, command, strlen(command) + 1) < 0) { /* it has ended since, from behind */
        la_shell_close(shell);
        return;
    }
    bool ended = wait_answer(shell, began + timeout_ms * UINT64_C(1000000), done, &length);
    done->ms = (double)(la_now_ns() - began) / 1e6;
    drain(shell, done, &length);
    plain(done->output);
    if (ended)
        return;
    ignored = (struct la_shell_done){.status = -1};
    size_t none = 0;
    if (write(shell->bash.terminal, "\003", 1) != 1 ||
        !wait_answer(shell, la_now_ns() + GRACE_MS * UINT64_C(1000000), &ignored, &none))
        la_shell_close(shell); /* it takes no interrupt */
    done->status = -1;
}

void la_shell_close(struct la_shell *shell)
{
    la_bash_close(&shell->bash);
}
