/*
 * A node: one server process group with its own data directory, configuration,
 * control block and restart policy. The runner owns it and tells it which of its
 * processes has ended; nothing here waits.
 */
#ifndef LASTACK_NODES_NODE_H
#define LASTACK_NODES_NODE_H

#include <glob.h>
#include <sys/types.h>

#include "crash/power.h"
#include "driver/control.h"
#include "nodes/config.h"
#include "nodes/memory.h"
#include "nodes/view.h"
#include "redis/client.h"
#include "scenario/scenario.h"

enum { LA_STARTS_MAX = 64 };
enum { LA_NODE_UNSTARTED = 126 }; /* exit status: what had to be done before the server could be started failed */

/* How a node's server is to be run. */
struct la_server {
    const char *path;             /* absolute */
    const char *shim;             /* libfaultinject.so, absolute; NULL: run without it */
    const char *data;             /* directory of ours whose content a fresh node starts with; NULL: empty */
    bool data_is_left;            /* ... by a server of ours: a redis.conf in it is what it has made of ours */
    uint64_t seed;                /* of rules with a probability */
    bool aof_folder;              /* its append-only file is a folder of several, see redis/parts.h */
    bool outside;                 /* the shim is not loaded by it: rules act from outside, see driver/notify.h */
    const struct la_config *base; /* sandboxed configuration, with the scenario's settings */
    const struct la_means *means; /* what can be done here; NULL: no power is cut */
    const struct la_view *view;   /* what of the file system it is shown; NULL: all, to be written as well */
};

struct la_node {
    const struct la_node_spec *spec;
    const struct la_server *server;
    char dir[LA_PATH_MAX]; /* redis.conf, log, control, data/ */
    char data[LA_PATH_MAX];
    char program[LA_PATH_MAX]; /* that is started */
    int folder; /* dir, open, where its name would be taken for a pattern: by this the server finds its file; or -1 */
    struct la_config config;
    struct la_address address;
    char socket[100]; /* path of its unix socket; empty: it has none */
    struct fi_control *control;
    struct la_power power;
    int rules[FI_RULES_MAX]; /* indices of the rules armed by the scenario, in order */
    unsigned int rule_count;
    uint64_t optional_rules;     /* bits: of these whether they fire is what the scenario looks at */
    pid_t pid;                   /* the process that was spawned and leads the group; 0: none */
    pid_t server_pid;            /* the server itself as INFO names it; differs behind a wrapper that forks */
    char run_id[48];             /* of the server that served last, as INFO gives it */
    pid_t leaving;               /* that server, when its wrapper ended before it; 0: none */
    unsigned int identified;     /* the start in which it did */
    bool escaped;                /* a new start was answered by the old server: it outlived its kill */
    pid_t supervisor;            /* of a server that is driven from outside; 0: none */
    pid_t groups[LA_STARTS_MAX]; /* of every start: children of a killed server live on in its group */
    unsigned int starts;
    unsigned int restarts; /* of them by the restart policy */
    unsigned int exits;
    int exit_status;         /* of the last end, as waitpid gives it */
    int ends[LA_STARTS_MAX]; /* of each, from the first on, as far as there is room */
    uint64_t spawn_ns;       /* last start */
    uint64_t gone_ns;        /* last end */
    uint64_t killed_ns;      /* a step has sent SIGKILL then, and the end has not been seen yet; 0: no */
    uint64_t fault_ns;       /* what led to the last end: the kill, the last injection before it, or the end itself */
    bool gave_up;            /* it did not end well, shortly after an injection that did harm */
    uint64_t down_ns; /* what led to the end from which it has not served again: starts that failed go on with it */
    uint64_t down_gone_ns;   /* that end itself */
    uint64_t waited_ns;      /* of the time since: for the operator */
    uint64_t restart_due_ns; /* the policy will start it then; 0: no */
    unsigned int refusals;   /* starts in which it ended by itself, not by a signal, before it served */
    uint64_t stopped_ns;     /* a step has sent SIGSTOP then, and no SIGCONT yet; 0: no */
    unsigned int recovered;  /* ends that have been recovered from */
    unsigned int kept_lives; /* lives whose writes the kept crash state is to hold; 0: none was kept */
    bool served;             /* the current process has answered PING */
    bool seen;               /* or INFO, though no step has followed its start */
    bool promoted;           /* a replica that a step has made a primary */
    bool stays;              /* a step has waited in vain for it to end, and may have been right to */
    bool starved;            /* the last end was the kernel's doing, for lack of memory on the machine */
    struct la_memory memory; /* the bound that the scenario sets */
    bool outgrew;            /* ... and the kernel has ended the server, the first time, for having reached it */
    uint64_t oom_kills;      /* la_oom_kills at the last start */
    uint64_t log_start;      /* bytes of the log at the last start */
    uint64_t filled_keys;    /* that steps have filled in, and */
    uint64_t filled_bytes;   /* how much that is: values and keys */
    long long syncs_before;  /* full syncs that it gave its replicas in earlier lives, */
    long long syncs_now;     /* and in this one, as INFO last said; -1: INFO says nothing of it */
};

