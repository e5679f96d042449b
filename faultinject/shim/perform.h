/* Carrying out a decision: what a rule's action does to one operation. */
#ifndef FAULTINJECT_SHIM_PERFORM_H
#define FAULTINJECT_SHIM_PERFORM_H

#include "shared/engine.h"
#include "shim/call.h"

/* Carries out `decision` on a call that changes files, and enters it in the log. */
long fi_perform(struct fi_call *call, const struct fi_decision *decision, const struct fi_operation *operation);

/*
 * What any operation can suffer: kill, power cut, delay, hang, error. 0 to go on, or the negative errno to return. What
 * is done to data is left to the caller, who has it; and so is the log.
 */
long fi_perform_common(const struct fi_decision *decision);

#endif
