/*
 * Scenarios: one YAML file each, read into these structures. Every member says what
 * the key of the same name means; docs of the format are in scenarios/README.md.
 */
#ifndef LASTACK_SCENARIO_SCENARIO_H
#define LASTACK_SCENARIO_SCENARIO_H

#include "base/util.h"
#include "crash/power.h"

enum la_restart { LA_RESTART_NO, LA_RESTART_ON_FAILURE, LA_RESTART_ALWAYS }; /* as systemd's Restart= */
enum la_scope { LA_SCOPE_PROCESS, LA_SCOPE_GROUP };
enum la_wait_for {
    LA_WAIT_FIRED,
    LA_WAIT_EXIT,
    LA_WAIT_READY,
    LA_WAIT_SYNCED,
    LA_WAIT_IDLE,
    LA_WAIT_ERRORS,
    LA_WAIT_WRITES
};

struct la_node_spec {
    char *name;
    char *replicates; /* name of the node it replicates; NULL: a primary */
    char *config;     /* redis.conf lines for this node only */
    enum la_restart restart;
    unsigned int restart_delay_ms;
    unsigned int restart_limit; /* starts in the burst */
};

enum { LA_MIX_KEYS = 10 }; /* keys of a type in a session, where a scenario does not say */

struct la_mix_spec {
    char *type;
    unsigned int share; /* of all operations, in proportion to the other types' */
    unsigned int keys;  /* of one connection; 0: a standard number */
};

struct la_load_spec {
    unsigned int clients;
    unsigned int pipeline;
    unsigned int value_size; /* bytes */
    unsigned int big_size;   /* bytes of every big_every-th value of a key; 0: none */
    unsigned int big_every;
    unsigned int keys;          /* string keys of one connection; the other types have a fixed small number */
    unsigned int rate;          /* operations a second, whatever the replies do (open loop); 0: as replies come */
    unsigned int ramp_ms;       /* in which the rate grows from nothing */
    unsigned int busy_ms;       /* phases of work ... */
    unsigned int idle_ms;       /* ... and of rest, in turn; 0: no rest */
    unsigned int churn;         /* a connection is replaced after so many operations; 0: never */
    unsigned int skew;          /* zipfian exponent in hundredths, keys within a type; 0: uniform */
    unsigned int wait_replicas; /* types wait and waitaof */
    unsigned int wait_ms;
    unsigned int min_acked; /* fewer acknowledged operations: inconclusive */
    unsigned int capacity;  /* most operations of the run, as room in the ledger */
    bool unix_socket;       /* clients come by a unix socket */
    char *replay;           /* file of recorded traffic to send, relative to the scenario; NULL: none */
    char *user;             /* whom clients log in as; NULL: as the harness does */
    char *password;
    struct la_mix_spec *mix;
    unsigned int mix_count; /* 0: the standard mix, every type that the server has */
};

struct la_step_load {
    unsigned int acked; /* wait until so many more operations are acknowledged */
};
struct la_step_arm {
    char *node;
    char *rule;
};
struct la_step_node {
    char *node;
};
struct la_step_recover {
    char *node;
    unsigned int timeout_ms; /* how long it may take to serve; default 60000 */
};
struct la_step_wait {
    char *node;
    enum la_wait_for for_what;
    unsigned int timeout_ms;
};
struct la_step_sleep {
    unsigned int ms;
};
struct la_step_kill {
    char *node;
    enum la_scope scope;
};
struct la_step_command {
    char *node;
    char *send;
    char *expect; /* the reply must contain this; NULL: any reply but an error */
};
struct la_step_truncate {
    char *node;
    char *file;        /* glob below the data directory; exactly one file must match */
    unsigned int drop; /* bytes off the end */
};
struct la_step_kill_child {
    char *node;
    char *command; /* what forks the child, e.g. BGSAVE */
    char *role;
    unsigned int points;         /* how many operations are drawn */
    unsigned int min_operations; /* a child with fewer is too small to say something */
};

