/* A YAML file that is one list, of entries that all have one shape: the catalogues in fixtures/, and alert rules. */
#ifndef LASTACK_SCENARIO_YAML_LIST_H
#define LASTACK_SCENARIO_YAML_LIST_H

#include <cyaml/cyaml.h>

#include "base/util.h"

/* `items`: an array of what `entry` describes, to be freed by la_yaml_list_free. */
struct la_yaml_list {
    void *items;
    unsigned int count;
};

/* What is not as `entry` says is an error with file and line: -1. At least one entry. */
int la_yaml_list_read(const char *path, const cyaml_schema_value_t *entry, struct la_yaml_list *list,
                      struct la_error *error);
void la_yaml_list_free(const cyaml_schema_value_t *entry, struct la_yaml_list *list);

#endif
