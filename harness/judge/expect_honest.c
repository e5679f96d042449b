/* The expectation honest: a script that did not do what it was to do says so. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "judge/expectations.h"
#include "judge/measured.h"
#include "judge/opinion.h"
#include "run/steps.h"

struct honest {
    char *node;
    char *script;     /* a text: what it was */
    char *keys;       /* a figure: what its backup gives back, */
    unsigned int min; /* and at least has to */
};

static int check_honest(const struct la_check *check, const struct la_spec *spec)
{
    const struct honest *honest = (const struct honest *)spec;
    const char *const names[] = {honest->script, honest->keys};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!la_scenario_measures(check->scenario, names[i]))
            return la_check_wrong(check, "no step of the scenario measures '%s'", names[i]);
    return honest->min ? 0 : la_check_wrong(check, "honest: min is at least 1");
}

static bool succeeds(const struct la_measure *script)
{
    return !strncmp(script->text, "right", 5);
}

static struct la_opinion judge_honest(const struct la_run *run, const struct la_spec *spec)
{
    const struct honest *honest = (const struct honest *)spec;
    const struct la_measure *script = la_measures_find(&run->measures, honest->script);
    const struct la_measure *keys = la_measures_find(&run->measures, honest->keys);
    if (!script || !script->text || !keys || !keys->count || !keys->text)
        return la_opinion_unknown("'%s' or '%s' was not measured", honest->script, honest->keys);
    if (!succeeds(script) || keys->samples[0].value >= honest->min)
        return la_opinion_met();
    return la_opinion_unmet("%s reports success, and its backup gives back: %s", honest->script, keys->text);
}

static void measure_honest(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct honest *honest = (const struct honest *)spec;
    const struct la_measure *script = la_measures_find(&run->measures, honest->script);
    const struct la_measure *keys = la_measures_find(&run->measures, honest->keys);
    if (!script || !script->text || !keys || !keys->text)
        return;
    la_measured_once(measured, NAN, "", "%s", honest->script);
    snprintf(measured->words, sizeof measured->words, "%.100s; %.60s", script->text, keys->text);
    snprintf(measured->bound, sizeof measured->bound, "a failure that is said, or %u keys", honest->min);
}

static const cyaml_schema_field_t honest_fields[] = {LA_TEXT("script", LA_REQUIRED, struct honest, script),
                                                     LA_TEXT("keys", LA_REQUIRED, struct honest, keys),
                                                     LA_NEEDED("min", struct honest, min), LA_END};

const struct la_expect_kind la_expect_honest = {
    .form = {"honest", honest_fields, sizeof(struct honest)},
    .check = check_honest,
    .judge = judge_honest,
    .measure = measure_honest,
    .in_world = true,
};
