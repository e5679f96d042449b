/*
 * One call of `lastack run` or `lastack certify`, inside the sandbox: prepares the
 * output folder and the configuration, probes the server, runs each scenario in a
 * process of its own, and writes the report.
 */
#ifndef LASTACK_SUITE_H
#define LASTACK_SUITE_H

#include "parts.h"
#include "run.h"

struct la_suite {
    struct la_parts parts;
    struct la_strings files; /* scenario files and directories */
    const char *server;      /* as given; NULL: redis-server from PATH */
    const char *config;
    const char *data;
    char out[LA_PATH_MAX];
    const char *junit;
    const char *json;
    struct la_demands demands;
    uint64_t seed;
    unsigned int jobs;
    unsigned int repeat; /* runs of each scenario, with seeds from `seed` on */
    bool quick;          /* only scenarios marked quick */
    bool no_shim;        /* for servers that cannot be preloaded: rules cannot fire */
    bool verbose;
};

/* Returns the exit status. A context for la_sandbox_run. */
int la_suite_run(void *suite, struct la_strings *limits);

#endif
