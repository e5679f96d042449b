#include "judge/opinion.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 3, 0))) static struct la_opinion opinion(enum la_met met, bool convicts,
                                                                       const char *format, va_list args)
{
    struct la_opinion opinion = {.met = met, .convicts = convicts};
    vsnprintf(opinion.reason, sizeof opinion.reason, format, args);
    return opinion;
}

struct la_opinion la_opinion_met(void)
{
    return (struct la_opinion){.met = LA_MET};
}

struct la_opinion la_opinion_unknown(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct la_opinion result = opinion(LA_UNKNOWN, false, format, args);
    va_end(args);
    return result;
}

struct la_opinion la_opinion_unmet(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct la_opinion result = opinion(LA_UNMET, false, format, args);
    va_end(args);
    return result;
}

struct la_opinion la_opinion_convicts(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct la_opinion result = opinion(LA_UNMET, true, format, args);
    va_end(args);
    return result;
}

struct la_opinion la_opinion_within(const char *what, unsigned long long value, const unsigned int *min,
                                    const unsigned int *max)
{
    if (max && value > *max)
        return la_opinion_unmet("%s: %llu, at most %u expected", what, value, *max);
    if (min && value < *min)
        return la_opinion_unmet("%s: %llu, at least %u expected", what, value, *min);
    return la_opinion_met();
}
