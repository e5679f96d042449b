#include "report/claims.h"

#include <stdlib.h>
#include <string.h>

#include "report/row.h"
#include "scenario/fields.h"
#include "scenario/yaml_list.h"

#define FIELD(name) CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER, struct la_claim, name, 0, CYAML_UNLIMITED)

static const cyaml_schema_field_t claim_fields[] = {FIELD(id),
                                                    FIELD(text),
                                                    FIELD(source),
                                                    CYAML_FIELD_STRING_PTR("needs",
                                                                           CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                                                                           struct la_claim, needs, 0, CYAML_UNLIMITED),
                                                    LA_FLAG("from_document", struct la_claim, from_document),
                                                    CYAML_FIELD_END};
static const cyaml_schema_value_t claim_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct la_claim, claim_fields)};

struct la_claims *la_claims_read(const char *path, struct la_error *error)
{
    struct la_yaml_list list;
    if (la_yaml_list_read(path, &claim_value, &list, error))
        return NULL;
    struct la_claims *claims = la_alloc(1, sizeof *claims);
    *claims = (struct la_claims){list.items, list.count};
    return claims;
}

void la_claims_free(struct la_claims *claims)
{
    if (!claims)
        return;
    la_yaml_list_free(&claim_value, &(struct la_yaml_list){claims->items, claims->count});
    free(claims);
}

const struct la_claim *la_claims_find(const struct la_claims *claims, const char *id)
{
    for (unsigned int i = 0; claims && i < claims->count; i++)
        if (!strcmp(claims->items[i].id, id))
            return &claims->items[i];
    return NULL;
}

/* What a verdict rests on, and where that is none, why. NULL stands for what is not known. */
json_t *la_claim_said(const struct la_claim_ref *claim, const struct la_claim_judgement *judgement)
{
    const struct la_measured *measured = &judgement->measured;
    char *words = judgement->why ? la_strdup(judgement->why) : la_measured_text(measured);
    bool is_number = *measured->quantity && !isnan(measured->value);
    json_t *value = is_number ? json_real(measured->value) : json_null();
    json_t *interval = is_number ? json_pack("[f, f]", measured->low, measured->high) : json_null();
    json_t *said = json_pack("{s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:i, s:o, s:o, s:o}", "id", la_json_text(claim->id),
                             "verdict", la_verdict_name(judgement->verdict), "measured", la_json_text(words),
                             "quantity", la_json_text(measured->quantity), "unit", measured->unit, "value", value,
                             "interval", interval, "n", (int)measured->n, "bound", la_json_text(measured->bound),
                             "document_says", la_json_text(claim->says), "conditions", la_json_text(claim->when));
    free(words);
    return said;
}

static json_t *entry_of(const struct la_claims *claims, json_t *all, const char *id)
{
    size_t i;
    json_t *entry;
    json_array_foreach (all, i, entry)
        if (!strcmp(la_json_get(entry, "id"), id))
            return entry;
    const struct la_claim *claim = la_claims_find(claims, id);
    entry = json_pack("{s:s, s:s, s:s, s:[], s:[]}", "id", id, "text", claim ? claim->text : "", "source",
                      claim ? claim->source : "", "scenarios", "sides");
    json_array_append_new(all, entry);
    return entry;
}

/* What one scenario says is one side of the matter. */
static void take(json_t *entry, const json_t *said, const char *scenario)
{
    json_t *side = json_deep_copy(said);
    json_object_del(side, "id");
    json_object_set_new(side, "scenario", json_string(scenario));
    json_array_append_new(json_object_get(entry, "sides"), side);
    json_array_append_new(json_object_get(entry, "scenarios"), json_string(scenario));
}

/* What there is among the sides. */
struct sides {
    bool holds;
    bool violated;
    bool open;    /* one says nothing */
    bool unnamed; /* one is violated, and has no condition that another may not have */
};