/* Makes directories, configuration and control block. `primary` is the node it replicates, or watches, or NULL. */
int la_node_create(struct la_node *node, const struct la_node_spec *spec, const struct la_server *server,
                   const struct la_scenario *scenario, const char *dir, const struct la_node *primary,
                   struct la_error *error);

/*
 * A part of la_node_create: fills config, address and socket, once the node's folders are there. -1 with `error`
 * filled.
 */
int la_node_configure(struct la_node *node, const struct la_scenario *scenario, const struct la_node *primary,
                      struct la_error *error);

/* The node's server has the shim loaded: not merely the wrapper script around it. `pid` is the server's. */
bool la_node_preloaded(const struct la_node *node, pid_t pid);

/* What INFO says, the caller's to free; NULL when it does not answer within 30 s. */
char *la_node_info(const struct la_node *node);

/* Starts the server process; not while la_node_leaving. */
int la_node_spawn(struct la_node *node, struct la_error *error);

/* The spawned process has ended: notes it, and plans a restart if the policy asks for one. */
void la_node_ended(struct la_node *node, int status);

/* Its last end was the doing of a fault: what led to it came before, or it gave up in the aftermath of one. */
static inline bool la_node_struck(const struct la_node *node)
{
    return node->fault_ns < node->gone_ns || node->gave_up;
}

/* The current process, or the last one. */
static inline bool la_node_has_served(const struct la_node *node)
{
    return node->served || node->seen;
}

/* It is down, and that is a fault's doing: a server may end of an error, or go on. */
static inline bool la_node_down_of_fault(const struct la_node *node)
{
    return !node->pid && node->exits && la_node_struck(node);
}

/* How its how-many-th end came, from 0 on: killed (SIGKILL), outgrown, failed, crashed or stopped. */
const char *la_node_end(const struct la_node *node, unsigned int which);

/* A rule has done harm, or held something up for ever, since its last start. */
bool la_node_harmed(const struct la_node *node);

/* It has ended before it served, and a rule of the scenario's has killed it, or sent it a signal, in that start. */
bool la_node_struck_at_start(const struct la_node *node);

/* True while a process of the last start's group is there. */
bool la_node_lives(const struct la_node *node);

/*
 * True while the server that served last is still there, though the wrapper that started it has ended: its port and its
 * files are not free yet. After 10 s it is taken to stay, which its answers will tell.
 */
bool la_node_leaving(const struct la_node *node);

/* A signal to the server process, or to the whole group, if it is there. */
void la_node_signal(const struct la_node *node, enum la_scope scope, int signal);

/* SIGKILL to the group of the last start, also when its leader has ended. */
void la_node_kill_group(const struct la_node *node);

/* Kills whatever is left and releases everything. */
void la_node_free(struct la_node *node);

/* Where a part of its data lies (redis/parts.h), a glob below node->data, to be freed; NULL: it has no such part. */
char *la_node_part(const struct la_node *node, const char *part);

/* Files below node->data that fit a glob, or a part as @PART: 0, or what glob() says; GLOB_NOMATCH, too, of a part that
 * it has not. */
int la_node_find(const struct la_node *node, const char *file, glob_t *found);

/* Arms a rule as of `now_ns`; its index in node->rules, or -1 with `error` filled. */
int la_node_arm(struct la_node *node, const char *rule, uint64_t now_ns, struct la_error *error);

/* The how-many-th of the rules that were armed; 0: all. */
void la_node_disarm(struct la_node *node, unsigned int which);

/* The log has grown beyond what is read of it, LA_LOG_MAX: the server writes on and on. */
enum { LA_LOG_MAX = 64 << 20 };
bool la_node_floods(const struct la_node *node);

/* The last lines that this start has left in the node's log and that say something, at most `size` bytes. */
void la_node_last_words(const struct la_node *node, char *out, size_t size);

/* How often `text` stands in the node's log. */
unsigned int la_node_log_count(const struct la_node *node, const char *text);

#endif
