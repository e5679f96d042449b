/* The steps wait and sleep. */
#include <string.h>

#include "run/steps.h"
#include "run/wait.h"

struct wait {
    char *node;
    enum la_wait_for for_what;
    unsigned int timeout_ms;
    bool apart; /* the sample is to be foretold by the others */
    char *name; /* how long it takes, ms, is measured by this name; NULL: nobody asks */
};

static void set_defaults(struct la_spec *spec)
{
    la_fill_in(&((struct wait *)spec)->timeout_ms, 20000);
}

static int check_wait(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct la_step *steps = check->scenario->steps;
    bool armed = ((const struct wait *)spec)->for_what != LA_WAIT_FIRED;
    for (unsigned int i = 0; i < index; i++)
        armed = armed || steps[i].kind->rule;
    return armed ? 0 : la_check_wrong(check, "no rule has been armed that could fire");
}

static int run_wait(struct la_run *run, const struct la_spec *spec)
{
    const struct wait *step = (const struct wait *)spec;
    uint64_t began = la_now_ns();
    int result = la_wait(run, la_run_node(run, step->node), step->for_what, step->timeout_ms);
    if (step->name && !result)
        la_measures_add(&run->measures, step->name, "ms",
                        (struct la_sample){.value = (double)(la_now_ns() - began) / 1e6,
                                           .at = (double)la_run_node(run, step->node)->filled_bytes,
                                           .apart = step->apart});
    return result;
}

static bool measures(const struct la_spec *spec, const char *name)
{
    const char *own = ((const struct wait *)spec)->name;
    return own && !strcmp(own, name);
}

static const cyaml_strval_t waits[] = {
    {"fired", LA_WAIT_FIRED},   {"exit", LA_WAIT_EXIT},       {"ready", LA_WAIT_READY},
    {"synced", LA_WAIT_SYNCED}, {"primary", LA_WAIT_PRIMARY}, {"replica", LA_WAIT_REPLICA},
    {"idle", LA_WAIT_IDLE},     {"errors", LA_WAIT_ERRORS},   {"writes", LA_WAIT_WRITES}};
static const cyaml_schema_field_t wait_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct wait, node),
                                                   LA_CHOICE("for", CYAML_FLAG_DEFAULT, struct wait, for_what, waits),
                                                   LA_NUMBER("timeout_ms", struct wait, timeout_ms),
                                                   LA_FLAG("apart", struct wait, apart),
                                                   LA_TEXT("name", LA_OPTIONAL, struct wait, name),
                                                   LA_END};

const struct la_step_kind la_step_wait = {
    .form = {"wait", wait_fields, sizeof(struct wait)},
    .set_defaults = set_defaults,
    .check = check_wait,
    .run = run_wait,
    .measures = measures,
    .asks = true,
};

struct sleep {
    char *node;
    unsigned int ms;
};

static int run_sleep(struct la_run *run, const struct la_spec *spec)
{
    la_wait_ms(run, ((const struct sleep *)spec)->ms);
    return 0;
}

static const cyaml_schema_field_t sleep_fields[] = {LA_NEEDED("ms", struct sleep, ms), LA_END};

const struct la_step_kind la_step_sleep = {
    .form = {"sleep", sleep_fields, sizeof(struct sleep)},
    .run = run_sleep,
};
