/* Crash states: made by the model (model.h), or held against it. */
#ifndef LASTACK_CRASH_STATE_H
#define LASTACK_CRASH_STATE_H

#include "crash/model.h"

const char *la_crash_class_name(enum la_crash_class class);

/*
 * Writes one state that the profile allows into the empty directory `out`. With the same trail, profile, policy and
 * seed it is the same state. `classes` (may be NULL) gets bits of enum la_crash_class.
 */
int la_crash_write(const struct la_trail *trail, const struct la_crash_spec *spec, const char *out, uint32_t *classes,
                   struct la_error *error);

/*
 * True when the directory `real` is a state that the profile allows. Otherwise `why` says what is not: the first
 * thing wrong in the nearest state. `classes` (may be NULL) gets what the cut did.
 */
bool la_crash_allows(const struct la_trail *trail, enum la_fs profile, const char *real, uint32_t *classes,
                     struct la_error *why);

#endif
