/* The program in python3 that makes from a result what other programs and people read (reporting/). */
#ifndef LASTACK_REPORT_REPORTER_H
#define LASTACK_REPORT_REPORTER_H

#include "base/install.h"

enum { LA_REPORTER_WORDS = 3 };

/*
 * The words that the command line of a program of ours in python3 begins with. Tells it where lastack itself is, by the
 * environment.
 */
void la_reporter_words(const char *program, const char *words[LA_REPORTER_WORDS]);

/*
 * What it makes of the report at `report`, with an option that takes a file, to where the user wants it; "-": to the
 * open file `stream`. -1 with `error` filled.
 */
int la_reporter_write(const struct la_parts *parts, const char *report, const char *option, const char *path,
                      int stream, struct la_error *error);

/*
 * Has a program in python3 say on standard output what it has to say of a report; `option` with its `value` is given to
 * it where that is not NULL. -1 with `error` filled.
 */
int la_reporter_tell(const char *program, const char *report, const char *option, const char *value,
                     struct la_error *error);

/* Whether it can be run at all: found out before a run that is to be reported on. */
int la_reporter_try(struct la_error *error);

#endif
