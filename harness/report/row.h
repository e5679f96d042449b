/*
 * One entry of "scenarios" of a result, as those who print, merge and count need it: taken apart in one place. It
 * refers to the entry and is valid as long as that is.
 */
#ifndef LASTACK_REPORT_ROW_H
#define LASTACK_REPORT_ROW_H

#include <jansson.h>

#include "run/run.h"

enum la_figure {
    LA_FIGURE_ACKED,
    LA_FIGURE_LOST,
    LA_FIGURE_WINDOW_MS,
    LA_FIGURE_DOWN_MS,
    LA_FIGURE_READY_MS,
    LA_FIGURE_FIRST_WRITE_MS,
    LA_FIGURES
};

struct la_row {
    const char *name;
    const char *reproduce;
    enum la_verdict verdict;
    double seconds;
    double figures[LA_FIGURES]; /* NAN: not measured */
    const json_t *reasons;      /* of strings, as overrides and repairs are */
    const json_t *overrides;
    const json_t *repairs;
    const json_t *repeats;        /* NULL: it was run once */
    const json_t *claim_verdicts; /* of la_said */
};

/* What a scenario says of a claim. */
struct la_said {
    const char *id;
    enum la_verdict verdict;
};

/* A text as JSON has it; bytes that are none of a text, in a file's name say, are made printable. NULL: "". */
json_t *la_json_text(const char *value);

/* The same of a text that is freed. */
json_t *la_json_owned(char *value);

/* The same of each. NULL: none. */
json_t *la_json_texts(const struct la_strings *list);

/* Whether an array has it. */
bool la_json_holds(const json_t *array, const json_t *item);

/* A field that is a text; "": it is not there, or none. */
const char *la_json_get(const json_t *object, const char *key);

/* A field that is a number; NAN: it is not there, or none. */
double la_json_number(const json_t *object, const char *key);

/* The same as a whole number; 0: it is not there, or none. */
int la_json_whole(const json_t *object, const char *key);

/* A number as JSON has it; NAN: null. */
json_t *la_json_real(double value);

/* A word that is none of ours is nothing that holds: inconclusive. */
enum la_verdict la_verdict_of(const char *word);

struct la_row la_row_of(const json_t *entry);
struct la_said la_said_of(const json_t *claim_verdict);

/* How many of these entries have that verdict. */
unsigned int la_rows_count(const json_t *entries, enum la_verdict verdict);

/* How bad a verdict is: violated, inconclusive, qualified, holds (0). */
int la_verdict_weight(enum la_verdict verdict);

#endif
