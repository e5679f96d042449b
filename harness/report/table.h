/* What a person sees on the terminal: one row a scenario as it ends, then the claims. At most as wide as the terminal.
 */
#ifndef LASTACK_REPORT_TABLE_H
#define LASTACK_REPORT_TABLE_H

#include <jansson.h>

#include "base/util.h"

/* Said first, with the reasons, when fewer than half of the scenarios can be run. `skipped`: "scenario: why". */
void la_table_few(const struct la_strings *skipped, size_t applicable, size_t offered);

/* A blank and a number, or a dash for NAN, that end in a column. */
void la_table_number(double value, int width, int decimals);

/* What certify answers first: "answer" of the result. */
void la_table_answer(const json_t *answer);

/* The ways of persisting side by side: "matrix" of the result; NULL: nothing. */
void la_table_matrix(const json_t *matrix);

/* A verdict in a column; in its colour on a terminal, where NO_COLOR is not set. */
void la_table_verdict(const char *verdict, int width);

/* A text with `indent` blanks before each of its lines, which on a terminal end before its last column (80 to 120). */
void la_table_paragraph(int indent, const char *text);

/* A shell command and a newline: of several lines the first, cut off where it is long. */
void la_table_command(const char *command);

/* What INFO shows of each fault: "health" of the result; null: nothing. */
void la_table_health(const json_t *health);

/* What the user's own unit makes of a kill: "unit" of the result; null: nothing. */
void la_table_unit(const json_t *unit);

void la_table_header(void);
void la_table_row(const json_t *scenario);

/* `health`: it is told as well. `bytes`: of the report's folder. `status`: what lastack ends with. */
void la_table_footer(const json_t *result, bool health, const char *out, uint64_t bytes, int status);

#endif
