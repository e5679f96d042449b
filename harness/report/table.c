#include "report/table.h"
#include "report/explored_table.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report/row.h"

enum { COMMAND_SHOWN = 48 };

/* Of the terminal: what is wider than a line of a book is hard to read. */
static int columns(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col < 80)
        return 80;
    return size.ws_col < 120 ? size.ws_col : 120;
}

void la_table_paragraph(int indent, const char *text)
{
    int room = isatty(STDOUT_FILENO) ? columns() - 1 - indent : INT_MAX;
    while (*text) {
        int length = (int)strlen(text);
        if (length > room)
            for (length = room; length > room / 2 && text[length] != ' '; length--)
                ;
        printf("%*s%.*s\n", indent, "", length, text);
        text += length;
        text += strspn(text, " ");
    }
}

void la_table_command(const char *command)
{
    int length = (int)strcspn(command, "\n");
    bool cut = command[length] || length > COMMAND_SHOWN;
    printf("%.*s%s\n", length < COMMAND_SHOWN ? length : COMMAND_SHOWN, command, cut ? "..." : "");
}

void la_table_header(void)
{
    printf("%-30s %-12s %8s %7s %9s %8s\n", "scenario", "verdict", "acked", "lost", "window ms", "ready ms");
    fflush(stdout);
}

void la_table_number(double value, int width, int decimals)
{
    if (isnan(value))
        printf(" %*s", width, "-");
    else
        printf(" %*.*f", width, decimals, value);
}

static double figure(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* What several runs say together. */
static void repeats(const json_t *object)
{
    static const char *const figures[] = {"lost", "window_ms", "ready_ms"};
    if (!object)
        return;
    printf("    %.0f runs: %.0f violated, %.0f inconclusive; with 95 %% confidence at most %.2f %% violate\n",
           figure(object, "runs"), figure(object, "violated"), figure(object, "inconclusive"),
           100 * figure(object, "violation_rate_upper_95"));
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        const json_t *spread = json_object_get(object, figures[i]);
        if (json_is_object(spread))
            printf("    %-9s median %.1f, max %.1f\n", figures[i], figure(spread, "median"), figure(spread, "max"));
    }
}

/* What a scenario has set in place of what the user's configuration says. */
static void overrides(const json_t *list)
{
    size_t i;
    json_t *item;
    char *line = NULL;
    json_array_foreach (list, i, item) {
        char *longer = la_format("%s%s%s", line ? line : "sets ", line ? ", " : "", json_string_value(item));
        free(line);
        line = longer;
    }
    if (line)
        la_table_paragraph(4, line);
    free(line);
}

void la_table_verdict(const char *verdict, int width)
{
    static const struct {
        const char *verdict;
        const char *colour;
    } colours[] = {{"violated", "31"}, {"inconclusive", "33"}, {"qualified", "33"}, {"holds", "32"}};
    const char *none = getenv("NO_COLOR");
    bool coloured = isatty(STDOUT_FILENO) && !(none && *none);
    for (size_t i = 0; coloured && i < sizeof colours / sizeof *colours; i++)
        if (!strcmp(verdict, colours[i].verdict)) {
            printf("\033[%sm%-*s\033[0m", colours[i].colour, width, verdict);
            return;
        }
    printf("%-*s", width, verdict);
}

void la_table_row(const json_t *scenario)
{
    const struct la_row row = la_row_of(scenario);
    printf("%s%-30s ", isatty(STDOUT_FILENO) ? "\r\033[K" : "", row.name);
    la_table_verdict(la_verdict_name(row.verdict), 12);
    la_table_number(row.figures[LA_FIGURE_ACKED], 8, 0);
    la_table_number(row.figures[LA_FIGURE_LOST], 7, 0);
    la_table_number(row.figures[LA_FIGURE_WINDOW_MS], 9, 1);
    la_table_number(row.figures[LA_FIGURE_READY_MS], 8, 1);
    putchar('\n');
    overrides(row.overrides);
    repeats(row.repeats);
    size_t i;
    json_t *repair;
    json_t *reason;
    json_array_foreach (row.repairs, i, repair)
        la_table_paragraph(4, json_string_value(repair));
    json_array_foreach (row.verdict == LA_HOLDS ? NULL : row.reasons, i, reason)
        la_table_paragraph(4, json_string_value(reason));
    la_explored_table(json_object_get(scenario, "explored"));
    if (row.verdict != LA_HOLDS && *row.reproduce)
        printf("    reproduce: %s\n", row.reproduce);
    fflush(stdout);
}

static void texts(const char *title, const json_t *list)
{
    size_t i;
    json_t *item;
    if (json_array_size(list))
        printf("\n%s\n", title);
    json_array_foreach (list, i, item)
        la_table_paragraph(2, json_string_value(item));
}

