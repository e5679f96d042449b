/* A drill on a terminal: the page at its start, and what is said of it at the end. */
#ifndef LASTACK_REPORT_DRILL_TABLE_H
#define LASTACK_REPORT_DRILL_TABLE_H

#include <jansson.h>

void la_drill_table_page(const char *alarm, unsigned int time_ms, unsigned int hint_ms);
void la_drill_table_end(const json_t *result, const char *out, int status);

#endif
