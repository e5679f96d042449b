/*
 * A scenario in the course of being run: its nodes, its load, and everything that was
 * observed. runner.c owns it, the steps fill it, the judge reads it, result.c writes it down.
 * One process, one thread; the load is a child process.
 */
#ifndef LASTACK_RUN_RUN_H
#define LASTACK_RUN_RUN_H

#include <jansson.h>

#include "base/findings.h"
#include "ledger/ledger.h"
#include "load/mix.h"
#include "nodes/node.h"
#include "redis/recording.h"
#include "run/measures.h"
#include "run/phase.h"
#include "scenario/scenario.h"
#include "verify/verify.h"

enum { LA_NODES_MAX = 8, LA_HARMS_MAX = 16, LA_POLL_MS = 1, LA_SAMPLE_MAX = 256 };

enum la_verdict { LA_HOLDS, LA_VIOLATED, LA_INCONCLUSIVE, LA_QUALIFIED, LA_UNTESTABLE };
const char *la_verdict_name(enum la_verdict verdict);

/* What the user asks of every scenario. */
struct la_demands {
    int rpo_ms; /* -1: nothing */
    int rto_ms;
    bool of_worst; /* they are asked of the scenarios that look for the worst case, and of no others */
};

struct la_alerts; /* judge/alerts.h */
struct la_place;  /* playbook/place.h */

struct la_options {
    struct la_server server;
    uint64_t seed;
    struct la_demands demands;
    const struct la_lacks *lacks; /* what the server can be loaded with */
    const char *config_path;      /* --config, for the reproducing command; NULL: none */
    const char *data_path;
    const char *old_server;             /* --old-server, absolute; NULL: none */
    unsigned int start_timeout_ms;      /* for a server to serve after a start; 0: the standard ones */
    const char *check;                  /* a command that says whether the server is well; NULL: none */
    const struct la_alerts *alerts;     /* what a monitor would be told to watch; NULL: nothing */
    const struct la_strings *doubts;    /* of what it runs with, whatever is run; NULL: none */
    const struct la_strings *overrides; /* of the user's configuration, by the scenario; NULL: none */
    bool deep;                          /* rounds are LA_DEEP times as many */
    const char *fixtures;               /* folder of units and stand-ins, for scenarios with a world */
    const char *backup;                 /* a script of the user's; NULL: none */
    const char *restore;                /* another, that brings back what it has made; NULL: none */
    const char *document;               /* file or folder from which steps take lines; NULL: none */
    bool verbose;                       /* a line for each step, on a terminal */
};

/* Recovery as it was seen from outside. CLOCK_MONOTONIC ns, 0: not seen. */
struct la_recovery {
    uint64_t fault_ns; /* the kill, or the injection that led to it */
    uint64_t gone_ns;
    uint64_t spawn_ns;
    uint64_t accept_ns;  /* a TCP connection was accepted */
    uint64_t ready_ns;   /* PING answered, not LOADING */
    uint64_t read_ns;    /* first GET */
    uint64_t write_ns;   /* first SET accepted */
    uint64_t stall_ns;   /* the longest that nobody looked: heartbeat (la_run_doze), or a restart before the step */
    uint64_t waited_ns;  /* for the operator: not part of RTO */
    uint64_t data_bytes; /* in files that it started from */
    long long keys;      /* when it was ready; -1: it did not say */
    bool by_operator;    /* started by a step */
    bool loading_seen;
    bool full; /* reads are served, writes refused as configured: maxmemory without eviction, min-replicas-to-write */
};

/* What the step `brink` has done, and found. */
struct la_brink {
    unsigned int factor; /* the server's clock goes so many times as fast; 0: no such step */
    bool keeps;          /* a log or snapshots keep the data */
    bool boundless;      /* nothing has been seen to end what would be lost */
    bool one_write;      /* one was made, and waited for: as many would be lost as are written meanwhile */
    uint64_t since_ns;   /* that it goes so */
    char moment[256];    /* at which the fault came, in words; empty: at once */
};

