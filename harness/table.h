/* What a person sees on the terminal: one row a scenario as it ends, then the claims. */
#ifndef LASTACK_TABLE_H
#define LASTACK_TABLE_H

#include <jansson.h>

void la_table_header(void);
void la_table_row(const json_t *scenario);
void la_table_footer(const json_t *result, const char *out);

#endif
