/*
 * The way of one operation, which is the same wherever it comes from:
 *
 *   wrap_*.c (called by name) or trap.c (a trapped system call)
 *     -> gate.c -> call.c: is it about a file below the data directory?
 *               -> engine.c: does a rule fire?   -> perform.c: do it
 *                                                -> pass.c: let it through, and write it down
 */
#ifndef FAULTINJECT_SHIM_GATE_H
#define FAULTINJECT_SHIM_GATE_H

#include "shared/engine.h"

/* Performs system call `number` for the program, with whatever the rules say. */
long fi_gate_call(long number, const long args[6]);

/* The decision for an operation that has no data: 0 to go on, or the negative errno to return. Counts it. */
long fi_gate(const struct fi_operation *operation);

#endif
