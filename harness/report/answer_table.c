/* What certify answers first, on a terminal. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "report/answer.h"
#include "report/row.h"
#include "report/table.h"

static bool is_false(const json_t *object, const char *key)
{
    return json_is_false(json_object_get(object, key));
}

/* Operations that are lost. Of a run that made one write and waited they are all that would be written meanwhile. */
static void lost_number(const json_t *worst, double lost, int width)
{
    if (json_is_true(json_object_get(worst, "one_write")) && lost > 0)
        printf(" %*s", width, "all");
    else
        la_table_number(lost, width, 0);
}

static void situation_row(const json_t *answer)
{
    json_int_t factor = json_integer_value(json_object_get(answer, "clock_factor"));
    bool known = json_object_get(answer, "scenario");
    size_t i;
    json_t *unknown;
    printf("  %-14s %10s", la_json_get(answer, "situation"), la_json_get(answer, "in_words"));
    lost_number(answer, la_json_number(answer, "lost"), 10);
    la_table_number(la_json_number(answer, "ready_ms"), 9, 0);
    printf("  %-6s %s",
           !known                          ? "-"
           : is_false(answer, "by_itself") ? "no"
                                           : "itself",
           la_json_get(answer, "scenario"));
    if (factor > 1)
        printf(" (clock x%lld)", (long long)factor);
    putchar('\n');
    if (*la_json_get(answer, "moment"))
        printf("    %s\n", la_json_get(answer, "moment"));
    json_array_foreach (json_object_get(answer, "unknown"), i, unknown)
        printf("    and it may be worse: %s is %s: %.300s\n", la_json_get(unknown, "scenario"),
               la_json_get(unknown, "verdict"), la_json_get(unknown, "why"));
}

/* "kill 0 ms, power cut 1012 ms" */
static void in_words(const json_t *situations)
{
    size_t i;
    json_t *answer;
    json_array_foreach (situations, i, answer) {
        bool doubt = json_array_size(json_object_get(answer, "unknown"));
        printf("%s %s %s%s", i ? "," : "", la_json_get(answer, "situation"), la_json_get(answer, "in_words"),
               doubt ? " (in doubt)" : "");
    }
}

static void remedy_row(const json_t *remedy)
{
    const json_t *price = json_object_get(remedy, "throughput");
    const json_t *interval = json_object_get(price, "interval");
    printf("  %s '%s' (it is %s %s):", json_is_true(json_object_get(remedy, "proposed")) ? "with" : "tried:",
           la_json_get(remedy, "line"), la_json_get(remedy, "directive"),
           *la_json_get(remedy, "was") ? la_json_get(remedy, "was") : "\"\"");
    in_words(json_object_get(remedy, "situations"));
    putchar('\n');
    if (json_is_object(price))
        printf("    and %.0f %% of the writes a second (%.0f to %.0f, n = %lld)\n",
               json_number_value(json_object_get(price, "percent")), json_number_value(json_array_get(interval, 0)),
               json_number_value(json_array_get(interval, 1)),
               (long long)json_integer_value(json_object_get(price, "n")));
}

static void requirement_row(const json_t *requirement)
{
    const json_t *worst = json_object_get(requirement, "worst_ms");
    printf("  --%s %lld ms: %s", la_json_get(requirement, "name"),
           (long long)json_integer_value(json_object_get(requirement, "target_ms")),
           la_json_get(requirement, "verdict"));
    if (json_is_number(worst))
        printf("; at worst %.0f ms, at a %s", json_number_value(worst), la_json_get(requirement, "situation"));
    else if (*la_json_get(requirement, "situation"))
        printf("; nothing bounds what a %s takes", la_json_get(requirement, "situation"));
    putchar('\n');
}

void la_table_answer(const json_t *answer)
{
    const json_t *situations = json_object_get(answer, "situations");
    size_t i;
    json_t *row;
    printf("%s\n\n%-16s %10s %10s %9s  %-6s %s\n", la_json_get(answer, "strategy"), "lost at most at a", "time",
           "operations", "ready ms", "starts", "seen in");
    json_array_foreach (situations, i, row)
        situation_row(row);
    json_array_foreach (json_object_get(answer, "requirements"), i, row)
        requirement_row(row);
    json_array_foreach (json_object_get(answer, "remedies"), i, row)
        remedy_row(row);
    putchar('\n');
    fflush(stdout);
}

static void spread_of(const json_t *row, const char *key, int width)
{
    const json_t *spread = json_object_get(row, key);
    la_table_number(la_json_number(spread, "median"), width, 0);
    la_table_number(la_json_number(spread, "max"), width, 0);
}

/* A window of a loss that has no end is as long as the run. */
static bool has_window(const json_t *worst)
{
    return json_is_number(json_object_get(worst, "window_ms")) && !json_is_true(json_object_get(worst, "everything"));
}

static void matrix_row(const json_t *row)
{
    const json_t *worst = json_object_get(row, "worst");
    char *words = la_answer_words(worst);
    const char *name = la_json_get(row, "scenario");
    const char *with = strstr(name, "-with-");
    printf("    %-24.*s %12s", with ? (int)(with - name) : (int)strlen(name), name, words);
    lost_number(worst, la_json_number(json_object_get(row, "lost"), "median"), 7);
    lost_number(worst, la_json_number(json_object_get(row, "lost"), "max"), 7);
    spread_of(row, "ready_ms", 6);
    if (has_window(worst))
        spread_of(row, "window_ms", 8);
    if (strcmp(la_json_get(row, "verdict"), "holds") != 0)
        printf("  %s", la_json_get(row, "verdict"));
    putchar('\n');
    free(words);
}

static void strategy_row(const json_t *entry)
{
    const json_t *price = json_object_get(entry, "price");
    size_t i;
    json_t *row;
    printf("  %s", la_json_get(entry, "strategy"));
    if (json_is_object(price))
        printf(
            ": %.0f %% of the writes a second, %.1f MB of memory, %.2f s of a processor, log %.1f MB, snapshot %.1f MB",
            la_json_number(price, "percent"), la_json_number(price, "memory_bytes") / 1e6,
            la_json_number(price, "cpu_user_s") + la_json_number(price, "cpu_system_s"),
            la_json_number(price, "log_bytes") / 1e6, la_json_number(price, "snapshot_bytes") / 1e6);
    putchar('\n');
    json_array_foreach (json_object_get(entry, "rows"), i, row)
        matrix_row(row);
}

void la_table_matrix(const json_t *matrix)
{
    size_t i;
    json_t *entry;
    if (!matrix)
        return;
    printf("\n%-28s %12s %15s %13s %17s\n", "", "at worst", "operations lost", "ready ms", "window ms");
    printf("%-28s %12s %7s %7s %6s %6s %8s %8s\n", "strategy", "", "median", "max", "median", "max", "median", "max");
    json_array_foreach (matrix, i, entry)
        strategy_row(entry);
    fflush(stdout);
}