/* A step that does harm to a node by itself. */
struct la_harm {
    uint64_t ns;
    const char *words;
    const struct la_node *node;
};

/* The first of them, and when what a fault does was first ended by whoever runs the servers. */
struct la_harms {
    struct la_harm items[LA_HARMS_MAX];
    unsigned int count;
    uint64_t relief_ns; /* 0: there was none */
};

struct la_run {
    const struct la_scenario *scenario;
    const struct la_options *options;
    char dir[LA_PATH_MAX];
    struct la_node nodes[LA_NODES_MAX];
    unsigned int node_count;
    unsigned int target; /* index of the node that the load talks to, */
    uint32_t moved_life; /* and since which life of what it talks to; 0: it has not moved */
    struct la_ledger ledger;
    struct la_place *place;        /* of a scenario with a world, once it is there; NULL: none */
    struct la_recording recording; /* what the load sends, where that is a list of commands */
    bool *changed;                 /* by item of it: it has changed data; NULL: nobody counts that */
    pid_t load_pid;
    bool load_started;
    uint32_t undrained; /* 1 + life of the server in which the load ended without all of its replies; 0: it has them */
    bool load_died;     /* it ended although nobody had stopped it */
    int load_status;    /* of its end, as waitpid gives it */
    struct la_strings base_keys; /* keys that were there before the load, sorted */
    uint64_t *base_digests;      /* of each; 0: not judged */
    long long evicted;           /* keys, by maxmemory */
    bool may_evict;              /* memory was above half of maxmemory, and the policy evicts */

    struct la_recovery recovery; /* the one that took longest */
    bool recovered;
    bool unfinished;                 /* a step has ended the scenario before its last one */
    uint64_t fault_ns[LA_LIVES_MAX]; /* by life of the server the load talks to; 0: unknown */
    struct la_verify verify;         /* the last one */
    const struct la_node *verified;  /* the node that was read back; NULL: none */
    struct la_findings findings;
    struct la_strings doubts;    /* why nothing can be said */
    struct la_strings broken;    /* expectations built into steps that were not met, whatever else went amiss */
    struct la_strings suspected; /* the same, where what went amiss may explain them */
    uint64_t measured_ns;        /* when the load was last measured */
    struct la_measures measures; /* what the scenario's steps have measured */
    struct la_brink brink;
    struct la_harms harms;
    pid_t watch;                   /* run/watch.h; 0: nobody watches */
    const struct la_node *watched; /* NULL: none was */
    struct la_strings repairs;     /* what was done by hand to make a node start, in words */
    bool replayed;                 /* begun from the crash state of a bundle: of the run itself nothing was seen */
    bool at_moment;                /* ... that was made for a moment of a run: by then the ledger ends */
    uint64_t moment_sync_ns;       /* the slowest fsync of that run */
    uint64_t kept_ns;              /* what was acknowledged before the mark is kept from then on; 0: not yet */
    bool unproven;                 /* ... and that run was not sound: what came back convicts nobody */
    json_t *timeline;              /* what happened, in order */
    struct la_phases phases;       /* what its servers were about, in order */
    uint64_t start_ns;
    int64_t wall_offset_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC at the start: it changes when the clock is set */
    uint64_t stall_ns;      /* heartbeat: the longest excess of a short sleep */
    uint64_t stalls_ns;     /* all long ones together */
    bool clock_changed;     /* by a rule: times say nothing about the server any more */
    uint64_t next_sample_ns;
    uint64_t next_guard_ns;
    char samples[LA_NODES_MAX][LA_SAMPLE_MAX]; /* last timeline sample of each node, to note changes only */
};

/* Releases what was seen in a run, and the run: its nodes, and what was given to it, are whose they are. */
void la_run_free(struct la_run *run);

/* Reaps, restarts what is due, and takes a look at the clock. To be called at least every few milliseconds. */
void la_run_pump(struct la_run *run);

