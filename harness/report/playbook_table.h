/* A runbook that is being tried, on a terminal: a line for each step as it ends. */
#ifndef LASTACK_REPORT_PLAYBOOK_TABLE_H
#define LASTACK_REPORT_PLAYBOOK_TABLE_H

#include <jansson.h>

void la_playbook_table_begin(const char *incident, const char *page, int recoverable, int keys);
void la_playbook_table_step(const json_t *step);
void la_playbook_table_end(const json_t *result, const char *out, int status);

#endif
