/* The scenario format as libcyaml wants it told: one row a key. */
#ifndef LASTACK_SCENARIO_SCHEMA_H
#define LASTACK_SCENARIO_SCHEMA_H

#include "scenario/kinds.h"
#include "scenario/scenario.h"

/* Refers to itself: it stays where la_schema_build was told to make it. */
struct la_schema {
    cyaml_schema_value_t scenario; /* of a pointer to a struct la_scenario */
    cyaml_schema_value_t step;
    cyaml_schema_value_t expect;
    cyaml_schema_value_t claim;
    cyaml_schema_field_t steps[LA_VOCABULARY_MAX + 1];
    cyaml_schema_field_t expects[LA_VOCABULARY_MAX + 1];
    cyaml_schema_field_t claims[5];
    cyaml_schema_field_t power[4];
    cyaml_strval_t filesystems[LA_FS_COUNT];
    cyaml_strval_t policies[LA_POLICY_COUNT];
    cyaml_schema_field_t scenarios[21];
};

void la_schema_build(struct la_schema *schema, const struct la_kinds *kinds);

#endif
