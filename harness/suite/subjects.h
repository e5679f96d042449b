/*
 * The files that verdicts speak of, each with its sha256, as they lay when the run began: "subjects" of the result. The
 * server as it was named, the program that ran (another one behind a wrapper), redis.conf with what it includes, and
 * the files that it names. A folder, or what cannot be read, is left out.
 */
#ifndef LASTACK_SUITE_SUBJECTS_H
#define LASTACK_SUITE_SUBJECTS_H

#include <jansson.h>

#include "nodes/config.h"

/* Adds one file; `role` says what it is: server, executable, old-server, config, include, aclfile, loadmodule, ... */
void la_subjects_add(json_t *subjects, const char *role, const char *path);

/* Adds the program of a process that is running, by its own name. */
void la_subjects_add_running(json_t *subjects, pid_t pid);

/* Adds what was read from `path`, and nothing of it has been changed yet. */
void la_subjects_add_config(json_t *subjects, const struct la_config *config, const char *path);

#endif
