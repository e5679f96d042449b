/* What one call of `lastack run` or `lastack certify` is to do. */
#ifndef LASTACK_SUITE_OPTIONS_H
#define LASTACK_SUITE_OPTIONS_H

#include "base/install.h"
#include "run/run.h"

enum la_keep { LA_KEEP_ALL, LA_KEEP_FINDINGS, LA_KEEP_NONE };

/* As many scenarios at a time as there are processors, and memory for. */
unsigned int la_jobs_here(void);

/*
 * How one scenario is run, in the folder `dir`: its result object. Asked to end (la_interrupted), it gives that of what
 * it has done by then.
 */
typedef json_t *(*la_run_one)(const struct la_scenario *scenario, const struct la_options *options, const char *dir,
                              const void *context);

struct la_suite {
    la_run_one one;      /* NULL: as it is written */
    const void *context; /* of it */
    struct la_parts parts;
    struct la_strings files;   /* scenario files, directories and names */
    struct la_strings set;     /* redis.conf lines that every scenario runs with */
    struct la_strings command; /* the words of the command line, for the report */
    const char *server;        /* as given; NULL: redis-server from PATH */
    const char *old_server;    /* whose files it is to start on, and that is to start on its; NULL: none */
    const char *config;
    const char *data;
    char out[LA_PATH_MAX]; /* made by the suite if it is not there */
    bool made_out;         /* it has been made for this run */
    const char *unit;      /* a systemd unit, by file or name; NULL: none */
    const char *unit_dir;  /* in place of /etc/systemd/system; NULL: that */
    const char *check;     /* a command that says whether a server is well; NULL: none */
    const char *backup;    /* a script that makes a backup; NULL: none */
    const char *restore;   /* and one that brings it back; NULL: none */
    const char *document;  /* file or folder from which steps take lines; NULL: none */
    const char *alerts;    /* a file of alert rules; NULL: those of the documents */
    const char *junit;     /* "-": standard output */
    const char *json;
    struct la_demands demands;
    uint64_t seed;
    unsigned int jobs;
    struct la_shard {
        unsigned int number; /* from 1 on */
        unsigned int of;     /* machines that share the scenarios; 0: they are not shared */
    } shard;
    unsigned int repeat;           /* runs of each scenario, with seeds from `seed` on */
    unsigned int start_timeout_ms; /* for a server to serve after a start; 0: the standard ones */
    enum la_keep keep;             /* bundles */
    bool certify;                  /* scenarios that chance plays a part in are run as often as they say */
    bool worst;                    /* only what looks for the worst case: scenarios with a situation */
    bool matrix;                   /* only the ways of persisting, side by side */
    bool deep;                     /* everything that is done in rounds, or several times, LA_DEEP times as often */
    bool quick;                    /* only scenarios marked quick */
    bool smallest;                 /* says of each state that an exploration has found what is the smallest one */
    bool coverage;                 /* says what the faults have reached */
    const char *coverage_store;    /* where what was ever reached is kept; NULL: nowhere */
    bool html;                     /* report.html in the output folder, too */
    bool no_shim;                  /* for servers that cannot be preloaded: rules cannot fire */
    bool verbose;
};

#endif
