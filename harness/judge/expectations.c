#include "judge/expectations.h"

#include <stddef.h>

#include "playbook/incident.h"
#include "run/steps.h"

const cyaml_schema_field_t la_count_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct la_count, node),
                                                LA_BOUND("min", struct la_count, min),
                                                LA_BOUND("max", struct la_count, max), LA_END};

static const struct la_expect_kind *const expectations[] = {
    &la_expect_lost,     &la_expect_window,     &la_expect_start, &la_expect_replies, &la_expect_keys,
    &la_expect_restarts, &la_expect_full_syncs, &la_expect_log,   &la_expect_exit,    &la_expect_files,
    &la_expect_figure,   &la_expect_line,       &la_expect_says,  &la_expect_honest,  NULL,
};

static bool knows_incident(const char *name)
{
    return la_incident_find(name);
}

const struct la_kinds la_kinds = {la_step_kinds, expectations, knows_incident};
