/*
 * The user's own systemd unit: does this deployment lose everything when a primary that forgot is started again at once
 * (the trap)? The real systemd runs the unit in a world of its own, a replica follows, the primary is killed.
 */
#ifndef LASTACK_SUITE_UNIT_H
#define LASTACK_SUITE_UNIT_H

#include "suite/work.h"

/* "unit" of the result, the caller's. */
json_t *la_unit_try(struct la_work *work);

#endif