/*
 * Sleeps for the polling interval, and measures how much longer it took: the
 * heartbeat. Time spent waiting for a server's answer is the server's, not ours.
 * Returns the excess in ns.
 */
uint64_t la_run_doze(struct la_run *run);

/* The server was kept from going on for so long, by the machine or on purpose: times are judged with allowance for it.
 */
void la_run_stalled(struct la_run *run, uint64_t ns);

/* It has come so far that there is something to judge. */
static inline bool la_run_begun(const struct la_run *run)
{
    return run->ledger.head || run->place;
}

/* A rule has fired, or a step has done harm. */
bool la_run_struck(const struct la_run *run);

/* With carry_on, after the first fault: what a server does then is judged at the end, and ends no scenario. */
static inline bool la_run_carries_on(const struct la_run *run)
{
    return run->scenario->carry_on && la_run_struck(run);
}

/*
 * With carry_on, while a rule is armed that has done harm since the node was started: that it does not serve, or not
 * all, says nothing then.
 */
bool la_run_under_fault(const struct la_run *run, const struct la_node *node);

/* The same of whichever node: a replica waits in vain for a primary that cannot write. */
bool la_run_fault_on(const struct la_run *run);

/* What a fault does, if there was one, is ended by whoever runs the servers. */
void la_run_relieved(struct la_run *run);

/* A node that was stopped goes on, or has ended: until now it stood still. */
void la_run_went_on(struct la_run *run, struct la_node *node);

/* How many rounds a step makes of what the scenario says. */
enum { LA_DEEP = 5 };
static inline unsigned int la_run_rounds(const struct la_run *run, unsigned int rounds)
{
    return run->options->deep ? LA_DEEP * rounds : rounds;
}

/* A reason why the run can say nothing. Returns -1. */
__attribute__((format(printf, 2, 3))) int la_run_doubt(struct la_run *run, const char *format, ...);

/* The load could not go on, for the ledger, or what it can tell apart, is used up: `text` says which. */
bool la_run_full(const struct la_run *run, char *text, size_t size);

/*
 * An expectation built into a step was not met. With `convicts` it counts whatever the run is doubted for afterwards,
 * since nothing that goes amiss later can be why; unless the run was in doubt already.
 */
__attribute__((format(printf, 3, 4))) void la_run_broken(struct la_run *run, bool convicts, const char *format, ...);

/* Enters an event in the timeline. */
__attribute__((format(printf, 3, 4))) void la_run_event(struct la_run *run, const char *node, const char *format, ...);

/* The node of that name; the first one for NULL. A name that no node has is a mistake of the caller's: it aborts. */
struct la_node *la_run_node(struct la_run *run, const char *name);
const struct la_node *la_run_seen(const struct la_run *run, const char *name);

/* The node that a replica follows, by its INFO, or (NULL: it says nothing) as the scenario has it; NULL: none. */
const struct la_node *la_run_primary_of(const struct la_run *run, const struct la_node *replica, const char *info);

/* The same, asked of the node itself; NULL, too, when it does not answer. */
const struct la_node *la_run_ask_primary(const struct la_run *run, const struct la_node *replica);

/* The first rule of the scenario that has been armed and has not fired; NULL: there is none. */
const struct fi_rule *la_run_unfired(const struct la_run *run);

/*
 * When a node's power is out: waits until none of its processes is left, and brings its data directory back as the
 * cut left it. -1 with a doubt when that cannot be.
 */
int la_run_restore_power(struct la_run *run, struct la_node *node);

/* It is told what another version makes of the server's files: that it refuses them is an answer. */
bool la_run_may_refuse(const struct la_run *run);

/* The node the load talks to. */
struct la_node *la_run_target(struct la_run *run);

/* RTO in ms from the fault to a point of the recovery; -1 when that was not seen. */
double la_recovery_ms(const struct la_recovery *recovery, uint64_t point_ns);

#endif
