/* What the user's own unit makes of a kill, on a terminal. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/row.h"
#include "report/table.h"

/* What became of the primary, and of its replica. */
static void trial_row(const json_t *trial)
{
    const char *with = la_json_get(trial, "with");
    double back_ms = la_json_number(trial, "back_ms");
    printf("  %s%s%s", *with ? "with '" : "as it is", with, *with ? "'" : "");
    if (*la_json_get(trial, "why")) {
        printf(": %s\n", la_json_get(trial, "why"));
        return;
    }
    printf(": the replica keeps %.0f of %d acknowledged writes;\n", la_json_number(trial, "kept"),
           la_json_whole(trial, "acked"));
    if (isnan(back_ms))
        printf("    the primary is not started again (%s)\n", la_json_get(trial, "state"));
    else
        printf("    the primary is back after %.0f ms, with %.0f of them\n", back_ms,
               la_json_number(trial, "back_with"));
    if (json_is_integer(json_object_get(trial, "kills_until_down")))
        printf("    killed again as soon as it is back, it stays down from the %d. kill on (%.1f s)\n",
               la_json_whole(trial, "kills_until_down"), la_json_number(trial, "kills_ms") / 1000);
}

void la_table_unit(const json_t *unit)
{
    size_t i;
    json_t *row;
    if (!json_is_object(unit))
        return;
    const char *verdict = la_json_get(unit, "verdict");
    const char *words = !strcmp(verdict, "violated") ? "in the trap"
                        : !strcmp(verdict, "holds")  ? "not in the trap"
                                                     : verdict;
    printf("unit %s: %s\n  SIGKILL to its main process, under systemd, with a replica in step\n",
           la_json_get(unit, "name"), words);
    json_array_foreach (json_object_get(unit, "trials"), i, row)
        trial_row(row);
    json_array_foreach (json_object_get(unit, "decided_by"), i, row)
        printf("  %s %s:%d: %s\n", i ? "   and by" : "decided by", la_json_get(row, "file"), la_json_whole(row, "line"),
               la_json_get(row, "text"));
    putchar('\n');
    fflush(stdout);
}
