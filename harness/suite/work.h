/* What suite.c (running) and prepare.c (everything that comes before) share. */
#ifndef LASTACK_SUITE_WORK_H
#define LASTACK_SUITE_WORK_H

#include "base/copy.h"
#include "judge/alerts.h"
#include "report/claims.h"
#include "suite/catalogues.h"
#include "suite/fit.h"
#include "suite/options.h"
#include "suite/original.h"
#include "suite/probe.h"
#include "suite/sandbox.h"
#include "unit/unit_files.h"

enum { LA_JOBS_MAX = 64 };

/* A scenario that is running. */
struct la_job {
    pid_t pid;
    size_t scenario;    /* index */
    unsigned int turn;  /* the how-many-th run of it, from 0 */
    unsigned int place; /* the how-many-th of those that are made here */
    uint64_t oom_kills; /* la_oom_kills when it began */
};

struct la_work {
    struct la_suite *suite;
    const struct la_sandbox *sandbox;
    struct la_scenarios scenarios; /* that are run */
    struct la_fit *fits;           /* of each: what it is run with */
    size_t offered;                /* scenarios that were wanted, whether they apply or not, but for */
    size_t elsewhere;              /* those of which other machines make all runs */
    struct la_config base;
    struct la_original original;   /* what the server makes of the user's file */
    struct la_strings differences; /* of `base` from it: nothing holds */
    struct la_extent given;        /* --data */
    char data[LA_PATH_MAX];        /* our copy of it */
    struct la_probe probe;
    json_t *subjects; /* files that verdicts speak of */
    struct la_means means;
    struct la_options options;
    char server[LA_PATH_MAX];
    char old_server[LA_PATH_MAX]; /* empty: none */
    struct la_strings skipped;    /* "scenario: why it does not apply" */
    struct la_claims *claims;
    struct la_remedies remedies;
    struct la_strategies strategies;
    struct la_durations durations;
    struct la_alerts alerts;
    json_t *results;
    json_t *into;                  /* where the next ones go: results, or elsewhere (not owned) */
    struct la_strings quick_worst; /* files of the quick scenarios with a situation, whether they apply or not */
    struct la_strings all_worst;   /* files of those that --matrix runs: kills and power cuts */
    struct la_unit_files unit_files;
    json_t *unit;   /* what --unit has shown; NULL: it was not given */
    json_t *matrix; /* NULL: it was not asked for */
    json_t *unseen; /* scenarios with a situation that cannot be run here, as results that say why */
    bool silent;    /* no row is printed as it comes */
    json_t *answer; /* what certify answers first; NULL: nothing */
    json_t **runs;  /* of each scenario: the results, by turn; null: not ended yet */
    struct la_job jobs[LA_JOBS_MAX];
    unsigned int running;
    bool interrupted;
    uint64_t start_ns;
    int stream; /* standard output, where --json or --junit have taken it; -1: nobody has */
};

/*
 * Everything that can be found wrong before a scenario starts, with the output folder made. -1 with `error` filled:
 * nothing has been written outside that folder.
 */
int la_prepare(struct la_work *work, struct la_error *error);

/* Each with its line end, to be freed. */
char *la_lines_joined(const struct la_strings *lines);

/* Why a scenario cannot be run here; false: it can, and `fit` is what it is run with, to be freed in either case. */
bool la_prepare_unfit(const struct la_work *work, const struct la_scenario *scenario, struct la_fit *fit, char *why,
                      size_t size);

/* Runs those with an index from `first` on, below `end`, as often as it takes. Their results go to work->into. */
void la_suite_run_range(struct la_work *work, size_t first, size_t end);

/* Brings result.json up to date: whoever kills lastack finds what was known. */
void la_suite_note(const struct la_work *work);

/* What was not judged, of what the machine or the server could not do. */
void la_prepare_limits(const struct la_work *work, struct la_strings *limits);

#endif
