/*
 * What steps and expectations there are: one descriptor each, in the file that carries the step out, or judges the
 * expectation. The reader of scenarios takes them from the tables it is given (la_kinds in judge/kinds.h), so that
 * this folder needs to know none of them by name.
 */
#ifndef LASTACK_SCENARIO_KINDS_H
#define LASTACK_SCENARIO_KINDS_H

#include "scenario/fields.h"
#include "scenario/scenario.h"

struct la_check; /* scenario/check.h */
struct la_run;
struct la_opinion;
struct la_measured; /* judge/measured.h */

/* How a step or an expectation stands in a file: `name: {fields}`. */
struct la_form {
    const char *name;
    const cyaml_schema_field_t *fields; /* of a struct that begins as la_spec */
    size_t size;                        /* of that struct, bytes */
};

extern const cyaml_schema_field_t la_spec_fields[]; /* of a bare la_spec: nothing but the node */

struct la_step_kind {
    struct la_form form;
    void (*set_defaults)(struct la_spec *spec); /* what is absent is 0; NULL: so it stays */
    /* Beyond what the schema says: -1 with la_check_wrong. `index` is the step's own. NULL: nothing. */
    int (*check)(const struct la_check *check, const struct la_spec *spec, unsigned int index);
    /* 0: go on. -1: the scenario ends here; the reason stands in the run's doubts or findings. */
    int (*run)(struct la_run *run, const struct la_spec *spec);
    const char *(*command)(
        const struct la_spec *spec);                 /* the command line that it sends; NULL, or it gives NULL: none */
    const char *(*rule)(const struct la_spec *spec); /* the rule that it arms; NULL: it arms none */
    bool (*measures)(const struct la_spec *spec, const char *name); /* a figure of that name; NULL: none */
    const char *(*harm)(const struct la_spec *spec);                /* in words, the fault that it is; NULL: as above */
    const char *keys;   /* what the names of all keys that it writes begin with, with a colon at its end; NULL: none */
    bool disarms;       /* no rule that was armed before stays so */
    bool reads;         /* what its node holds is judged */
    bool asks;          /* it asks the server something: with carry_on, one that a fault has ended is not asked */
    bool needs_library; /* libfaultinject.so must be in the server */
    bool in_world;      /* for scenarios with a world, and no others */
};

struct la_expect_kind {
    struct la_form form;
    int (*check)(const struct la_check *check, const struct la_spec *spec); /* as a step's */
    struct la_opinion (*judge)(const struct la_run *run, const struct la_spec *spec);
    /* What it looks at, and its bound, for a sentence that rests on it. */
    void (*measure)(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured);
    bool given;     /* of a scenario, it says that the situation was the one that its claims are about */
    bool in_world;  /* for scenarios with a world as well */
    bool of_state;  /* what was left behind tells, so that a replay can judge it as well */
    bool of_moment; /* ... and so can one that knows the moment, too */
};

/* Both end with NULL and have at most LA_VOCABULARY_MAX. */
struct la_kinds {
    const struct la_step_kind *const *steps;
    const struct la_expect_kind *const *expects;
    bool (*knows_incident)(const char *name); /* of a world */
};

/* The rule that a step arms; NULL: none. */
static inline const char *la_step_rule(const struct la_step *step)
{
    return step->kind->rule ? step->kind->rule(step->spec) : NULL;
}

/* The command line that a step sends; "" for one that sends none. */
static inline const char *la_step_line(const struct la_step *step)
{
    const char *line = step->kind->command ? step->kind->command(step->spec) : NULL;
    return line ? line : "";
}

#endif
