/*
 * How a fork server is told to make a process. A server with libforkserver.so preloaded stops at the first thread that
 * it creates, when it has read its configuration and listens, and has not loaded its data. From then on it answers on
 * two pipes, whose ends FI_FORK_ENV names as "REQUESTS,ANSWERS":
 *
 *   - it writes one byte when it is ready;
 *   - for each request (struct fi_fork_request) it forks. The child changes into the folder, listens on the socket `s`
 *     there in place of its parent's unix socket, has its output in the file `log` there, and goes on as if it had just
 *     been started: it loads what lies in the folder. Clients are let in when it waits for the first time.
 *   - it answers with the child's pid (int32_t), and, when that has ended, with its status as waitpid gives it.
 *
 * One child at a time. A child ends with the fork server, and that with the one who started it.
 */
#ifndef FAULTINJECT_FORKSERVER_PROTOCOL_H
#define FAULTINJECT_FORKSERVER_PROTOCOL_H

#define FI_FORK_ENV    "FAULTINJECT_FORK_SERVER"
#define FI_FORK_SOCKET "s"
#define FI_FORK_LOG    "log"

enum { FI_FORK_FOLDER_MAX = 1024 };

struct fi_fork_request {
    char folder[FI_FORK_FOLDER_MAX]; /* absolute */
};

#endif
