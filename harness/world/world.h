/*
 * A small machine inside the box of a run (suite/sandbox.h): the host's programs, read-only, a file system and
 * processes of its own, and the real systemd as its process 1. It shares the box's network, so that a server in it is
 * reached at 127.0.0.1. What stands in it is not the host's, and is gone when it ends, but for its folder.
 *
 * Nothing in it reaches the host: devices, kernel settings, the clock, modules and a reboot are out of reach, processes
 * (LA_WORLD_PROCESSES) and memory are bounded where the kernel has control groups for them.
 *
 * Made, furnished (la_world_put), booted, used (la_world_run), ended: by one process.
 */
#ifndef LASTACK_WORLD_WORLD_H
#define LASTACK_WORLD_WORLD_H

#include <sys/types.h>

#include "base/cgroup.h"

enum { LA_WORLD_PROCESSES = 512 };

struct la_world {
    char root[LA_PATH_MAX];  /* the folder that is its / */
    struct la_cgroup group;  /* systemd's own */
    struct la_cgroup bounds; /* of its number of processes, */
    struct la_cgroup memory; /* and their memory; none where the kernel has no such group */
    bool foreign;            /* somebody else's commands have run in it: whatever runs in it from now on is confined */
    bool confined;           /* systemd too, and with it every unit, may do no more than a confined command */
    pid_t init;              /* its process 1, as we see it; 0: it is not booted */
};

#define LA_WORLD_NONE ((struct la_world){.group.held = -1, .bounds.held = -1, .memory.held = -1})

/* What a command in it has done. */
struct la_world_done {
    int status;        /* of exit; 128 + n: of signal n; -1: it could not be run, or was ended after its time */
    char output[8192]; /* both streams, cut off where there is more, without the last newline */
};

/* NULL: there can be one here. Otherwise what is missing. */
const char *la_world_missing(void);

/* Makes its folder below `folder`, which is there. -1 with `error` filled. */
int la_world_create(struct la_world *world, const char *folder, struct la_error *error);

/* Before it is booted: a file with that text, or a copy of a file or folder of the host's, at an absolute path in it.
 */
int la_world_put(const struct la_world *world, const char *path, const char *text, struct la_error *error);
int la_world_copy(const struct la_world *world, const char *host, const char *path, struct la_error *error);

/* Before it is booted: a folder of the host's, a mount say, is seen at an absolute path in it. */
int la_world_show(const struct la_world *world, const char *host, const char *path, struct la_error *error);

/* Where an absolute path in it lies on the host. */
void la_world_path(const struct la_world *world, const char *path, char out[LA_PATH_MAX]);

/* Starts systemd, which has nothing to do yet. -1 with `error` filled: it is not up after 20 s. */
int la_world_boot(struct la_world *world, struct la_error *error);

/* Runs a command in it, as root, confined once it is foreign, for at most so long. `argv` ends with NULL. */
void la_world_run(const struct la_world *world, const char *const *argv, unsigned int timeout_ms,
                  struct la_world_done *done);

/*
 * Once it is booted: what can be read from `from` becomes that file of it, with that mode ("755"). It is written from
 * inside, so that no link that lies there leads to a file of the host's. -1 with `error` filled.
 */
int la_world_send(const struct la_world *world, int from, const char *path, const char *mode, struct la_error *error);

/* The same of a file of the host's. */
int la_world_bring(const struct la_world *world, const char *host, const char *path, const char *mode,
                   struct la_error *error);

/* A shell command, which finds `argument` (NULL: none) as $1, in the same way. Its status. */
int la_world_do(const struct la_world *world, const char *command, const char *argument, unsigned int timeout_ms,
                struct la_world_done *done);

/* Opens a path of it, as it is seen there: no link leads out of it, whatever lies there. -1 with errno. */
int la_world_open(const struct la_world *world, const char *path, int flags);

/* How a command is started in it. */
struct la_world_start {
    const char *const *argv; /* ends with NULL */
    const char *path;        /* the PATH that it has; NULL: the usual one */
    int in;                  /* standard input; -1: /dev/null */
    int out;                 /* both outputs */
    int orders;              /* are its descriptors 3 and 4; -1: it has none */
    int answers;
    bool terminal; /* `in` is a terminal, and becomes that of a session of its own */
    bool counted;  /* among the processes that are bounded */
    bool confined; /* it may do what root may, but nothing to the kernel: no mounts, no network set-up */
};

/*
 * The calling process belongs to its control groups from now on; `counted`: also to that which bounds processes. What
 * is our own does not share that bound: a runbook may have used it up. Safe after fork. False: errno.
 */
bool la_world_join(const struct la_world *world, bool counted);

/* The pid of a process that ends with it, and as it does (128 + n: of signal n; 127: it could not be started). -1. */
pid_t la_world_start(const struct la_world *world, const struct la_world_start *how);

/* Takes a mount away that is seen there. No program of the world's has a part in it. */
bool la_world_unmount(const struct la_world *world, const char *path);

/* Ends everything that is in it. Its folder stays. */
void la_world_end(struct la_world *world);

#endif
