/* What an exploration has gone through, below its row of the table. */
#ifndef LASTACK_REPORT_EXPLORED_TABLE_H
#define LASTACK_REPORT_EXPLORED_TABLE_H

#include <jansson.h>

/* `explored` is NULL for a scenario that was run. */
void la_explored_table(const json_t *explored);

#endif
