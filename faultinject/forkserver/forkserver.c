/*
 * Preloaded into a server: protocol.h says what it does. What the server has told its epoll instance is noted down, for
 * a child needs an instance of its own: a shared one would tell a child of its brothers' clients.
 *
 * The wrappers have libc's names, and run in the server's main thread before there is any other.
 */
#include "forkserver/protocol.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { EVENTS_MAX = 64, GIVEN_UP = 99 };

/* What was noted down of the server. Globals: a preloaded library has nowhere else. */
static struct {
    int epoll;    /* its instance + 1; 0: none yet */
    int listener; /* its unix socket + 1; 0: none */
    int count;
    struct {
        int fd;
        struct epoll_event event;
    } events[EVENTS_MAX];
    bool full;
    bool asked;              /* the first thread has been created */
    bool in_child;           /* nothing is noted down any more */
    bool shut;               /* in a child: clients are not let in yet */
    struct epoll_event door; /* what lets them in */
} server;

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static void note_epoll(int fd)
{
    if (fd >= 0 && !server.epoll && !server.in_child)
        server.epoll = fd + 1;
}

EXPORT int epoll_create(int size)
{
    int (*real)(int) = (int (*)(int))next("epoll_create");
    int fd = real(size);
    note_epoll(fd);
    return fd;
}

EXPORT int epoll_create1(int flags)
{
    int (*real)(int) = (int (*)(int))next("epoll_create1");
    int fd = real(flags);
    note_epoll(fd);
    return fd;
}

static int index_of(int fd)
{
    for (int i = 0; i < server.count; i++)
        if (server.events[i].fd == fd)
            return i;
    return -1;
}

static void note_event(int operation, int fd, const struct epoll_event *event)
{
    int at = index_of(fd);
    if (operation == EPOLL_CTL_DEL) {
        if (at >= 0)
            server.events[at] = server.events[--server.count];
        return;
    }
    if (at < 0 && server.count == EVENTS_MAX) {
        server.full = true;
        return;
    }
    at = at < 0 ? server.count++ : at;
    server.events[at].fd = fd;
    server.events[at].event = *event;
}

static int real_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    static int (*real)(int, int, int, struct epoll_event *);
    if (!real)
        real = (int (*)(int, int, int, struct epoll_event *))next("epoll_ctl");
    return real(epoll, operation, fd, event);
}

EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    if (epoll == server.epoll - 1 && !server.in_child)
        note_event(operation, fd, event);
    return real_ctl(epoll, operation, fd, event);
}

EXPORT int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout)
{
    static int (*real)(int, struct epoll_event *, int, int);
    if (!real)
        real = (int (*)(int, struct epoll_event *, int, int))next("epoll_wait");
    if (server.shut && epoll == server.epoll - 1 && timeout) { /* while it loads it looks, and does not wait */
        server.shut = false;
        real_ctl(epoll, EPOLL_CTL_ADD, server.listener - 1, &server.door);
    }
    return real(epoll, events, most, timeout);
}

EXPORT int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    int (*real)(int, const struct sockaddr *, socklen_t) =
        (int (*)(int, const struct sockaddr *, socklen_t))next("bind");
    if (address->sa_family == AF_UNIX && !server.in_child)
        server.listener = fd + 1;
    return real(fd, address, length);
}

/* ---- in a child ---- */

static bool take_place(int own, int of)
{
    if (own < 0 || dup2(own, of) < 0)
        return false;
    close(own);
    return true;
}

static bool listen_here(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = FI_FORK_SOCKET};
    int flags = fcntl(server.listener - 1, F_GETFL);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && fcntl(fd, F_SETFL, flags) == 0 &&
           bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 511) == 0 &&
           take_place(fd, server.listener - 1);
}

/* An instance of its own with what its parent's had been told, but for the door. */
static bool watch_anew(void)
{
    if (!take_place(epoll_create1(EPOLL_CLOEXEC), server.epoll - 1))
        return false;
    for (int i = 0; i < server.count; i++) {
        if (server.events[i].fd == server.listener - 1)
            server.door = server.events[i].event;
        else if (real_ctl(server.epoll - 1, EPOLL_CTL_ADD, server.events[i].fd, &server.events[i].event))
            return false;
    }
    server.shut = index_of(server.listener - 1) >= 0;
    return true;
}

static bool write_here(void)
{
    int log = open(FI_FORK_LOG, O_WRONLY | O_CREAT | O_APPEND, 0644);
    return log >= 0 && dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0 && close(log) == 0;
}

static void become(const struct fi_fork_request *request, int requests, int answers)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(requests);
    close(answers);
    server.in_child = true;
    if (chdir(request->folder) || !write_here() || !listen_here() || !watch_anew())
        _exit(GIVEN_UP);
}

/* ---- the fork server ---- */

static bool take(int fd, void *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(fd, (char *)to + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static void answer(int fd, int32_t value)
{
    if (write(fd, &value, sizeof value) != sizeof value)
        _exit(0);
}

static int32_t status_of(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* Returns in a child. */
static void serve(int requests, int answers)
{
    struct fi_fork_request request;
    if (write(answers, "R", 1) != 1)
        _exit(0);
    for (;;) {
        if (!take(requests, &request, sizeof request))
            _exit(0);
        pid_t pid = fork();
        if (pid == 0) {
            become(&request, requests, answers);
            return;
        }
        answer(answers, pid);
        answer(answers, pid < 0 ? GIVEN_UP << 8 : status_of(pid));
    }
}

static void stop_here(void)
{
    int requests;
    int answers;
    const char *told = getenv(FI_FORK_ENV);
    if (server.asked || !told || sscanf(told, "%d,%d", &requests, &answers) != 2)
        return;
    server.asked = true;
    unsetenv(FI_FORK_ENV);
    if (server.epoll && server.listener &&
        !server.full) /* else it is none that can be forked so: it goes on by itself */
        serve(requests, answers);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))next("pthread_create");
    stop_here();
    return real(thread, attributes, start, argument);
}