static void claims(const json_t *list)
{
    size_t i;
    json_t *claim;
    if (!json_array_size(list))
        return;
    printf("\n%-7s %-13s %s\n", "claim", "verdict", "what the document says / what was measured");
    json_array_foreach (list, i, claim) {
        printf("%-7s ", la_json_get(claim, "id"));
        la_table_verdict(la_json_get(claim, "verdict"), 13);
        printf(" %s\n", la_json_get(claim, "text"));
        bool one_side = strcmp(la_json_get(claim, "verdict"), "qualified") != 0 && *la_json_get(claim, "conditions");
        json_int_t n = json_integer_value(json_object_get(claim, "n"));
        char times[32] = "";
        if (n > 1 && !strstr(la_json_get(claim, "measured"), "n = "))
            snprintf(times, sizeof times, " (n = %lld)", (long long)n);
        char *measured = la_format("%s%s%s%s", la_json_get(claim, "measured"), times, one_side ? "; when " : "",
                                   one_side ? la_json_get(claim, "conditions") : "");
        la_table_paragraph(22, measured);
        free(measured);
    }
}

/* Where the user's configuration is not what every scenario is about. */
static void how_many_as_written(const json_t *scenarios)
{
    size_t judged = 0;
    size_t as_written = 0;
    size_t violated = 0;
    size_t i;
    json_t *scenario;
    json_array_foreach (scenarios, i, scenario) {
        const struct la_row row = la_row_of(scenario);
        bool is_judged = row.verdict != LA_INCONCLUSIVE;
        bool is_as_written = json_array_size(row.overrides) == 0;
        judged += is_judged;
        as_written += is_judged && is_as_written;
        violated += is_as_written && row.verdict == LA_VIOLATED;
    }
    if (as_written == judged)
        return;
    printf("\n%zu of %zu verdicts are about the configuration as it is written; the others\n"
           "set what stands below them\n",
           as_written, judged);
    if (la_rows_count(scenarios, LA_VIOLATED) && !violated)
        printf("none of those that are about it is violated\n");
}

static void write_commands(const json_t *together)
{
    size_t i;
    json_t *command;
    if (!json_is_object(together))
        return;
    printf("\n%lld of %lld write commands exercised",
           (long long)json_integer_value(json_object_get(together, "exercised")),
           (long long)json_integer_value(json_object_get(together, "known")));
    const json_t *missing = json_object_get(together, "not");
    printf(json_array_size(missing) ? "; not:\n" : "\n");
    json_array_foreach (missing, i, command)
        printf("  %s: %s\n", la_json_get(command, "name"), la_json_get(command, "why"));
}

void la_table_footer(const json_t *result, bool health, const char *out, uint64_t bytes, int status)
{
    const json_t *scenarios = json_object_get(result, "scenarios");
    how_many_as_written(scenarios);
    if (health)
        la_table_health(json_object_get(result, "health"));
    claims(json_object_get(result, "claims"));
    write_commands(json_object_get(result, "write_commands"));
    texts("not applicable", json_object_get(result, "not_applicable"));
    texts("directives of the configuration that were changed", json_object_get(result, "changed_directives"));
    texts("not judged here", json_object_get(result, "limits"));
    char page[LA_PATH_MAX];
    la_path(page, "%s/report.html", out);
    printf("\nreport: %s (%llu MiB%s)\n", out, (unsigned long long)(bytes + (1 << 20) - 1) >> 20,
           access(page, R_OK) ? "" : ", with report.html");
    printf("%u hold, %u violated, %u inconclusive, %zu not applicable; %.0f s; exit %d\n",
           la_rows_count(scenarios, LA_HOLDS), la_rows_count(scenarios, LA_VIOLATED),
           la_rows_count(scenarios, LA_INCONCLUSIVE), json_array_size(json_object_get(result, "not_applicable")),
           json_number_value(json_object_get(result, "seconds")), status);
    fflush(stdout);
}

/* Behind the colon of "scenario: reason". */
static const char *reason_of(const char *skipped)
{
    const char *colon = strstr(skipped, ": ");
    return colon ? colon + 2 : skipped;
}

void la_table_few(const struct la_strings *skipped, size_t applicable, size_t offered)
{
    if (2 * applicable >= offered)
        return;
    printf("only %zu of %zu scenarios can be run here; the others cannot, because:\n", applicable, offered);
    for (size_t i = 0; i < skipped->count; i++) {
        const char *reason = reason_of(skipped->items[i]);
        size_t alike = 0;
        bool first = true;
        for (size_t other = 0; other < skipped->count; other++) {
            bool same = !strcmp(reason, reason_of(skipped->items[other]));
            alike += same;
            first = first && !(same && other < i);
        }
        if (first)
            printf("  %zu: %s\n", alike, reason);
    }
    putchar('\n');
}
