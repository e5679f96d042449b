#include "repeat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Probability of `hits` or fewer in `runs`, each with probability p. */
static double at_most(unsigned int hits, unsigned int runs, double p)
{
    double sum = 0;
    for (unsigned int i = 0; i <= hits; i++)
        sum += exp(lgamma(runs + 1.0) - lgamma(i + 1.0) - lgamma(runs - i + 1.0) + i * log(p) + (runs - i) * log1p(-p));
    return sum;
}

double la_repeat_upper_95(unsigned int hits, unsigned int runs)
{
    double low = 0;
    double high = 1;
    if (hits >= runs)
        return 1;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (at_most(hits, runs, middle) > 0.05)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static bool is(const json_t *run, const char *verdict)
{
    const char *text = json_string_value(json_object_get(run, "verdict"));
    return text && !strcmp(text, verdict);
}

static unsigned int count(const json_t *runs, const char *verdict)
{
    unsigned int number = 0;
    for (size_t i = 0; i < json_array_size(runs); i++)
        number += is(json_array_get(runs, i), verdict);
    return number;
}

static int ascending(const void *a, const void *b)
{
    const double *one = a;
    const double *other = b;
    return *one < *other ? -1 : *one > *other;
}

/* A figure of every run that has it, as median and maximum; null when none has. */
static json_t *spread(const json_t *runs, const char *part, const char *figure)
{
    size_t all = json_array_size(runs);
    double *values = la_alloc(all, sizeof *values);
    size_t found = 0;
    for (size_t i = 0; i < all; i++) {
        const json_t *value = json_object_get(json_object_get(json_array_get(runs, i), part), figure);
        if (json_is_number(value))
            values[found++] = json_number_value(value);
    }
    json_t *result = json_null();
    if (found) {
        qsort(values, found, sizeof *values, ascending);
        double median = (values[(found - 1) / 2] + values[found / 2]) / 2;
        result = json_pack("{s:f, s:f}", "median", median, "max", values[found - 1]);
    }
    free(values);
    return result;
}

static json_t *worst(const json_t *runs)
{
    static const char *const order[] = {"violated", "inconclusive"};
    for (size_t verdict = 0; verdict < sizeof order / sizeof *order; verdict++)
        for (size_t i = 0; i < json_array_size(runs); i++)
            if (is(json_array_get(runs, i), order[verdict]))
                return json_array_get(runs, i);
    return json_array_get(runs, 0);
}

json_t *la_repeat_merge(json_t *runs)
{
    unsigned int all = (unsigned int)json_array_size(runs);
    unsigned int violated = count(runs, "violated");
    unsigned int inconclusive = count(runs, "inconclusive");
    json_t *result = json_incref(worst(runs));
    if (all > 1) {
        json_t *repeats =
            json_pack("{s:i, s:i, s:i, s:f}", "runs", (int)all, "violated", (int)violated, "inconclusive",
                      (int)inconclusive, "violation_rate_upper_95", la_repeat_upper_95(violated, all - inconclusive));
        static const struct {
            const char *name, *part, *figure;
        } figures[] = {{"lost", "rpo", "lost"},
                       {"window_ms", "rpo", "window_ms"},
                       {"down_ms", "rto", "down_ms"},
                       {"ready_ms", "rto", "ready_ms"},
                       {"first_write_ms", "rto", "first_write_ms"}};
        for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
            json_object_set_new(repeats, figures[i].name, spread(runs, figures[i].part, figures[i].figure));
        json_object_set_new(result, "repeats", repeats);
    }
    json_decref(runs);
    return result;
}
