/* A few statistics: the middle of samples, and the line through them. */
#ifndef LASTACK_JUDGE_FIT_H
#define LASTACK_JUDGE_FIT_H

#include "run/measures.h"

/*
 * The median of the samples that are not apart, and the interval in which it lies with 95 % confidence; of fewer than
 * six, the least and the largest. `count` is how many, 0: the rest is not filled.
 */
struct la_middle {
    double median;
    double low;
    double high;
    size_t count;
};
struct la_middle la_middle_of(const struct la_measure *measure);

/* The same of the quotients one/other: of those that were measured in turn, pair by pair; else of the two medians. */
struct la_middle la_middle_of_ratio(const struct la_measure *one, const struct la_measure *other);

/* The same of the differences one - other. */
struct la_middle la_middle_of_difference(const struct la_measure *one, const struct la_measure *other);

/* The least-squares line of value over size, through the samples that are not apart. */
struct la_fit_line {
    double slope; /* units of the value a byte */
    double offset;
    double error;   /* standard error of one sample about the line */
    double mean;    /* of the sizes */
    double spread;  /* sum of squared distances of the sizes from it */
    double largest; /* size */
    size_t count;
};

/* -1: fewer than three samples, or of fewer than three sizes. */
int la_fit_line(const struct la_measure *measure, struct la_fit_line *line);

/* The value foretold at a size, and the interval in which a new sample lies with 95 % confidence, if the line holds. */
struct la_middle la_fit_foretell(const struct la_fit_line *line, double at);

#endif
