/* For notify.c: who makes a system call, and what about. Reads /proc of the process that waits for the answer. */
#ifndef FAULTINJECT_DRIVER_NOTIFY_DECODE_H
#define FAULTINJECT_DRIVER_NOTIFY_DECODE_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/types.h>

#include "shared/engine.h"

enum { FI_PROCESSES_MAX = 256 };

/* A process under the filter. An exec makes it another program, and with that a server again. */
struct fi_process {
    pid_t pid; /* 0: free */
    dev_t device;
    ino_t program;
    uint32_t role;
    uint32_t ordinal;
    uint64_t limit; /* RLIMIT_FSIZE as it was last set; 0: never */
};

/* Every process met so far. One owner, one thread. */
struct fi_processes {
    struct fi_process rows[FI_PROCESSES_MAX];
};

/* The process of thread `tid`, entered with its role when it is new; NULL when it is gone. */
struct fi_process *fi_process_of(struct fi_processes *processes, struct fi_control *control, pid_t tid);

/*
 * What is asked, as an operation; false when it concerns no file of the data directory and is no fork.
 * `path` receives the path below the data directory and is what operation->path points at. A file that is created
 * may give its process another role.
 */
bool fi_notify_decode(const struct seccomp_notif *asked, struct fi_control *control, struct fi_process *process,
                      struct fi_operation *operation, char path[FI_PATH_MAX]);

/* The size of the file that the call is about, -1 where there is none. */
int64_t fi_notify_size(const struct seccomp_notif *asked, const struct fi_control *control, const char *path);

#endif
