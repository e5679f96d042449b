#include "report/repeat.h"

#include <math.h>
#include <stdlib.h>

#include "base/util.h"
#include "report/answer.h"
#include "report/row.h"

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

/* A figure of every run that has it, as median, minimum and maximum; null when none has. */
static json_t *spread(const json_t *runs, enum la_figure figure)
{
    size_t all = json_array_size(runs);
    double *values = la_alloc(all, sizeof *values);
    size_t found = 0;
    for (size_t i = 0; i < all; i++) {
        double value = la_row_of(json_array_get(runs, i)).figures[figure];
        if (!isnan(value))
            values[found++] = value;
    }
    json_t *result = json_null();
    if (found) {
        qsort(values, found, sizeof *values, la_ascending);
        double median = (values[(found - 1) / 2] + values[found / 2]) / 2;
        result = json_pack("{s:f, s:f, s:f, s:I}", "median", median, "min", values[0], "max", values[found - 1], "n",
                           (json_int_t)found);
    }
    free(values);
    return result;
}

/* -1 where nothing was measured: less than any loss. */
static double figure(const struct la_row *run, enum la_figure figure)
{
    return isnan(run->figures[figure]) ? -1 : run->figures[figure];
}

static bool worse(const struct la_row *run, enum la_verdict verdict, const struct la_row *other,
                  enum la_verdict other_verdict)
{
    if (la_verdict_weight(verdict) != la_verdict_weight(other_verdict))
        return la_verdict_weight(verdict) > la_verdict_weight(other_verdict);
    if (figure(run, LA_FIGURE_LOST) != figure(other, LA_FIGURE_LOST))
        return figure(run, LA_FIGURE_LOST) > figure(other, LA_FIGURE_LOST);
    return figure(run, LA_FIGURE_WINDOW_MS) > figure(other, LA_FIGURE_WINDOW_MS);
}

int la_repeat_worst(const json_t *runs)
{
    int worst = -1;
    struct la_row so_far = {0};
    for (size_t i = 0; i < json_array_size(runs); i++) {
        if (!json_is_object(json_array_get(runs, i)))
            continue;
        const struct la_row run = la_row_of(json_array_get(runs, i));
        if (worst >= 0 && !worse(&run, run.verdict, &so_far, so_far.verdict))
            continue;
        worst = (int)i;
        so_far = run;
    }
    return worst;
}

/* How often a claim's quantity was measured in all runs together, and between what it lay. */
static void span(json_t *together, const json_t *runs, size_t claim)
{
    json_int_t n = 0;
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const json_t *here = json_array_get(la_row_of(json_array_get(runs, i)).claim_verdicts, claim);
        const json_t *interval = json_object_get(here, "interval");
        if (json_array_size(interval) != 2)
            continue;
        n += json_integer_value(json_object_get(here, "n"));
        low = fmin(low, json_number_value(json_array_get(interval, 0)));
        high = fmax(high, json_number_value(json_array_get(interval, 1)));
    }
    if (!n)
        return;
    json_object_set_new(together, "n", json_integer(n));
    json_object_set_new(together, "interval", json_pack("[f, f]", low, high));
}

/* Of each claim what its worst run says: one that the others keep may be broken in a run that is not the worst. */
static json_t *claim_verdicts(const json_t *runs)
{
    json_t *verdicts = json_array();
    const json_t *first = la_row_of(json_array_get(runs, 0)).claim_verdicts;
    for (size_t claim = 0; claim < json_array_size(first); claim++) {
        struct la_row worst = la_row_of(json_array_get(runs, 0));
        json_t *said = json_array_get(first, claim);
        for (size_t i = 1; i < json_array_size(runs); i++) {
            const struct la_row run = la_row_of(json_array_get(runs, i));
            json_t *here = json_array_get(run.claim_verdicts, claim);
            if (!worse(&run, la_said_of(here).verdict, &worst, la_said_of(said).verdict))
                continue;
            worst = run;
            said = here;
        }
        json_t *together = json_deep_copy(said);
        span(together, runs, claim);
        json_array_append_new(verdicts, together);
    }
    return verdicts;
}

/* Of each run, in the order of their seeds. */
static json_t *verdicts(const json_t *runs)
{
    json_t *array = json_array();
    for (size_t i = 0; i < json_array_size(runs); i++)
        json_array_append_new(array, json_string(la_verdict_name(la_row_of(json_array_get(runs, i)).verdict)));
    return array;
}

/* What is violated in any of them: who accepts what one run shows has not accepted what another does. */
static json_t *violated_kinds(const json_t *runs)
{
    json_t *kinds = json_array();
    size_t i;
    size_t n;
    json_t *run;
    json_t *kind;
    json_array_foreach (runs, i, run)
        json_array_foreach (json_object_get(run, "violated"), n, kind)
            if (!la_json_holds(kinds, kind))
                json_array_append(kinds, kind);
    return kinds;
}

json_t *la_repeat_merge(json_t *runs)
{
    unsigned int all = (unsigned int)json_array_size(runs);
    unsigned int violated = la_rows_count(runs, LA_VIOLATED);
    unsigned int inconclusive = la_rows_count(runs, LA_INCONCLUSIVE);
    json_t *result = json_incref(json_array_get(runs, (size_t)la_repeat_worst(runs)));
    if (all > 1) {
        json_object_set_new(result, "claim_verdicts", claim_verdicts(runs));
        json_object_set_new(result, "violated", violated_kinds(runs));
        json_object_set_new(result, "worst", la_answer_worst_of(runs));
        json_t *repeats =
            json_pack("{s:i, s:i, s:i, s:f}", "runs", (int)all, "violated", (int)violated, "inconclusive",
                      (int)inconclusive, "violation_rate_upper_95", la_repeat_upper_95(violated, all - inconclusive));
        static const struct {
            const char *name;
            enum la_figure figure;
        } spreads[] = {{"lost", LA_FIGURE_LOST},
                       {"window_ms", LA_FIGURE_WINDOW_MS},
                       {"down_ms", LA_FIGURE_DOWN_MS},
                       {"ready_ms", LA_FIGURE_READY_MS},
                       {"first_write_ms", LA_FIGURE_FIRST_WRITE_MS}};
        for (size_t i = 0; i < sizeof spreads / sizeof *spreads; i++)
            json_object_set_new(repeats, spreads[i].name, spread(runs, spreads[i].figure));
        json_object_set_new(repeats, "verdicts", verdicts(runs));
        json_object_set_new(result, "repeats", repeats);
    }
    json_decref(runs);
    return result;
}
