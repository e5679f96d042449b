#include "run/measures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

enum { TEXT_MAX = 64 << 10 };

const struct la_measure *la_measures_find(const struct la_measures *measures, const char *name)
{
    for (size_t i = 0; i < measures->count; i++)
        if (!strcmp(measures->items[i].name, name))
            return &measures->items[i];
    return NULL;
}

static struct la_measure *find_or_make(struct la_measures *measures, const char *name)
{
    struct la_measure *found = (struct la_measure *)la_measures_find(measures, name);
    if (found)
        return found;
    measures->items = la_realloc(measures->items, measures->count + 1, sizeof *measures->items);
    found = &measures->items[measures->count++];
    *found = (struct la_measure){.name = la_strdup(name)};
    return found;
}

void la_measures_add(struct la_measures *measures, const char *name, const char *unit, struct la_sample sample)
{
    struct la_measure *measure = find_or_make(measures, name);
    if (!measure->unit)
        measure->unit = la_strdup(unit ? unit : "");
    measure->samples = la_realloc(measure->samples, measure->count + 1, sizeof *measure->samples);
    measure->samples[measure->count++] = sample;
}

void la_measures_note(struct la_measures *measures, const char *name, const char *text)
{
    struct la_measure *measure = find_or_make(measures, name);
    free(measure->text);
    measure->text = la_format("%.*s", TEXT_MAX, text);
    measure->unread = false;
}

void la_measures_unread(struct la_measures *measures, const char *name)
{
    find_or_make(measures, name)->unread = true;
}

void la_measures_read(struct la_measures *measures, const char *name, const char *unit, const char *text,
                      struct la_sample sample, unsigned int divide)
{
    char *end = NULL;
    double value = strtod(text, &end);
    la_measures_note(measures, name, text);
    if (end == text || end[strspn(end, " \r\n")] || !isfinite(value))
        return;
    sample.value = divide ? value / divide : value;
    la_measures_add(measures, name, unit, sample);
}

bool la_is_figure_of(const char *own, const char *name, const char *const *endings, size_t count)
{
    size_t length = strlen(own);
    return !strncmp(name, own, length) && la_is_among(name + length, endings, count);
}

void la_measures_free(struct la_measures *measures)
{
    for (size_t i = 0; i < measures->count; i++) {
        free(measures->items[i].name);
        free(measures->items[i].unit);
        free(measures->items[i].text);
        free(measures->items[i].samples);
    }
    free(measures->items);
    *measures = (struct la_measures){0};
}
