/* The meaning of a scenario that has been read: whether it can be run, and can show what it expects. */
#ifndef LASTACK_SCENARIO_CHECK_H
#define LASTACK_SCENARIO_CHECK_H

#include "scenario/scenario.h"

/* What is being looked at, and where an error about it goes. */
struct la_check {
    const struct la_scenario *scenario;
    const char *section; /* key at the top of the file */
    int index;           /* of the item in it; -1: the key itself */
    struct la_error *error;
};

/* -1 with "file:line: what is wrong" in the check's error. */
__attribute__((format(printf, 2, 3))) int la_check_wrong(const struct la_check *check, const char *format, ...);

/* A rule, or a command line, as a step has it. */
int la_check_rule(const struct la_check *check, const char *text);
int la_check_command(const struct la_check *check, const char *line);

/* A glob of files below a data directory. */
int la_check_file(const struct la_check *check, const char *glob);

/* redis.conf lines: what they say can be read, and does not lead out of the sandbox. NULL: none. */
int la_check_settings(const struct la_check *check, const char *lines);

/* The same of lines that stand in no file: true with the reason in `why`. */
bool la_settings_refused(const char *lines, char *why, size_t size);

/* Of the bounds of `what` one is there, and something can lie between them. */
int la_check_bounds(const struct la_check *check, const char *what, const unsigned int *min, const unsigned int *max);

/* -1 with `error` filled: "file:line: what is wrong". */
int la_scenario_check(const struct la_scenario *scenario, struct la_error *error);

/* The recorded traffic that a scenario sends, named relative to its file, can be read. Of no bundle: it holds none. */
int la_scenario_check_recording(const struct la_scenario *scenario, struct la_error *error);

#endif
