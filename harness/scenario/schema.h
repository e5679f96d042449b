/* The schema of a scenario file, for libcyaml. */
#ifndef LASTACK_SCENARIO_SCHEMA_H
#define LASTACK_SCENARIO_SCHEMA_H

#include <cyaml/cyaml.h>

#include "scenario/scenario.h"

extern const cyaml_schema_value_t la_scenario_schema; /* of a struct la_scenario */

#endif
