#include "report/claims.h"

#include <cyaml/cyaml.h>
#include <string.h>

#include "report/row.h"

#define FIELD(name) CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER, struct la_claim, name, 0, CYAML_UNLIMITED)

static const cyaml_schema_field_t claim_fields[] = {FIELD(id), FIELD(text), FIELD(source), CYAML_FIELD_END};
static const cyaml_schema_value_t claim_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_claim, claim_fields)};
static const cyaml_schema_field_t top_fields[] = {CYAML_FIELD_SEQUENCE_COUNT("claims", CYAML_FLAG_POINTER,
                                                                             struct la_claims, items, count,
                                                                             &claim_value, 0, CYAML_UNLIMITED),
                                                  CYAML_FIELD_END};
static const cyaml_schema_value_t top = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct la_claims, top_fields)};
static const cyaml_config_t config = {.log_level = CYAML_LOG_ERROR, .mem_fn = cyaml_mem};

struct la_claims *la_claims_read(const char *path, struct la_error *error)
{
    struct la_claims *claims = NULL;
    cyaml_err_t failed = cyaml_load_file(path, &config, &top, (cyaml_data_t **)&claims, NULL);
    if (failed == CYAML_OK)
        return claims;
    la_fail(error, "%s: %s", path, cyaml_strerror(failed));
    return NULL;
}

void la_claims_free(struct la_claims *claims)
{
    cyaml_free(&config, &top, claims, 0);
}

const struct la_claim *la_claims_find(const struct la_claims *claims, const char *id)
{
    for (unsigned int i = 0; claims && i < claims->count; i++)
        if (!strcmp(claims->items[i].id, id))
            return &claims->items[i];
    return NULL;
}

static json_t *entry_of(const struct la_claims *claims, json_t *all, const char *id)
{
    size_t i;
    json_t *entry;
    json_array_foreach (all, i, entry)
        if (!strcmp(la_said_of(entry).id, id))
            return entry;
    const struct la_claim *claim = la_claims_find(claims, id);
    entry = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[]}", "id", id, "text", claim ? claim->text : "", "source",
                      claim ? claim->source : "", "verdict", "holds", "measured", "", "bound", "", "conditions", "",
                      "scenarios");
    json_array_append_new(all, entry);
    return entry;
}

static void take(json_t *entry, const json_t *said, const char *scenario)
{
    json_t *scenarios = json_object_get(entry, "scenarios");
    int weight = la_verdict_weight(la_said_of(said).verdict);
    if (json_array_size(scenarios) == 0 || weight > la_verdict_weight(la_said_of(entry).verdict)) {
        static const char *const keys[] = {"verdict", "measured", "bound", "conditions"};
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            json_object_set(entry, keys[k], json_object_get(said, keys[k]));
    }
    json_array_append_new(scenarios, json_string(scenario));
}

json_t *la_claims_result(const struct la_claims *claims, const json_t *scenarios)
{
    json_t *all = json_array();
    size_t i;
    json_t *scenario;
    json_array_foreach (scenarios, i, scenario) {
        const struct la_row row = la_row_of(scenario);
        size_t c;
        json_t *said;
        json_array_foreach (row.claim_verdicts, c, said)
            take(entry_of(claims, all, la_said_of(said).id), said, row.name);
    }
    return all;
}
