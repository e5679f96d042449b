/* The expectations figure, line and says: what the scenario's own steps have measured. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/expectations.h"
#include "judge/fit.h"
#include "judge/loss.h"
#include "judge/measured.h"
#include "judge/opinion.h"
#include "run/steps.h"

/* What every run knows of itself, by the names of result.json. -1: it does not. */
static double own_figure(const struct la_run *run, const char *name, const char **unit)
{
    const struct la_recovery *recovery = &run->recovery;
    *unit = "ms";
    if (!strcmp(name, "window_ms"))
        return run->verified ? la_loss_window_ms(run, false) : -1;
    if (!strcmp(name, "ready_ms"))
        return la_recovery_ms(recovery, recovery->ready_ns);
    if (!strcmp(name, "first_write_ms"))
        return la_recovery_ms(recovery, recovery->write_ns);
    *unit = "operations";
    if (!strcmp(name, "acked"))
        return run->ledger.head ? (double)run->ledger.head->acked : -1;
    if (!strcmp(name, "lost"))
        return run->verified ? (double)run->verify.lost : -1;
    return -1;
}

static bool is_own(const char *name)
{
    static const char *const names[] = {"window_ms", "ready_ms", "first_write_ms", "lost", "acked"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* Some step of the scenario measures it. A benchmark gives its own names an ending. */
static int check_name(const struct la_check *check, const char *name)
{
    if (is_own(name) || la_scenario_measures(check->scenario, name))
        return 0;
    return la_check_wrong(check, "no step of the scenario measures '%s'", name);
}

/* How much of such a figure may be what held the server up, or the harness: it was up before, where nobody looked. */
static double held_up_ms(const struct la_run *run, const char *name)
{
    if (!strcmp(name, "window_ms"))
        return (double)(run->stalls_ns + run->verify.slowest_ns) / 1e6;
    if (!strcmp(name, "ready_ms") || !strcmp(name, "first_write_ms"))
        return (double)run->recovery.stall_ns / 1e6;
    return 0;
}

static struct la_middle middle_of(const struct la_run *run, const char *name, const char **unit)
{
    const struct la_measure *measure = la_measures_find(&run->measures, name);
    *unit = measure && measure->unit ? measure->unit : "";
    if (measure)
        return la_middle_of(measure);
    double own = own_figure(run, name, unit);
    return own < 0 ? (struct la_middle){0} : (struct la_middle){own, fmax(0, own - held_up_ms(run, name)), own, 1};
}

/* ---- figure ---- */

struct figure {
    char *node;
    char *name;
    char *minus; /* the figure that is taken off it; NULL: none */
    char *per;   /* the figure that it is a share of, in percent; NULL: it stands for itself */
    unsigned int *min;
    unsigned int *max;
};

static struct la_middle difference(const struct la_run *run, const struct figure *figure, const char **unit)
{
    const char *ignored;
    const struct la_measure *from = la_measures_find(&run->measures, figure->name);
    const struct la_measure *less = la_measures_find(&run->measures, figure->minus);
    struct la_middle one = middle_of(run, figure->name, unit);
    struct la_middle other = middle_of(run, figure->minus, &ignored);
    if (from && less)
        return la_middle_of_difference(from, less);
    if (!one.count || !other.count)
        return (struct la_middle){0};
    return (struct la_middle){one.median - other.median, one.low - other.high, one.high - other.low,
                              one.count < other.count ? one.count : other.count};
}

static struct la_middle value_of(const struct la_run *run, const struct figure *figure, const char **unit)
{
    const char *ignored;
    if (figure->minus)
        return difference(run, figure, unit);
    if (!figure->per)
        return middle_of(run, figure->name, unit);
    const struct la_measure *one = la_measures_find(&run->measures, figure->name);
    const struct la_measure *other = la_measures_find(&run->measures, figure->per);
    *unit = "%";
    struct la_middle ratio = {0};
    if (one && other) {
        ratio = la_middle_of_ratio(one, other);
    } else {
        struct la_middle top = middle_of(run, figure->name, &ignored);
        struct la_middle below = middle_of(run, figure->per, &ignored);
        if (top.count && below.count && below.low > 0)
            ratio = (struct la_middle){top.median / below.median, top.low / below.high, top.high / below.low, 1};
    }
    ratio.median *= 100;
    ratio.low *= 100;
    ratio.high *= 100;
    return ratio;
}

static int check_figure(const struct la_check *check, const struct la_spec *spec)
{
    const struct figure *figure = (const struct figure *)spec;
    if (la_check_bounds(check, "figure", figure->min, figure->max) || check_name(check, figure->name))
        return -1;
    if (figure->per && figure->minus)
        return la_check_wrong(check, "'per' and 'minus' are two things: one of them");
    const char *other = figure->per ? figure->per : figure->minus;
    return other ? check_name(check, other) : 0;
}

/* Met when all of the interval lies within, unmet when none does. */
/* What is measured in rounds is told apart by more of them. */
static struct la_opinion within(const struct la_run *run, const char *what, const struct la_middle *middle,
                                const char *unit, const unsigned int *min, const unsigned int *max)
{
    double least = min ? *min : -INFINITY;
    double most = max ? *max : INFINITY;
    struct la_measured bound = {0};
    la_measured_bound(&bound, min, max, unit);
    if (middle->low >= least && middle->high <= most)
        return la_opinion_met();
    if (middle->high < least || middle->low > most)
        return la_opinion_unmet("%s: %.6g %s (%.6g to %.6g, n = %zu), %s expected", what, middle->median, unit,
                                middle->low, middle->high, middle->count, bound.bound);
    bool deeper = middle->count > 1 && !run->options->deep;
    return la_opinion_unknown("%s: %.6g %s (%.6g to %.6g, n = %zu) is not told apart from the bound, %s%s", what,
                              middle->median, unit, middle->low, middle->high, middle->count, bound.bound,
                              deeper ? ": needs --deep" : "");
}

static struct la_opinion judge_figure(const struct la_run *run, const struct la_spec *spec)
{
    const struct figure *figure = (const struct figure *)spec;
    const char *unit = "";
    struct la_middle middle = value_of(run, figure, &unit);
    if (!middle.count)
        return la_opinion_unknown("'%s' was not measured", figure->name);
    return within(run, figure->name, &middle, unit, figure->min, figure->max);
}

static void measure_figure(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct figure *figure = (const struct figure *)spec;
    const char *unit = "";
    struct la_middle middle = value_of(run, figure, &unit);
    if (!middle.count)
        return;
    const char *other = figure->per ? figure->per : figure->minus ? figure->minus : "";
    la_measured_once(measured, middle.median, unit, "%s%s%s", figure->name,
                     figure->per     ? " as a share of "
                     : figure->minus ? " minus "
                                     : "",
                     other);
    la_measured_interval(measured, middle.low, middle.high, middle.count);
    la_measured_bound(measured, figure->min, figure->max, unit);
}

static const cyaml_schema_field_t figure_fields[] = {LA_TEXT("name", LA_REQUIRED, struct figure, name),
                                                     LA_TEXT("per", LA_OPTIONAL, struct figure, per),
                                                     LA_TEXT("minus", LA_OPTIONAL, struct figure, minus),
                                                     LA_BOUND("min", struct figure, min),
                                                     LA_BOUND("max", struct figure, max),
                                                     LA_END};

const struct la_expect_kind la_expect_figure = {
    .form = {"figure", figure_fields, sizeof(struct figure)},
    .check = check_figure,
    .judge = judge_figure,
    .given = true,
    .in_world = true,
    .measure = measure_figure,
};

/* ---- line ---- */

struct line {
    char *node;
    char *name;
    unsigned int at_mb; /* the size at which it is foretold; MiB */
    unsigned int *min;
    unsigned int *max;
};

enum { TIMES_LARGEST = 3 };

/* By how much the samples that stand apart miss what the line foretells of them, as a factor (1: not at all). */
struct missed {
    double low;
    double high;
    double at; /* the largest of their sizes; 0: there are none */
    bool inside;
};

static struct missed look_apart(const struct la_measure *measure, const struct la_fit_line *line)
{
    struct missed missed = {1, 1, 0, true};
    for (size_t i = 0; i < measure->count; i++) {
        const struct la_sample *sample = &measure->samples[i];
        if (!sample->apart)
            continue;
        struct la_middle foretold = la_fit_foretell(line, sample->at);
        double factor = sample->value / foretold.median;
        missed.inside = missed.inside && sample->value >= foretold.low && sample->value <= foretold.high;
        missed.low = fmin(missed.low, factor);
        missed.high = fmax(missed.high, factor);
        missed.at = fmax(missed.at, sample->at);
    }
    return missed;
}

/* What is foretold; its interval is widened by as much as the large runs have missed theirs. */
static int foretell(const struct la_run *run, const struct line *step, struct la_middle *value,
                    char words[LA_WORDS_MAX])
{
    struct la_fit_line line;
    const struct la_measure *measure = la_measures_find(&run->measures, step->name);
    if (!measure || la_fit_line(measure, &line) || line.slope <= 0)
        return -1;
    struct missed missed = look_apart(measure, &line);
    if (missed.at < TIMES_LARGEST * line.largest || missed.low <= 0)
        return -1;
    *value = la_fit_foretell(&line, (double)step->at_mb * (1 << 20));
    *value = (struct la_middle){value->median, fmax(0, fmin(value->low, value->median * missed.low)),
                                fmax(value->high, value->median * missed.high), line.count};
    char reached[80] = "";
    if (step->max && *step->max > line.offset)
        snprintf(reached, sizeof reached, "; %u %s at %.3g GiB", *step->max, measure->unit,
                 (*step->max - line.offset) / line.slope / (1 << 30));
    snprintf(words, LA_WORDS_MAX, "%.4g %s a GiB and %.4g, by %zu samples up to %.0f MiB; one of %.0f MiB lies %s%s",
             line.slope * (1 << 30), measure->unit, line.offset, line.count, line.largest / (1 << 20),
             missed.at / (1 << 20),
             missed.inside ? "inside the interval" : "outside the interval, which is widened by that", reached);
    return 0;
}

static int check_line(const struct la_check *check, const struct la_spec *spec)
{
    const struct line *line = (const struct line *)spec;
    return la_check_bounds(check, "line", line->min, line->max) || check_name(check, line->name) ? -1 : 0;
}

static const char *unit_of(const struct la_run *run, const char *name)
{
    const struct la_measure *measure = la_measures_find(&run->measures, name);
    return measure && measure->unit ? measure->unit : "";
}

static struct la_opinion judge_line(const struct la_run *run, const struct la_spec *spec)
{
    const struct line *line = (const struct line *)spec;
    struct la_middle value;
    char words[LA_WORDS_MAX];
    if (foretell(run, line, &value, words))
        return la_opinion_unknown("'%s' was measured with too few sizes for a line, or without one of %d times the "
                                  "largest of them, or does not grow with the size",
                                  line->name, TIMES_LARGEST);
    return within(run, line->name, &value, unit_of(run, line->name), line->min, line->max);
}

static void measure_line(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct line *line = (const struct line *)spec;
    struct la_middle value;
    char words[LA_WORDS_MAX];
    if (foretell(run, line, &value, words))
        return;
    la_measured_once(measured, value.median, unit_of(run, line->name), "%s at %u MiB, extrapolated", line->name,
                     line->at_mb);
    la_measured_interval(measured, value.low, value.high, value.count);
    la_measured_bound(measured, line->min, line->max, measured->unit);
    snprintf(measured->words, sizeof measured->words, "%s", words);
}

static const cyaml_schema_field_t line_fields[] = {
    LA_TEXT("name", LA_REQUIRED, struct line, name), LA_NEEDED("at_mb", struct line, at_mb),
    LA_BOUND("min", struct line, min), LA_BOUND("max", struct line, max), LA_END};

const struct la_expect_kind la_expect_line = {
    .form = {"line", line_fields, sizeof(struct line)},
    .check = check_line,
    .judge = judge_line,
    .measure = measure_line,
};

/* ---- says ---- */

struct says {
    char *node;
    char *name;
    char *begins;
    char *contains;
    char *lacks;
};

static int check_says(const struct la_check *check, const struct la_spec *spec)
{
    const struct says *says = (const struct says *)spec;
    if ((says->begins != NULL) + (says->contains != NULL) + (says->lacks != NULL) != 1)
        return la_check_wrong(check, "'says' needs one of begins, contains, lacks");
    return check_name(check, says->name);
}

static struct la_opinion judge_says(const struct la_run *run, const struct la_spec *spec)
{
    const struct says *says = (const struct says *)spec;
    const struct la_measure *measure = la_measures_find(&run->measures, says->name);
    if (!measure || !measure->text)
        return la_opinion_unknown("'%s' was not measured", says->name);
    if (says->begins && strncmp(measure->text, says->begins, strlen(says->begins)) != 0)
        return la_opinion_unmet("%s: '%.100s', expected to begin with '%s'", says->name, measure->text, says->begins);
    if (says->contains && !strstr(measure->text, says->contains))
        return la_opinion_unmet("%s: '%.100s', expected to contain '%s'", says->name, measure->text, says->contains);
    if (says->lacks && strstr(measure->text, says->lacks))
        return la_opinion_unmet("%s: '%.100s', expected without '%s'", says->name, measure->text, says->lacks);
    if (says->lacks && measure->unread)
        return la_opinion_unknown("'%s' was not read: '%.100s'", says->name, measure->text);
    return la_opinion_met();
}

/* What of a text matters: the line that has what was looked for, or the last one that says something. */
static void copy_line(const char *text, const char *wanted, char *out, size_t size)
{
    const char *at = wanted ? strstr(text, wanted) : NULL;
    const char *end = at ? at + strcspn(at, "\n") : text + strlen(text);
    while (!at && end > text && (end[-1] == '\n' || end[-1] == ' '))
        end--;
    at = at ? at : end;
    while (at > text && at[-1] != '\n')
        at--;
    bool absent = wanted && !strstr(text, wanted);
    bool one_line = !strchr(text, '\n');
    snprintf(out, size, "%s%.*s", absent && !one_line ? "none of its lines; the last: " : "", (int)(end - at), at);
    la_printable(out);
}

static void measure_says(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct says *says = (const struct says *)spec;
    const struct la_measure *measure = la_measures_find(&run->measures, says->name);
    if (!measure || !measure->text)
        return;
    la_measured_once(measured, NAN, "", "%s", says->name);
    if (says->begins) {
        snprintf(measured->words, sizeof measured->words, "%s", measure->text);
        la_printable(measured->words);
    } else {
        copy_line(measure->text, says->contains ? says->contains : says->lacks, measured->words,
                  sizeof measured->words);
    }
    snprintf(measured->bound, sizeof measured->bound, "%s '%s'",
             says->begins     ? "begins with"
             : says->contains ? "contains"
                              : "without",
             says->begins     ? says->begins
             : says->contains ? says->contains
                              : says->lacks);
}

static const cyaml_schema_field_t says_fields[] = {
    LA_TEXT("name", LA_REQUIRED, struct says, name), LA_TEXT("begins", LA_OPTIONAL, struct says, begins),
    LA_TEXT("contains", LA_OPTIONAL, struct says, contains), LA_TEXT("lacks", LA_OPTIONAL, struct says, lacks), LA_END};

const struct la_expect_kind la_expect_says = {
    .form = {"says", says_fields, sizeof(struct says)},
    .check = check_says,
    .judge = judge_says,
    .given = true,
    .in_world = true,
    .measure = measure_says,
};
