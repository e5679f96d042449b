/*
 * Scenarios: one YAML file each, read into these structures. Every member says what
 * the key of the same name means; docs of the format are in docs/scenarios.md.
 */
#ifndef LASTACK_SCENARIO_SCENARIO_H
#define LASTACK_SCENARIO_SCENARIO_H

#include "base/util.h"
#include "crash/power.h"

enum la_restart { LA_RESTART_NO, LA_RESTART_ON_FAILURE, LA_RESTART_ALWAYS }; /* as systemd's Restart= */
enum la_scope { LA_SCOPE_PROCESS, LA_SCOPE_GROUP };
struct la_node_spec {
    char *name;
    char *replicates;  /* name of the node it replicates; NULL: a primary */
    char *sentinel_of; /* it is a Sentinel, and watches the node of this name; NULL: it holds data */
    bool cluster;      /* of a cluster that the harness forms: the first such node owns all slots */
    char *config;      /* redis.conf lines for this node only */
    enum la_restart restart;
    unsigned int restart_delay_ms;
    unsigned int restart_limit; /* starts in the burst */
    bool huge_pages;            /* its allocator asks for transparent huge pages */
    bool acl_file;              /* it keeps its users in a file below its data directory, unless it has some already */
    bool config_file;           /* its redis.conf lies in its data directory, where CONFIG REWRITE is under injection */
    unsigned int memory_mb;     /* that its processes may have together, MiB; 0: no bound */
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
    char *recording; /* `replay` in the file: file of recorded traffic to send, relative to the scenario; NULL: none */
    unsigned int commands; /* calls of all of the server's write commands, generated; 0: none */
    char *user;            /* whom clients log in as; NULL: as the harness does */
    char *password;
    struct la_mix_spec *mix;
    unsigned int mix_count; /* 0: the standard mix, every type that the server has */
};

enum { LA_VOCABULARY_MAX = 40 }; /* of steps, and of expectations */

/* What a step or an expectation says begins with this; the rest is known to its kind alone. */
struct la_spec {
    char *node; /* NULL: the first one */
};

/* One step. */
struct la_step {
    const struct la_step_kind *kind; /* see scenario/kinds.h */
    struct la_spec *spec;
    void *read[LA_VOCABULARY_MAX]; /* as libcyaml fills it: one a kind, of which one is set */
};

/* One expectation, in the same way. */
struct la_expect {
    const struct la_expect_kind *kind;
    struct la_spec *spec;
    void *read[LA_VOCABULARY_MAX];
};

/* A small machine with a server under systemd, filled, in which an operator's commands are run (playbook/place.h). */
struct la_world_spec {
    char *incident; /* what has happened to it, by name; NULL: nothing */
    bool disk;      /* the backups lie on a disk of their own, whose power can be cut */
};

/* A fault that a version of Redis or Valkey once had. */
struct la_history_spec {
    char *tracker;  /* where it was reported or mended: redis#N or valkey#N, or a commit; several with commas */
    char *versions; /* that have it */
    char *mended;   /* that have it no longer; NULL: none known */
};

struct la_claim_ref {
    char *id;
    struct la_expect *expect; /* when the sentence itself holds; none: when the scenario's expectations do */
    unsigned int expect_count;
    char *when; /* the conditions that this scenario makes; NULL: none that another would not */
    char *says; /* the figure that the sentence names, for the report */
};

struct la_scenario {
    char *name;
    char *title;
    char *why;
    char *settings; /* redis.conf lines the scenario is about */
    char *tune;     /* redis.conf lines that any configuration gets */
    struct la_load_spec *load;
    struct la_power_spec *power_cut; /* NULL: the power is not cut */
    struct la_world_spec *world;     /* in place of nodes and load; NULL: it has these */
    struct la_node_spec *nodes;
    unsigned int node_count;
    struct la_step *steps;
    unsigned int step_count;
    struct la_expect *expect;
    unsigned int expect_count;
    struct la_claim_ref *claims;
    unsigned int claim_count;
    char *set;       /* redis.conf lines of whoever runs it, on top of `settings`; NULL: none */
    char *only_with; /* "NAME VALUE": it says nothing of configurations that have another; NULL: of any */
    struct la_history_spec *history; /* NULL: it is about no fault that was once mended */
    char *situation;              /* in which it shows what the configuration loses at worst; NULL: it judges a bound */
    bool quick;                   /* part of certify --quick */
    bool bare;                    /* it is about the server itself: certify leaves it out with --config or --data */
    bool carry_on;                /* a fault may end its server, or make a command fail: what comes next is tried */
    bool alone;                   /* it measures speed: nothing runs beside it */
    unsigned int times;           /* that certify runs it, by chance as it is */
    char *path;                   /* the file; filled by la_scenario_read */
    const struct la_kinds *kinds; /* that its steps and expectations are of */
};

/*
 * A rule may name another node's port, peer=@NODE, and a part of the data, file=PART (redis/parts.h). What stands for
 * them: 0 or NULL where there is none. The path is to be freed.
 */
struct la_rule_names {
    int (*port_of)(const void *context, const char *node);
    char *(*path_of)(const void *context, const char *part);
    const void *context;
};

/* The rule with both in their place, to be freed; NULL when one of them is not there. */
char *la_rule_resolve(const char *rule, const struct la_rule_names *names);

/* As it is on whatever server: with the standard names of parts. False for one that names another node's port. */
bool la_rule_parse(const char *text, struct fi_rule *rule);

/* True for a rule that changes the clock; it is armed on all nodes at once. */
bool la_rule_is_clock(const char *rule);

/* How many keys in a session a part of the mix has. */
unsigned int la_mix_part_keys(const struct la_load_spec *load, const struct la_mix_spec *part);

/* What is sent is a list of commands, once, by one connection. */
static inline bool la_load_is_list(const struct la_load_spec *load)
{
    return load->recording || load->commands;
}

/* What the configuration is asked about: certify answers first what it loses there. In the order of the answer. */
enum la_situation {
    LA_AT_KILL,
    LA_AT_POWER_CUT,
    LA_AT_FULL_DISK,
    LA_AT_FAILED_FORK,
    LA_AT_FAILED_FSYNC,
    LA_AT_RESTART,   /* of a primary, by a policy: what its replica has left */
    LA_AT_UPGRADE,   /* the server starts on what another version has left after a crash, */
    LA_AT_DOWNGRADE, /* and the other one on the server's */
    LA_SITUATIONS
};
extern const char *const la_situation_names[LA_SITUATIONS];

/* The situation of that name; -1: there is none. */
int la_situation(const char *name);

/* The file of recorded traffic that its load sends (load->recording), named relative to the scenario's own. */
void la_scenario_recording(const struct la_scenario *scenario, char path[LA_PATH_MAX]);

/* A number that a file leaves out gets its default. */
void la_fill_in(unsigned int *value, unsigned int standard);

/* The first step of that kind among those before step `end` (UINT_MAX: all); NULL: there is none. */
const struct la_step *la_scenario_step(const struct la_scenario *scenario, const struct la_step_kind *kind,
                                       unsigned int end);

/* The folder that its file lies in, by name: scenarios stand together in folders. To be freed. */
char *la_scenario_group(const struct la_scenario *scenario);

/* The name of the node that a step or an expectation is about. */
const char *la_spec_node(const struct la_scenario *scenario, const struct la_spec *spec);

/* What the scenario says of that node; NULL: it has none of that name. */
const struct la_node_spec *la_scenario_node(const struct la_scenario *scenario, const char *name);

/* Several, in the order in which they are run. */
struct la_scenarios {
    struct la_scenario **items;
    size_t count;
};

#endif
