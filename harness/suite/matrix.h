/* The ways of persisting side by side (fixtures/strategies.yaml): certify --matrix. */
#ifndef LASTACK_SUITE_MATRIX_H
#define LASTACK_SUITE_MATRIX_H

#include "suite/work.h"

/* Runs every strategy through the scenarios that look for the worst case: "matrix" of the result, the caller's. */
json_t *la_matrix(struct la_work *work);

#endif
