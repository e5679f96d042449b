/* A full disk: one budget of bytes for the whole data directory, shared by every process. */
#ifndef FAULTINJECT_SHIM_DISK_FULL_H
#define FAULTINJECT_SHIM_DISK_FULL_H

#include "shim/call.h"

/* Lets `call` through, within the budget where there is one. What finds no room is cut off or -ENOSPC, and logged. */
long fi_disk_call(struct fi_call *call);

#endif
