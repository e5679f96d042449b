/*
 * Where things stand in a YAML file, for errors that a person can follow. libcyaml
 * says neither the file nor which keys it would have taken; libyaml's tree has the lines.
 */
#ifndef LASTACK_SCENARIO_YAML_LINES_H
#define LASTACK_SCENARIO_YAML_LINES_H

#include "scenario/schema.h"

/* Checks the file against the schema for unknown and missing keys. Returns 0, or -1 with "file:line: ..." in `error`.
 */
int la_yaml_check_keys(const char *path, const cyaml_schema_value_t *schema, struct la_error *error);

/* The line of an entry of a file that is one list; 1 when it has no such entry. */
int la_yaml_item_line(const char *path, int index);

/* The line of item `index` of the top-level sequence `key`; of the key itself when index is negative; 1 when absent. */
int la_yaml_line(const char *path, const char *key, int index);

#endif
