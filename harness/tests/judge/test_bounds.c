/* A figure that is measured in rounds, and its bound: met, not met, or for --deep to tell. */
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "judge/expectations.h"
#include "judge/judge.h"
#include "judge/opinion.h"
#include "scenario_text.h"

static struct la_scenario *bounded_by(unsigned int max)
{
    return scenario_text("name: x\ntitle: t\nsteps:\n  - reload: {name: start}\nexpect:\n"
                         "  - figure: {name: start, max: %u}\n",
                         max);
}

/* What is said of samples from 10 to 10 + count - 1 ms; to be freed. */
static char *said_of(unsigned int count, unsigned int max, bool deep)
{
    struct la_run *run = la_alloc(1, sizeof *run);
    const struct la_options options = {.deep = deep};
    struct la_scenario *scenario = bounded_by(max);
    run->scenario = scenario;
    run->options = &options;
    for (unsigned int i = 0; i < count; i++)
        la_measures_add(&run->measures, "start", "ms", (struct la_sample){.value = 10 + i});
    struct la_opinion opinion = scenario->expect[0].kind->judge(run, scenario->expect[0].spec);
    char *text = la_strdup(opinion.reason);
    la_measures_free(&run->measures);
    la_scenario_free(scenario);
    free(run);
    return text;
}

static void more_rounds_are_asked_for_where_they_would_tell(void **state)
{
    static const struct {
        unsigned int count;
        unsigned int max;
        bool deep;
        const char *said;
    } rows[] = {
        {3, 20, false, ""},
        {3, 9, false, "at most 9 ms expected"},
        {3, 11, false, "is not told apart from the bound, at most 11 ms: needs --deep"},
        {3, 11, true, "is not told apart from the bound, at most 11 ms"},
        {1, 10, false, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *said = said_of(rows[i].count, rows[i].max, rows[i].deep);
        const char *end = said + strlen(said) - strlen(rows[i].said);
        if (strlen(said) < strlen(rows[i].said) || strcmp(end, rows[i].said) != 0 || (!*rows[i].said && *said))
            fail_msg("row %zu: '%s', not '%s'", i, said, rows[i].said);
        free(said);
    }
}

static void deep_makes_five_times_as_many(void **state)
{
    (void)state;
    const struct la_options options[] = {{.deep = false}, {.deep = true}};
    struct la_run *run = la_alloc(1, sizeof *run);
    run->options = &options[0];
    assert_int_equal(la_run_rounds(run, 3), 3);
    run->options = &options[1];
    assert_int_equal(la_run_rounds(run, 3), 15);
    free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(more_rounds_are_asked_for_where_they_would_tell),
                                       cmocka_unit_test(deep_makes_five_times_as_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
