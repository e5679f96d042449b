#include "suite/remedies.h"

#include <cyaml/cyaml.h>

static const cyaml_schema_value_t setting = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED)};
static const cyaml_schema_field_t remedy_fields[] = {
    CYAML_FIELD_STRING_PTR("line", CYAML_FLAG_POINTER, struct la_remedy, line, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("where", CYAML_FLAG_POINTER, struct la_remedy, where, where_count, &setting, 0,
                               CYAML_UNLIMITED),
    CYAML_FIELD_END};
static const cyaml_schema_value_t remedy_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_remedy, remedy_fields)};
static const cyaml_schema_field_t top_fields[] = {CYAML_FIELD_SEQUENCE_COUNT("remedies", CYAML_FLAG_POINTER,
                                                                             struct la_remedies, items, count,
                                                                             &remedy_value, 0, CYAML_UNLIMITED),
                                                  CYAML_FIELD_END};
static const cyaml_schema_value_t top = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct la_remedies, top_fields)};
static const cyaml_config_t config = {.log_level = CYAML_LOG_ERROR, .mem_fn = cyaml_mem};

struct la_remedies *la_remedies_read(const char *path, struct la_error *error)
{
    struct la_remedies *remedies = NULL;
    cyaml_err_t failed = cyaml_load_file(path, &config, &top, (cyaml_data_t **)&remedies, NULL);
    if (failed == CYAML_OK)
        return remedies;
    la_fail(error, "%s: %s", path, cyaml_strerror(failed));
    return NULL;
}

void la_remedies_free(struct la_remedies *remedies)
{
    cyaml_free(&config, &top, remedies, 0);
}
