/* Letting a call through to the kernel, written down where there is a journal. */
#ifndef FAULTINJECT_SHIM_PASS_H
#define FAULTINJECT_SHIM_PASS_H

#include "shim/call.h"

/* The call as it is. A sync is timed: what a server loses may be the disk's doing. */
long fi_pass(const struct fi_call *call);

/* A write of its first `bytes` bytes only. A gathered write goes out piece by piece up to there. */
long fi_pass_part(struct fi_call *call, uint64_t bytes);

#endif
