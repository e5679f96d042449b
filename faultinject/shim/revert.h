/*
 * What btrfs leaves of an fsync that fails: the content of the file is again what it was after its last fsync that
 * succeeded. The positions of its descriptors are not, so that a write without O_APPEND leaves a hole behind itself.
 * What was there comes from the journal; putting it back is written down like any other change.
 */
#ifndef FAULTINJECT_SHIM_REVERT_H
#define FAULTINJECT_SHIM_REVERT_H

#include "shim/call.h"

/*
 * Takes the content of an fsync's file back to its last fsync that succeeded. Needs the journal; what cannot be
 * followed back stays, and the journal says that it is not whole. Nobody else may write to the file meanwhile (hold.h).
 */
void fi_revert(const struct fi_call *call);

#endif
