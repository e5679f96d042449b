#include "report/playbook_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/row.h"
#include "report/table.h"

void la_playbook_table_begin(const char *incident, const char *page, int recoverable, int keys)
{
    printf("incident %s: %s\n%d of %d keys can be got back\n\n%5s  %-11s %8s  %s\n", incident, page, recoverable, keys,
           "line", "step was", "ms", "command");
    fflush(stdout);
}

void la_playbook_table_step(const json_t *step)
{
    const char *command = la_json_get(step, "command");
    printf("%5d  %-11s", la_json_whole(step, "line"), la_json_get(step, "was"));
    la_table_number(la_json_number(step, "ms"), 8, 0);
    printf("  ");
    la_table_command(command);
    if (*la_json_get(step, "why"))
        la_table_paragraph(7, la_json_get(step, "why"));
    if (!strcmp(la_json_get(step, "comment_is"), "not judged"))
        printf("       not judged: # %.60s\n", la_json_get(step, "comment"));
    fflush(stdout);
}

/* "aws, curl, sudo are stand-ins" */
static void print_stand_ins(const json_t *names)
{
    size_t i;
    json_t *name;
    json_array_foreach (names, i, name)
        printf("%s%s", i ? ", " : "", json_string_value(name));
    printf(" are stand-ins\n");
}

void la_playbook_table_end(const json_t *result, const char *out, int status)
{
    const char *why = la_json_get(result, "why");
    double kept = la_json_number(result, "kept");
    double rto_ms = la_json_number(result, "rto_ms");
    if (*why)
        printf("\n%s\n", why);
    else if (isnan(kept))
        printf("\nno server serves at the end\n");
    else
        printf("\nthe server has %.0f of the %d keys that could be got back", kept,
               la_json_whole(result, "recoverable"));
    if (!*why && !isnan(rto_ms))
        printf(", %.1f s after the first step began (the steps alone)\n", rto_ms / 1000);
    if (!*why)
        printf("lost by the fault %d, lost by the runbook %d\n", la_json_whole(result, "lost_by_fault"),
               la_json_whole(result, "lost_by_runbook"));
    if (json_is_integer(json_object_get(result, "first_wrong_line")))
        printf("first wrong line: %s:%d\n", la_json_get(result, "runbook"), la_json_whole(result, "first_wrong_line"));
    print_stand_ins(json_object_get(result, "stand_ins"));
    printf("report: %s\n%s; exit %d\n", out, la_json_get(result, "verdict"), status);
    fflush(stdout);
}
