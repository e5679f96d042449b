#include "report/row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

static const struct {
    const char *part;
    const char *name;
} figures[LA_FIGURES] = {
    [LA_FIGURE_ACKED] = {"rpo", "acked"},         [LA_FIGURE_LOST] = {"rpo", "lost"},
    [LA_FIGURE_WINDOW_MS] = {"rpo", "window_ms"}, [LA_FIGURE_DOWN_MS] = {"rto", "down_ms"},
    [LA_FIGURE_READY_MS] = {"rto", "ready_ms"},   [LA_FIGURE_FIRST_WRITE_MS] = {"rto", "first_write_ms"},
};

enum la_verdict la_verdict_of(const char *word)
{
    for (int i = LA_HOLDS; i <= LA_UNTESTABLE; i++)
        if (!strcmp(word, la_verdict_name((enum la_verdict)i)))
            return (enum la_verdict)i;
    return LA_INCONCLUSIVE;
}

json_t *la_json_text(const char *value)
{
    json_t *string = json_string(value ? value : "");
    if (string)
        return string;
    char *printable = la_strdup(value); /* a file's name may have any byte */
    la_printable(printable);
    string = json_string(printable);
    free(printable);
    return string;
}

json_t *la_json_owned(char *value)
{
    json_t *text = la_json_text(value);
    free(value);
    return text;
}

json_t *la_json_texts(const struct la_strings *list)
{
    json_t *array = json_array();
    for (size_t i = 0; list && i < list->count; i++)
        json_array_append_new(array, la_json_text(list->items[i]));
    return array;
}

bool la_json_holds(const json_t *array, const json_t *item)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (json_equal(json_array_get(array, i), item))
            return true;
    return false;
}

const char *la_json_get(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

double la_json_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

int la_json_whole(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

json_t *la_json_real(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

struct la_row la_row_of(const json_t *entry)
{
    struct la_row row = {.name = "", .reproduce = ""};
    const char *verdict = "";
    /* ours has all of them; of a file from elsewhere, what is not there is empty */
    (void)json_unpack((json_t *)entry, "{s?s, s?s, s?s, s?F, s?o, s?o, s?o, s?o, s?o}", "name", &row.name, "verdict",
                      &verdict, "reproduce", &row.reproduce, "seconds", &row.seconds, "reasons", &row.reasons,
                      "overrides", &row.overrides, "repairs", &row.repairs, "claim_verdicts", &row.claim_verdicts,
                      "repeats", &row.repeats);
    row.repeats = json_is_object(row.repeats) ? row.repeats : NULL;
    row.verdict = la_verdict_of(verdict);
    for (int i = 0; i < LA_FIGURES; i++) {
        row.figures[i] = la_json_number(json_object_get(entry, figures[i].part), figures[i].name);
    }
    return row;
}

struct la_said la_said_of(const json_t *claim_verdict)
{
    struct la_said said = {.id = ""};
    const char *verdict = "";
    (void)json_unpack((json_t *)claim_verdict, "{s?s, s?s}", "id", &said.id, "verdict", &verdict);
    said.verdict = la_verdict_of(verdict);
    return said;
}

unsigned int la_rows_count(const json_t *entries, enum la_verdict verdict)
{
    unsigned int count = 0;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        count += json_is_object(entry) && la_row_of(entry).verdict == verdict;
    }
    return count;
}

int la_verdict_weight(enum la_verdict verdict)
{
    static const int weights[] = {
        [LA_HOLDS] = 0, [LA_QUALIFIED] = 1, [LA_INCONCLUSIVE] = 2, [LA_VIOLATED] = 3, [LA_UNTESTABLE] = 0};
    return weights[verdict];
}
