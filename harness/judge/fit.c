#include "judge/fit.h"

#include <math.h>
#include <stdlib.h>

#include "base/util.h"

/*
 * How many samples lie outside at each end of the interval that has the median with 95 % confidence, by the sign test:
 * as many as still leave less than 2.5 % of the binomial distribution there. Fewer than six never do.
 */
static size_t outside_of(size_t count)
{
    double below = 0;
    size_t outside = 0;
    for (;;) {
        double n = (double)count;
        double k = (double)outside;
        below += exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * M_LN2);
        if (below > 0.025)
            return outside ? outside - 1 : 0;
        outside++;
    }
}

static struct la_middle middle_of(double *values, size_t count)
{
    struct la_middle middle = {.count = count};
    if (!count)
        return middle;
    size_t outside = outside_of(count);
    qsort(values, count, sizeof *values, la_ascending);
    middle.median = (values[(count - 1) / 2] + values[count / 2]) / 2;
    middle.low = values[outside];
    middle.high = values[count - 1 - outside];
    return middle;
}

struct la_middle la_middle_of(const struct la_measure *measure)
{
    double *values = la_alloc(measure->count + 1, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; i < measure->count; i++)
        if (!measure->samples[i].apart)
            values[count++] = measure->samples[i].value;
    struct la_middle middle = middle_of(values, count);
    free(values);
    return middle;
}

static double quotient(double one, double other)
{
    return one / other;
}

static double difference(double one, double other)
{
    return one - other;
}

/* Of two with as many samples. */
static struct la_middle middle_of_pairs(const struct la_measure *one, const struct la_measure *other,
                                        double (*of)(double one, double other))
{
    double *values = la_alloc(one->count + 1, sizeof *values);
    for (size_t i = 0; i < one->count; i++)
        values[i] = of(one->samples[i].value, other->samples[i].value);
    struct la_middle middle = middle_of(values, one->count);
    free(values);
    return middle;
}

static size_t least(size_t one, size_t other)
{
    return one < other ? one : other;
}

struct la_middle la_middle_of_ratio(const struct la_measure *one, const struct la_measure *other)
{
    struct la_middle top = la_middle_of(one);
    struct la_middle below = la_middle_of(other);
    if (!top.count || !below.count || below.low <= 0)
        return (struct la_middle){0};
    if (one->count == other->count)
        return middle_of_pairs(one, other, quotient);
    return (struct la_middle){top.median / below.median, top.low / below.high, top.high / below.low,
                              least(top.count, below.count)};
}

struct la_middle la_middle_of_difference(const struct la_measure *one, const struct la_measure *other)
{
    struct la_middle from = la_middle_of(one);
    struct la_middle less = la_middle_of(other);
    if (!from.count || !less.count)
        return (struct la_middle){0};
    if (one->count == other->count)
        return middle_of_pairs(one, other, difference);
    return (struct la_middle){from.median - less.median, from.low - less.high, from.high - less.low,
                              least(from.count, less.count)};
}

/* How many sizes there are among the samples that count. */
static size_t sizes_of(const struct la_measure *measure)
{
    size_t sizes = 0;
    for (size_t i = 0; i < measure->count; i++) {
        bool known = measure->samples[i].apart;
        for (size_t before = 0; before < i && !known; before++)
            known = !measure->samples[before].apart && measure->samples[before].at == measure->samples[i].at;
        sizes += !known;
    }
    return sizes;
}

int la_fit_line(const struct la_measure *measure, struct la_fit_line *line)
{
    double value_mean = 0;
    double product = 0;
    double residue = 0;
    *line = (struct la_fit_line){0};
    if (sizes_of(measure) < 3)
        return -1;
    for (size_t i = 0; i < measure->count; i++) {
        const struct la_sample *sample = &measure->samples[i];
        if (sample->apart)
            continue;
        line->count++;
        line->mean += sample->at;
        value_mean += sample->value;
        line->largest = sample->at > line->largest ? sample->at : line->largest;
    }
    line->mean /= (double)line->count;
    value_mean /= (double)line->count;
    for (size_t i = 0; i < measure->count; i++) {
        const struct la_sample *sample = &measure->samples[i];
        if (sample->apart)
            continue;
        line->spread += (sample->at - line->mean) * (sample->at - line->mean);
        product += (sample->at - line->mean) * (sample->value - value_mean);
    }
    line->slope = product / line->spread;
    line->offset = value_mean - line->slope * line->mean;
    for (size_t i = 0; i < measure->count; i++) {
        const struct la_sample *sample = &measure->samples[i];
        double off = sample->value - line->offset - line->slope * sample->at;
        residue += sample->apart ? 0 : off * off;
    }
    line->error = sqrt(residue / (double)(line->count - 2));
    return 0;
}

/* Student's t, two-sided 95 %, by degrees of freedom; from tables. */
static double student_95(size_t freedom)
{
    static const double table[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                   2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                                   2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
    size_t rows = sizeof table / sizeof *table;
    return table[freedom < rows ? freedom - 1 : rows - 1];
}

struct la_middle la_fit_foretell(const struct la_fit_line *line, double at)
{
    double value = line->offset + line->slope * at;
    double distance = at - line->mean;
    double margin = student_95(line->count - 2) * line->error *
                    sqrt(1 + 1 / (double)line->count + distance * distance / line->spread);
    return (struct la_middle){value, value - margin, value + margin, line->count};
}
