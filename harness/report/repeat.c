#include "report/repeat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "report/claims.h"

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

/* -1 where nothing was measured. */
static double figure(const json_t *run, const char *name)
{
    const json_t *value = json_object_get(json_object_get(run, "rpo"), name);
    return json_is_number(value) ? json_number_value(value) : -1;
}

static bool worse(const json_t *run, int weight, const json_t *other, int other_weight)
{
    if (weight != other_weight)
        return weight > other_weight;
    if (figure(run, "lost") != figure(other, "lost"))
        return figure(run, "lost") > figure(other, "lost");
    return figure(run, "window_ms") > figure(other, "window_ms");
}

/* How much the verdict of a run weighs, or that of a claim in it. */
static int weight(const json_t *judged)
{
    return la_claims_weight(json_string_value(json_object_get(judged, "verdict")));
}

int la_repeat_worst(const json_t *runs)
{
    int worst = -1;
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const json_t *run = json_array_get(runs, i);
        const json_t *so_far = worst < 0 ? NULL : json_array_get(runs, (size_t)worst);
        if (json_is_object(run) && (!so_far || worse(run, weight(run), so_far, weight(so_far))))
            worst = (int)i;
    }
    return worst;
}

/* Of each claim what its worst run says: one that the others keep may be broken in a run that is not the worst. */
static json_t *claim_verdicts(const json_t *runs)
{
    json_t *verdicts = json_array();
    const json_t *first = json_object_get(json_array_get(runs, 0), "claim_verdicts");
    for (size_t claim = 0; claim < json_array_size(first); claim++) {
        const json_t *worst = json_array_get(runs, 0);
        json_t *said = json_array_get(first, claim);
        for (size_t i = 1; i < json_array_size(runs); i++) {
            const json_t *run = json_array_get(runs, i);
            json_t *here = json_array_get(json_object_get(run, "claim_verdicts"), claim);
            if (!worse(run, weight(here), worst, weight(said)))
                continue;
            worst = run;
            said = here;
        }
        json_array_append(verdicts, said);
    }
    return verdicts;
}

json_t *la_repeat_merge(json_t *runs)
{
    unsigned int all = (unsigned int)json_array_size(runs);
    unsigned int violated = count(runs, "violated");
    unsigned int inconclusive = count(runs, "inconclusive");
    json_t *result = json_incref(json_array_get(runs, (size_t)la_repeat_worst(runs)));
    if (all > 1) {
        json_object_set_new(result, "claim_verdicts", claim_verdicts(runs));
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
