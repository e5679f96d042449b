/* What one check says of a run: as it should be, not as it should be, or nothing; and why. A value, owned by nobody. */
#ifndef LASTACK_JUDGE_OPINION_H
#define LASTACK_JUDGE_OPINION_H

#include <stdbool.h>

enum la_met { LA_MET, LA_UNKNOWN, LA_UNMET };

struct la_opinion {
    enum la_met met;
    bool convicts;    /* not met, and nothing that went amiss besides can be why: data that is wrong */
    char reason[512]; /* a sentence for the report; "" when met */
};

struct la_opinion la_opinion_met(void);
__attribute__((format(printf, 1, 2))) struct la_opinion la_opinion_unknown(const char *format, ...);
__attribute__((format(printf, 1, 2))) struct la_opinion la_opinion_unmet(const char *format, ...);
__attribute__((format(printf, 1, 2))) struct la_opinion la_opinion_convicts(const char *format, ...);

/* min <= value <= max, as far as they are given: met or not. */
struct la_opinion la_opinion_within(const char *what, unsigned long long value, const unsigned int *min,
                                    const unsigned int *max);

#endif