/* Exactly one member is set. */
struct la_step {
    struct la_step_load *load;
    struct la_step_node *stop_load;
    struct la_step_arm *arm;
    struct la_step_node *disarm;
    struct la_step_wait *wait;
    struct la_step_sleep *sleep;
    struct la_step_kill *kill;
    struct la_step_command *command;
    struct la_step_truncate *truncate;
    struct la_step_kill_child *kill_child;
    struct la_step_node *mark;
    struct la_step_node *power_cut;
    struct la_step_recover *recover;
    struct la_step_node *verify;
    struct la_step_node *compare;
};

struct la_expect_lost {
    unsigned int *max;
    unsigned int *min;
    unsigned int *before_mark; /* at most so many of those acknowledged before the step `mark` */
    unsigned int *promised;    /* at most so many of those that WAIT or WAITAOF has promised */
    bool all;                  /* nothing from before the crash may be left */
};
struct la_expect_window {
    unsigned int max_ms;
};
struct la_expect_start {
    char *node;
    bool refused; /* the server must refuse to start */
    char *log;    /* and its log contain this */
};
struct la_expect_replies {
    char *error; /* text that error replies to clients contain */
    unsigned int *min;
    unsigned int *max;
};
struct la_expect_count {
    char *node;
    unsigned int *min;
    unsigned int *max;
};
struct la_expect_log {
    char *node;
    char *contains;
};
struct la_expect_exit {
    char *node;
    char *how; /* how the node first ended: killed, failed, stopped; or alive */
};

/* Exactly one member is set. */
struct la_expect {
    struct la_expect_lost *lost;
    struct la_expect_window *window;
    struct la_expect_start *start;
    struct la_expect_replies *replies;
    struct la_expect_count *keys;
    struct la_expect_count *restarts;
    struct la_expect_count *full_syncs;
    struct la_expect_log *log;
    struct la_expect_exit *exit;
};

struct la_claim_ref {
    char *id;
    struct la_expect *expect; /* when the sentence itself holds; none: when the scenario's expectations do */
    unsigned int expect_count;
    char *qualified; /* the conditions under which it was seen to hold */
    char *bound;     /* the number that the sentence names, for the report */
};

struct la_scenario {
    char *name;
    char *title;
    char *why;
    char *settings; /* redis.conf lines the scenario is about */
    char *tune;     /* redis.conf lines that any configuration gets */
    struct la_load_spec *load;
    struct la_power_spec *power_cut; /* NULL: the power is not cut */
    struct la_node_spec *nodes;
    unsigned int node_count;
    struct la_step *steps;
    unsigned int step_count;
    struct la_expect *expect;
    unsigned int expect_count;
    struct la_claim_ref *claims;
    unsigned int claim_count;
    bool quick; /* part of certify --quick */
    char *path; /* the file; filled by la_scenario_read */
};

/*
 * A rule may name another node's port: peer=@NODE. The rule with the port in its place, to be freed; NULL when
 * `port_of` knows no such node (it returns 0 then).
 */
typedef int (*la_port_of)(const void *context, const char *node);
char *la_rule_with_port(const char *rule, la_port_of port_of, const void *context);

/* True for a rule that changes the clock; it is armed on all nodes at once. */
bool la_rule_is_clock(const char *rule);

/* How many keys in a session a part of the mix has. */
unsigned int la_mix_part_keys(const struct la_load_spec *load, const struct la_mix_spec *part);

/* The file of recorded traffic that its load sends (load->replay), named relative to the scenario's own. */
void la_scenario_recording(const struct la_scenario *scenario, char path[LA_PATH_MAX]);

/* The name of the node that its `verify` reads. */
const char *la_scenario_verifies(const struct la_scenario *scenario);

/* Several, in the order in which they are run. */
struct la_scenarios {
    struct la_scenario **items;
    size_t count;
};

#endif
