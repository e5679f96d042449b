#include "judge/alerts.h"

#include <stdlib.h>
#include <string.h>

#include "scenario/fields.h"
#include "scenario/yaml_lines.h"
#include "scenario/yaml_list.h"

static const cyaml_strval_t comparisons[] = {{"==", LA_EQUAL}, {"!=", LA_UNEQUAL}, {"<", LA_BELOW},
                                             {">", LA_ABOVE},  {"<=", LA_AT_MOST}, {">=", LA_AT_LEAST}};
static const cyaml_schema_field_t alert_fields[] = {
    LA_TEXT("field", LA_REQUIRED, struct la_alert, field),
    LA_CHOICE("comparison", CYAML_FLAG_DEFAULT, struct la_alert, comparison, comparisons),
    LA_TEXT("value", LA_REQUIRED, struct la_alert, value), LA_TEXT("for", LA_OPTIONAL, struct la_alert, hold), LA_END};
static const cyaml_schema_value_t alert_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_alert, alert_fields)};

static bool is_number(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end;
}

static bool is_order(enum la_comparison comparison)
{
    return comparison != LA_EQUAL && comparison != LA_UNEQUAL;
}

static int check(const char *path, unsigned int index, struct la_alert *alert, struct la_error *error)
{
    double number;
    if (!*alert->field || strpbrk(alert->field, " \t:"))
        return la_fail(error, "%s:%d: field '%.40s' is no name of a field of INFO", path,
                       la_yaml_item_line(path, (int)index), alert->field);
    if (is_order(alert->comparison) && !is_number(alert->value, &number))
        return la_fail(error, "%s:%d: '%s' compares numbers, and value '%.40s' is none", path,
                       la_yaml_item_line(path, (int)index), comparisons[alert->comparison].str, alert->value);
    if (alert->hold && la_duration_ms(alert->hold, &alert->hold_ms))
        return la_fail(error, "%s:%d: for: '%.40s' is no duration " LA_DURATIONS, path,
                       la_yaml_item_line(path, (int)index), alert->hold);
    return 0;
}

int la_alerts_read(const char *path, struct la_alerts *alerts, struct la_error *error)
{
    struct la_yaml_list list;
    *alerts = (struct la_alerts){0};
    if (la_yaml_list_read(path, &alert_value, &list, error))
        return -1;
    *alerts = (struct la_alerts){list.items, list.count, false};
    for (unsigned int i = 0; i < alerts->count; i++)
        if (check(path, i, &alerts->items[i], error)) {
            la_alerts_free(alerts);
            return -1;
        }
    return 0;
}

void la_alerts_free(struct la_alerts *alerts)
{
    la_yaml_list_free(&alert_value, &(struct la_yaml_list){alerts->items, alerts->count});
    *alerts = (struct la_alerts){0};
}

bool la_alert_fits(const struct la_alert *alert, const char *value)
{
    double number;
    return !is_order(alert->comparison) || is_number(value, &number);
}

bool la_alert_met(const struct la_alert *alert, const char *value)
{
    double bound;
    double number;
    bool numbers = is_number(alert->value, &bound) && is_number(value, &number);
    if (!numbers)
        return alert->comparison == (strcmp(value, alert->value) ? LA_UNEQUAL : LA_EQUAL);
    switch (alert->comparison) {
    case LA_EQUAL: return number == bound;
    case LA_UNEQUAL: return number != bound;
    case LA_BELOW: return number < bound;
    case LA_ABOVE: return number > bound;
    case LA_AT_MOST: return number <= bound;
    case LA_AT_LEAST: return number >= bound;
    }
    return false;
}

char *la_alert_words(const struct la_alert *alert)
{
    return la_format("%s %s %s%s%s", alert->field, comparisons[alert->comparison].str, alert->value,
                     alert->hold ? " for " : "", alert->hold ? alert->hold : "");
}
