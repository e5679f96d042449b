/* What a verdict about a sentence rests on: one quantity, as it was measured, and the bound that decided. A value. */
#ifndef LASTACK_JUDGE_MEASURED_H
#define LASTACK_JUDGE_MEASURED_H

#include <math.h>
#include <stddef.h>

enum { LA_WORDS_MAX = 300 };

struct la_measured {
    char quantity[160]; /* what, in words; "": nothing was measured */
    char unit[24];
    double value; /* the median of several; NAN: it is told in `words` */
    double low;   /* the interval that it lies in, as far as it was seen: the least and the largest of several */
    double high;
    unsigned int n; /* how often it was measured */
    char words[LA_WORDS_MAX];
    char bound[160];
};

/* A count, or another figure that was measured once. `bound` is filled by la_measured_bound. */
__attribute__((format(printf, 4, 5))) void la_measured_once(struct la_measured *measured, double value,
                                                            const char *unit, const char *format, ...);

/* Of several: the interval that they lie in, and how many they are. */
void la_measured_interval(struct la_measured *measured, double low, double high, size_t n);

/* "at least MIN and at most MAX UNIT", as far as they are given. */
void la_measured_bound(struct la_measured *measured, const unsigned int *min, const unsigned int *max,
                       const char *unit);

/* The whole in words, to be freed: "window of loss: 923 ms". */
char *la_measured_text(const struct la_measured *measured);

#endif
