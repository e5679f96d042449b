/* result.json: what a run writes down. The fields are documented in docs/results.md and docs/result.schema.json. */
#ifndef LASTACK_REPORT_RESULT_H
#define LASTACK_REPORT_RESULT_H

#include "judge/judge.h"
#include "report/claims.h"
#include "run/run.h"

/* Version of the format. It grows when a field changes its meaning or goes away, never when one is added. */
enum { LA_RESULT_SCHEMA = 1 };

/* One entry of "scenarios". */
json_t *la_result_scenario(const struct la_run *run, const struct la_judgement *judgement);

/* What it says of the fault that it is about; null: it is about none that was once mended. */
json_t *la_history_json(const struct la_scenario *scenario);

/* An entry for a scenario that could not be run at all. */
json_t *la_result_failed(const struct la_scenario *scenario, const struct la_strings *overrides, const char *why);

/* What the whole result says of its surroundings. */
struct la_result_frame {
    const char *server_path;
    const char *server_name;
    const char *server_version;
    uint64_t seed;
    const struct la_strings *changed; /* directives of the user's file that were changed */
    const struct la_strings *limits;
    const struct la_strings *skipped; /* "scenario: why it does not apply" */
    const char *out;
    const struct la_claims *claims;
    const struct la_alerts *alerts;
    json_t *subjects;                 /* files that the verdicts speak of */
    json_t *matrix;                   /* the ways of persisting side by side; NULL: not asked for */
    json_t *unit;                     /* what --unit has shown; NULL: it was not given */
    json_t *answer;                   /* what certify answers first; NULL: nothing */
    const struct la_strings *command; /* words of the command line */
    const struct la_strings *pending; /* scenarios that have not ended yet */
    unsigned int shard;               /* the how-many-th machine of so many; 0: all is run here */
    unsigned int shards;
    bool certify;   /* all that the documents say is asked for */
    bool finished;  /* false: written while the run goes on */
    double seconds; /* since it began */
};

/* The whole result; takes over `scenarios` (array). */
json_t *la_result_whole(const struct la_result_frame *frame, json_t *scenarios);

/* Writes a result of ours, whole or not at all. */
int la_result_write(const json_t *result, const char *path, struct la_error *error);

/* The same to where the user wants it; "-": to the open file `stream`. */
int la_result_hand_over(const json_t *result, const char *path, int stream, struct la_error *error);

/*
 * 0, 1 or 3, as the verdicts of the scenarios say, and those of the user's requirements and alert rules; 3 when there
 * are no scenarios.
 */
int la_result_exit_status(const json_t *result);

/*
 * Writes a result that has one verdict of its own to DIR/result.json, and where --json wants it (NULL: nowhere). The
 * exit status of its verdict; where it cannot be written, says so: LA_EXIT_USAGE.
 */
int la_result_leave(const json_t *result, const char *dir, const char *json);

#endif