static struct sides look_at_sides(const json_t *list)
{
    struct sides sides = {0};
    size_t i;
    json_t *side;
    json_array_foreach (list, i, side) {
        enum la_verdict verdict = la_said_of(side).verdict;
        sides.holds = sides.holds || verdict == LA_HOLDS;
        sides.violated = sides.violated || verdict == LA_VIOLATED;
        sides.open = sides.open || verdict == LA_INCONCLUSIVE;
        sides.unnamed = sides.unnamed || (verdict == LA_VIOLATED && !*la_json_get(side, "conditions"));
    }
    return sides;
}

/* "holds in A (condition): measured; violated in B ...", of each side; to be freed. */
static char *all_sides(const json_t *sides)
{
    char *text = la_strdup("");
    size_t i;
    json_t *side;
    json_array_foreach (sides, i, side) {
        const char *condition = la_json_get(side, "conditions");
        char *longer = la_format("%s%s%s%s%s: %s", text, *text ? "; " : "", la_json_get(side, "verdict"),
                                 *condition ? " when " : "", condition, la_json_get(side, "measured"));
        free(text);
        text = longer;
    }
    return text;
}

/* The worst side is what the claim's own fields are of: violated, inconclusive, holds. */
static void conclude(json_t *entry)
{
    const json_t *sides = json_object_get(entry, "sides");
    const json_t *worst = NULL;
    size_t i;
    json_t *side;
    const struct sides all = look_at_sides(sides);
    json_array_foreach (sides, i, side) {
        bool out =
            all.open && !all.unnamed && la_said_of(side).verdict == LA_VIOLATED; /* it says nothing of the whole */
        if (!out &&
            (!worst || la_verdict_weight(la_said_of(side).verdict) > la_verdict_weight(la_said_of(worst).verdict)))
            worst = side;
    }
    static const char *const keys[] = {"verdict",  "measured", "quantity",      "unit",  "value",
                                       "interval", "n",        "document_says", "bound", "conditions"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        json_object_set(entry, keys[k], json_object_get(worst, keys[k]));
    if (!all.holds || !all.violated || all.open || all.unnamed)
        return; /* else it is seen to hold, and where it does not, the condition has a name */
    char *text = all_sides(sides);
    json_object_set_new(entry, "verdict", json_string(la_verdict_name(LA_QUALIFIED)));
    json_object_set_new(entry, "measured", json_string(text));
    free(text);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(la_json_get(*(json_t *const *)a, "id"), la_json_get(*(json_t *const *)b, "id"));
}

/* In the order of their ids; takes the reference. */
static json_t *sorted(json_t *all)
{
    size_t count = json_array_size(all);
    json_t **items = la_alloc(count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = json_incref(json_array_get(all, i));
    qsort(items, count, sizeof *items, by_id);
    json_array_clear(all);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, items[i]);
    free(items);
    return all;
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
    json_t *entry;
    json_array_foreach (all, i, entry)
        conclude(entry);
    return sorted(all);
}

void la_claims_untestable(const struct la_claims *claims, json_t *result)
{
    for (unsigned int i = 0; claims && i < claims->count; i++) {
        const struct la_claim *claim = &claims->items[i];
        const char *needs = claim->needs           ? claim->needs
                            : claim->from_document ? "document not given: --deep --document DIR"
                                                   : NULL;
        if (!needs)
            continue;
        json_t *entry = entry_of(claims, result, claim->id);
        if (!claim->needs && json_array_size(json_object_get(entry, "sides")))
            continue;
        if (json_array_size(json_object_get(entry, "sides"))) { /* what can be measured is, and the rest is named */
            char *both = la_format("%s; here: %s", needs, la_json_get(entry, "measured"));
            json_object_set_new(entry, "verdict", json_string(la_verdict_name(LA_UNTESTABLE)));
            json_object_set_new(entry, "measured", la_json_text(both));
            free(both);
            continue;
        }
        json_object_update_new(entry, json_pack("{s:s, s:s, s:s, s:n, s:n, s:i, s:s, s:s, s:s, s:o}", "verdict",
                                                la_verdict_name(LA_UNTESTABLE), "quantity", "", "unit", "", "value",
                                                "interval", "n", 0, "bound", "", "document_says", "", "conditions", "",
                                                "measured", la_json_text(needs)));
    }
    sorted(result);
}
