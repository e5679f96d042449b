#include "run/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOOL_TIMEOUT_MS = 60000, FILE_MODE = 0644 };

/* In the child. The tool sees what an operator's would: no library of ours, and no more than so much output. */
static void become_tool(const struct la_node *node, char *const *words, int input, const char *output)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    int out = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    dup2(input, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    if (out < 0 || chdir(node->data))
        _exit(126);
    execv(words[0], words);
    _exit(127);
}

/* Its input, rewound, as a file without a name: a pipe would hold up a tool that does not read. */
static int open_input(const char *text)
{
    char name[] = "/tmp/lastack-input-XXXXXX";
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return -1;
    unlink(name);
    size_t length = text ? strlen(text) : 0;
    if ((length && write(fd, text, length) != (ssize_t)length) || lseek(fd, 0, SEEK_SET)) {
        close(fd);
        return -1;
    }
    return fd;
}

int la_tool_run(struct la_run *run, const struct la_node *node, char *const *words, const char *text,
                const char *output)
{
    int status = 0;
    int input = open_input(text);
    pid_t pid = input < 0 ? -1 : fork();
    if (pid == 0)
        become_tool(node, words, input, output);
    if (input >= 0)
        close(input);
    if (pid < 0)
        return la_run_doubt(run, "%s: %s", words[0], strerror(errno));
    uint64_t deadline = la_now_ns() + TOOL_TIMEOUT_MS * UINT64_C(1000000);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (la_now_ns() > deadline)
            kill(-pid, SIGKILL);
        la_sleep_ms(LA_POLL_MS);
    }
    if (la_now_ns() > deadline)
        return la_run_doubt(run, "%s: it did not end within %d ms", words[0], TOOL_TIMEOUT_MS);
    return status;
}
