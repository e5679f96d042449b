/*
 * A process beside a run that keeps an eye on the disk, whatever the run is waiting for: a log that a server writes
 * without end is cut off, and when the disk is nearly full the run is ended.
 */
#ifndef LASTACK_RUN_GUARD_H
#define LASTACK_RUN_GUARD_H

#include <sys/types.h>

#include "base/util.h"

/* What a run that the guard has ended died of. */
enum { LA_GUARD_SIGNAL = 10 /* SIGUSR1 */ };

/* Guards `dir` and the logs of the nodes below it, for the process that calls. Its pid; 0: it cannot be had. */
pid_t la_guard_start(const char *dir);

void la_guard_end(pid_t guard);

#endif
