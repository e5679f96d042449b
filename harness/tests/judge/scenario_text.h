/* A scenario from a text, for tests of what judges it. */
#ifndef LASTACK_TESTS_JUDGE_SCENARIO_TEXT_H
#define LASTACK_TESTS_JUDGE_SCENARIO_TEXT_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "judge/expectations.h"
#include "scenario/read.h"

/* To be freed; one that is refused fails the test. */
__attribute__((format(printf, 1, 2))) static inline struct la_scenario *scenario_text(const char *format, ...)
{
    char path[] = "/tmp/scenario-XXXXXX";
    struct la_error error = {""};
    FILE *file = fdopen(mkstemp(path), "w");
    va_list args;
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fclose(file);
    struct la_scenario *scenario = la_scenario_read(path, &la_kinds, &error);
    unlink(path);
    if (!scenario)
        fail_msg("%s", error.text);
    return scenario;
}

#endif
