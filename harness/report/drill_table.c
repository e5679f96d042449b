#include "report/drill_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "report/row.h"
#include "report/table.h"

void la_drill_table_page(const char *alarm, unsigned int time_ms, unsigned int hint_ms)
{
    char now[16];
    time_t seconds = time(NULL);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(now, sizeof now, "%H:%M:%S", &local);
    printf("\nPAGE %s  %s\n\n"
           "You are root on the machine. The unit is redis.service, its data lies in /var/lib/redis, backups in "
           "/backup/redis.\n"
           "You have %.0f min. 'hint' gives the runbook's next step, for %.0f s each. 'exit' ends the drill.\n\n",
           now, alarm, ceil(time_ms / 60000.0), hint_ms / 1000.0);
    fflush(stdout);
}

static void print_time(const char *what, const json_t *result, const char *field)
{
    double ms = la_json_number(result, field);
    if (isnan(ms))
        printf("%s never", what);
    else
        printf("%s %.1f s", what, ms / 1000);
}

static void print_commands(const json_t *commands)
{
    size_t i;
    json_t *command;
    if (json_array_size(commands))
        printf("\n%7s %7s  %-11s %-6s %-6s %s\n", "at s", "took s", "was", "could", "serves", "what you did");
    json_array_foreach (commands, i, command) {
        printf("%7.1f %7.1f  %-11s %-6d %-6s ", la_json_number(command, "at_ms") / 1000,
               la_json_number(command, "ms") / 1000, la_json_get(command, "was"), la_json_whole(command, "recoverable"),
               json_is_true(json_object_get(command, "serves")) ? "yes" : "no");
        la_table_command(la_json_get(command, "command"));
    }
}

static void print_runbook(const json_t *runbook)
{
    size_t i;
    json_t *step;
    printf("\n%s, what you typed too is marked:\n", la_json_get(runbook, "file"));
    json_array_foreach (json_object_get(runbook, "steps"), i, step) {
        printf("  %s ", json_is_true(json_object_get(step, "typed")) ? "x" : " ");
        la_table_command(la_json_get(step, "command"));
    }
}

void la_drill_table_end(const json_t *result, const char *out, int status)
{
    const char *why = la_json_get(result, "why");
    double kept = la_json_number(result, "kept");
    printf("\nthe drill is over: %s\n",
           *why && !json_is_object(json_object_get(result, "runbook")) ? why : la_json_get(result, "ended_by"));
    if (json_is_object(json_object_get(result, "runbook"))) {
        printf("it was '%s': %s\n", la_json_get(result, "incident"), la_json_get(result, "page"));
        print_commands(json_object_get(result, "commands"));
        print_runbook(json_object_get(result, "runbook"));
        printf("\n");
        print_time("detected after", result, "detected_ms");
        print_time(", mitigated after", result, "mitigated_ms");
        print_time(", resolved after", result, "resolved_ms");
        printf("; down for %.1f s\n", la_json_number(result, "down_ms") / 1000);
        if (la_json_whole(result, "hints"))
            printf("%d hints, with which it counts as %.0f s\n", la_json_whole(result, "hints"),
                   la_json_number(result, "counted_ms") / 1000);
        if (isnan(kept))
            printf("no server serves at the end\n");
        else
            printf("the server has %.0f of the %d keys that could be got back\n", kept,
                   la_json_whole(result, "recoverable"));
        if (!isnan(kept) && la_json_whole(result, "in_files") < kept)
            printf("its files and backups have %d of them\n", la_json_whole(result, "in_files"));
        printf("lost by the fault %d, lost by you %d\n", la_json_whole(result, "lost_by_fault"),
               la_json_whole(result, "lost_by_operator"));
        if (*why)
            printf("%s\n", why);
    }
    printf("report: %s\n%s; exit %d\n", out, la_json_get(result, "verdict"), status);
    fflush(stdout);
}
