#include "judge/measured.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"

void la_measured_once(struct la_measured *measured, double value, const char *unit, const char *format, ...)
{
    va_list args;
    *measured = (struct la_measured){.value = value, .low = value, .high = value, .n = 1};
    snprintf(measured->unit, sizeof measured->unit, "%s", unit);
    va_start(args, format);
    vsnprintf(measured->quantity, sizeof measured->quantity, format, args);
    va_end(args);
}

void la_measured_interval(struct la_measured *measured, double low, double high, size_t n)
{
    measured->low = low;
    measured->high = high;
    measured->n = (unsigned int)n;
}

void la_measured_bound(struct la_measured *measured, const unsigned int *min, const unsigned int *max, const char *unit)
{
    const char *space = *unit ? " " : "";
    if (min && max && *min == *max)
        snprintf(measured->bound, sizeof measured->bound, "%u%s%s", *min, space, unit);
    else if (min && max)
        snprintf(measured->bound, sizeof measured->bound, "%u to %u%s%s", *min, *max, space, unit);
    else if (min || max)
        snprintf(measured->bound, sizeof measured->bound, "at %s %u%s%s", min ? "least" : "most", min ? *min : *max,
                 space, unit);
}

/* As many digits as say something. */
static void figure(char out[32], double value)
{
    double size = fabs(value);
    bool whole = size == floor(size) && size < 1e15;
    snprintf(out, 32, whole || size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : "%.2f", value);
}

char *la_measured_text(const struct la_measured *measured)
{
    char value[32];
    char low[32];
    char high[32];
    if (!*measured->quantity)
        return la_strdup("nothing was measured");
    if (isnan(measured->value))
        return la_format("%s: %s", measured->quantity, measured->words);
    figure(value, measured->value);
    figure(low, measured->low);
    figure(high, measured->high);
    const char *space = *measured->unit ? " " : "";
    if (measured->low == measured->high)
        return la_format("%s: %s%s%s%s%s", measured->quantity, value, space, measured->unit,
                         *measured->words ? "; " : "", measured->words);
    return la_format("%s: %s%s%s (%s to %s, n = %u)%s%s", measured->quantity, value, space, measured->unit, low, high,
                     measured->n, *measured->words ? "; " : "", measured->words);
}
