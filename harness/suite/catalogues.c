#include "suite/catalogues.h"

#include <string.h>

#include "scenario/fields.h"
#include "scenario/yaml_list.h"

static const cyaml_schema_value_t line = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t remedy_fields[] = {
    LA_TEXT("line", LA_REQUIRED, struct la_remedy, line),
    LA_LIST("where", CYAML_FLAG_POINTER, struct la_remedy, where, where_count, &line, CYAML_UNLIMITED), LA_END};
static const cyaml_schema_value_t remedy = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_remedy, remedy_fields)};

static const cyaml_schema_field_t strategy_fields[] = {
    LA_TEXT("name", LA_REQUIRED, struct la_strategy, name), LA_FLAG("replica", struct la_strategy, replica),
    LA_LIST("lines", CYAML_FLAG_POINTER, struct la_strategy, lines, line_count, &line, CYAML_UNLIMITED), LA_END};
static const cyaml_schema_value_t strategy = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_strategy, strategy_fields)};

static const cyaml_schema_field_t duration_fields[] = {LA_TEXT("name", LA_REQUIRED, struct la_duration, name),
                                                       LA_NEEDED("seconds", struct la_duration, seconds), LA_END};
static const cyaml_schema_value_t duration = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_duration, duration_fields)};

int la_remedies_read(const char *path, struct la_remedies *remedies, struct la_error *error)
{
    struct la_yaml_list list;
    int failed = la_yaml_list_read(path, &remedy, &list, error);
    *remedies = (struct la_remedies){list.items, list.count};
    return failed;
}

void la_remedies_free(struct la_remedies *remedies)
{
    la_yaml_list_free(&remedy, &(struct la_yaml_list){remedies->items, remedies->count});
}

int la_strategies_read(const char *path, struct la_strategies *strategies, struct la_error *error)
{
    struct la_yaml_list list;
    int failed = la_yaml_list_read(path, &strategy, &list, error);
    *strategies = (struct la_strategies){list.items, list.count};
    return failed;
}

void la_strategies_free(struct la_strategies *strategies)
{
    la_yaml_list_free(&strategy, &(struct la_yaml_list){strategies->items, strategies->count});
}

int la_durations_read(const char *path, struct la_durations *durations, struct la_error *error)
{
    struct la_yaml_list list;
    int failed = la_yaml_list_read(path, &duration, &list, error);
    *durations = (struct la_durations){list.items, list.count};
    return failed;
}

void la_durations_free(struct la_durations *durations)
{
    la_yaml_list_free(&duration, &(struct la_yaml_list){durations->items, durations->count});
}

const struct la_duration *la_durations_find(const struct la_durations *durations, const char *name)
{
    for (unsigned int i = 0; i < durations->count; i++)
        if (!strcmp(durations->items[i].name, name))
            return &durations->items[i];
    return NULL;
}
