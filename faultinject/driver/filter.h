/* Builds the system-call filter of a control block; the library only installs it. */
#ifndef FAULTINJECT_DRIVER_FILTER_H
#define FAULTINJECT_DRIVER_FILTER_H

#include "shared/control_block.h"

/*
 * Fills control->filter: every system call of shared/syscalls.h traps unless the upper
 * half of its sixth argument is control->head.secret. Returns 0, or -1 when libseccomp fails.
 */
int fi_filter_build(struct fi_control *control);

/* Puts a libseccomp context (scmp_filter_ctx) behind the `first` instructions of control->filter. 0, or -1. */
int fi_filter_export(void *context, uint32_t first, struct fi_control *control);

#endif
