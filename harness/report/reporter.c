#include "report/reporter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/output.h"

#define PYTHON "/usr/bin/python3"

enum { TEXT_MAX_BYTES = 1 << 30, READ_BYTES = 65536 };

void la_reporter_words(const char *program, const char *words[LA_REPORTER_WORDS])
{
    char self[LA_PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length > 0) {
        self[length] = '\0';
        setenv("LASTACK", self, 1);
    }
    words[0] = PYTHON;
    words[1] = "-B";
    words[2] = program;
}

int la_reporter_try(struct la_error *error)
{
    return access(PYTHON, X_OK) ? la_fail(error, PYTHON ": %s: reports are written by it", strerror(errno)) : 0;
}

/* All that is said; NULL: too much. The caller's. */
static char *read_all(int fd, size_t *length)
{
    char *text = NULL;
    *length = 0;
    for (ssize_t got = 1; got > 0;) {
        if (*length > TEXT_MAX_BYTES) {
            free(text);
            return NULL;
        }
        text = la_realloc(text, *length + READ_BYTES, 1);
        got = read(fd, text + *length, READ_BYTES);
        *length += got > 0 ? (size_t)got : 0;
    }
    return text;
}

static pid_t start(const char *const words[], int out[2])
{
    fflush(NULL);
    if (pipe(out))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execv(words[0], (char *const *)words);
        _exit(127);
    }
    close(out[1]);
    if (pid < 0)
        close(out[0]);
    return pid;
}

int la_reporter_write(const struct la_parts *parts, const char *report, const char *option, const char *path,
                      int stream, struct la_error *error)
{
    const char *words[LA_REPORTER_WORDS + 4] = {[LA_REPORTER_WORDS] = report, option, "-"};
    int out[2];
    int status = 0;
    size_t length;
    la_reporter_words(parts->reporting, words);
    pid_t pid = start(words, out);
    if (pid < 0)
        return la_fail(error, "%s: %s", words[0], strerror(errno));
    char *text = read_all(out[0], &length);
    close(out[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    bool said = text && WIFEXITED(status) && WEXITSTATUS(status) != LA_EXIT_USAGE && WEXITSTATUS(status) <= 3 && length;
    int failed = said ? la_output(path, stream, text, length, error)
                      : la_fail(error, "%s: not written: the program that makes it failed", path);
    free(text);
    return failed;
}

int la_reporter_tell(const char *program, const char *report, const char *option, const char *value,
                     struct la_error *error)
{
    const char *words[LA_REPORTER_WORDS + 4] = {[LA_REPORTER_WORDS] = report, value ? option : NULL, value};
    int status = 0;
    la_reporter_words(program, words);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        execv(words[0], (char *const *)words);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : la_fail(error, "%s failed", program);
}
