/*
 * A scenario and a configuration: what the scenario is about (`settings`, `tune`) is set where the user's configuration
 * has something else, and everything that is set so is listed: such a verdict is not one about the configuration as it
 * is written. What is as the scenario needs it stays as the user wrote it.
 */
#ifndef LASTACK_SUITE_FIT_H
#define LASTACK_SUITE_FIT_H

#include "suite/probe.h"
#include "suite/turns.h"

struct la_fit {
    struct la_turns turns;       /* of its runs, those that are made here: all, unless machines share it */
    bool beside;                 /* it cannot be run, and would say nothing of this configuration if it could */
    struct la_config config;     /* what the scenario runs with, before a node's own lines */
    struct la_strings overrides; /* "appendonly yes (not no)"; of the user's configuration only */
};

/* Of "NAME VALUE": the value, and the name in `name`. The value "" is empty. */
const char *la_setting_split(const char *setting, char name[64]);

/*
 * Makes the configuration of one scenario. False: it cannot be run on this server, `why` says why. With `given` data,
 * which files the server reads stays as the user has it.
 */
bool la_fit(struct la_fit *fit, const struct la_scenario *scenario, const struct la_probe *probe,
            const struct la_config *base, bool given, char *why, size_t size);

void la_fit_free(struct la_fit *fit);

#endif
