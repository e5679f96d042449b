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

/* A run. */
struct ended {
    json_int_t seed;
    enum la_verdict verdict;
};

/* All runs, in the order of their seeds: an entry is one, or several that were put together before. */
struct all_ended {
    struct ended *items;
    unsigned int count;
};

static void add_ended(struct all_ended *all, const json_t *seed, enum la_verdict verdict)
{
    all->items = la_realloc(all->items, all->count + 1U, sizeof *all->items);
    all->items[all->count++] = (struct ended){json_integer_value(seed), verdict};
}

static int by_seed(const void *one, const void *other)
{
    const struct ended *a = one;
    const struct ended *b = other;
    return a->seed < b->seed ? -1 : a->seed > b->seed;
}

static struct all_ended unfold(const json_t *runs)
{
    struct all_ended all = {0};
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const json_t *entry = json_array_get(runs, i);
        const struct la_row row = la_row_of(entry);
        const json_t *verdicts = json_object_get(row.repeats, "verdicts");
        const json_t *seeds = json_object_get(row.repeats, "seeds");
        if (!row.repeats)
            add_ended(&all, json_object_get(entry, "seed"), row.verdict);
        for (size_t n = 0; n < json_array_size(verdicts); n++) {
            const char *word = json_string_value(json_array_get(verdicts, n));
            add_ended(&all, json_array_get(seeds, n), la_verdict_of(word ? word : ""));
        }
    }
    if (all.count)
        qsort(all.items, all.count, sizeof *all.items, by_seed);
    return all;
}

static unsigned int count(const struct all_ended *all, enum la_verdict verdict)
{
    unsigned int found = 0;
    for (unsigned int i = 0; i < all->count; i++)
        found += all->items[i].verdict == verdict;
    return found;
}

struct spread {
    const char *name;
    enum la_figure figure;
};

/* A figure of every run that has it, ascending. */
static double *gather(const json_t *runs, const struct spread *of, size_t *found)
{
    double *values = NULL;
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const struct la_row row = la_row_of(json_array_get(runs, i));
        const json_t *before = json_object_get(json_object_get(row.repeats, of->name), "values");
        const double own = row.figures[of->figure];
        const size_t more = row.repeats ? json_array_size(before) : !isnan(own);
        values = la_realloc(values, *found + more + 1, sizeof *values);
        for (size_t n = 0; n < more; n++)
            values[(*found)++] = row.repeats ? json_number_value(json_array_get(before, n)) : own;
    }
    if (*found)
        qsort(values, *found, sizeof *values, la_ascending);
    return values;
}

/* A figure of all runs together; null when none has it. */
static json_t *spread(const json_t *runs, const struct spread *of)
{
    size_t found = 0;
    double *values = gather(runs, of, &found);
    json_t *result = json_null();
    if (found) {
        json_t *list = json_array();
        for (size_t i = 0; i < found; i++)
            json_array_append_new(list, json_real(values[i]));
        double median = (values[(found - 1) / 2] + values[found / 2]) / 2;
        result = json_pack("{s:f, s:f, s:f, s:I, s:o}", "median", median, "min", values[0], "max", values[found - 1],
                           "n", (json_int_t)found, "values", list);
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
        if (json_array_size(interval) != 2 || la_said_of(here).verdict == LA_INCONCLUSIVE)
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
    size_t claims = 0; /* a damaged entry may lack some */
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const size_t here = json_array_size(la_row_of(json_array_get(runs, i)).claim_verdicts);
        claims = here > claims ? here : claims;
    }
    for (size_t claim = 0; claim < claims; claim++) {
        struct la_row worst = {0};
        json_t *said = NULL;
        for (size_t i = 0; i < json_array_size(runs); i++) {
            const struct la_row run = la_row_of(json_array_get(runs, i));
            json_t *here = json_array_get(run.claim_verdicts, claim);
            if (!here || (said && !worse(&run, la_said_of(here).verdict, &worst, la_said_of(said).verdict)))
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

static json_t *repeats_of(const json_t *runs)
{
    static const struct spread spreads[] = {{"lost", LA_FIGURE_LOST},
                                            {"window_ms", LA_FIGURE_WINDOW_MS},
                                            {"down_ms", LA_FIGURE_DOWN_MS},
                                            {"ready_ms", LA_FIGURE_READY_MS},
                                            {"first_write_ms", LA_FIGURE_FIRST_WRITE_MS}};
    struct all_ended all = unfold(runs);
    const unsigned int violated = count(&all, LA_VIOLATED);
    const unsigned int inconclusive = count(&all, LA_INCONCLUSIVE);
    json_t *seeds = json_array();
    json_t *verdicts = json_array();
    for (unsigned int i = 0; i < all.count; i++) {
        json_array_append_new(seeds, json_integer(all.items[i].seed));
        json_array_append_new(verdicts, json_string(la_verdict_name(all.items[i].verdict)));
    }
    json_t *repeats =
        json_pack("{s:i, s:i, s:i, s:f, s:o, s:o}", "runs", (int)all.count, "violated", (int)violated, "inconclusive",
                  (int)inconclusive, "violation_rate_upper_95", la_repeat_upper_95(violated, all.count - inconclusive),
                  "seeds", seeds, "verdicts", verdicts);
    for (size_t i = 0; i < sizeof spreads / sizeof *spreads; i++)
        json_object_set_new(repeats, spreads[i].name, spread(runs, &spreads[i]));
    free(all.items);
    return repeats;
}

json_t *la_repeat_merge(json_t *runs)
{
    json_t *result = json_incref(json_array_get(runs, (size_t)la_repeat_worst(runs)));
    if (json_array_size(runs) > 1) {
        json_t *repeats = repeats_of(runs); /* the worst of them may have some of its own */
        json_object_set_new(result, "claim_verdicts", claim_verdicts(runs));
        json_object_set_new(result, "violated", violated_kinds(runs));
        json_object_set_new(result, "worst", la_answer_worst_of(runs));
        json_object_set_new(result, "repeats", repeats);
    }
    json_decref(runs);
    return result;
}
