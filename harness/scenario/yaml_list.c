#include "scenario/yaml_list.h"

#include "scenario/yaml_lines.h"

static const cyaml_config_t config = {.log_level = CYAML_LOG_ERROR, .mem_fn = cyaml_mem};

static cyaml_schema_value_t list_of(const cyaml_schema_value_t *entry)
{
    return (cyaml_schema_value_t){.type = CYAML_SEQUENCE,
                                  .flags = CYAML_FLAG_POINTER,
                                  .data_size = entry->data_size,
                                  .sequence = {.entry = entry, .min = 1, .max = CYAML_UNLIMITED}};
}

int la_yaml_list_read(const char *path, const cyaml_schema_value_t *entry, struct la_yaml_list *list,
                      struct la_error *error)
{
    const cyaml_schema_value_t schema = list_of(entry);
    *list = (struct la_yaml_list){0};
    if (la_yaml_check_keys(path, &schema, error))
        return -1;
    cyaml_err_t failed = cyaml_load_file(path, &config, &schema, &list->items, &list->count);
    return failed == CYAML_OK ? 0 : la_fail(error, "%s: %s", path, cyaml_strerror(failed));
}

void la_yaml_list_free(const cyaml_schema_value_t *entry, struct la_yaml_list *list)
{
    const cyaml_schema_value_t schema = list_of(entry);
    cyaml_free(&config, &schema, list->items, list->count);
    *list = (struct la_yaml_list){0};
}
