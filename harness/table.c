#include "table.h"

#include <stdio.h>
#include <string.h>

static const char *get(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

void la_table_header(void)
{
    printf("%-32s %-13s %9s %9s %11s %10s\n", "scenario", "verdict", "acked", "lost", "window ms", "ready ms");
    fflush(stdout);
}

static void number(const json_t *object, const char *key, int width, int decimals)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_number(value))
        printf(" %*.*f", width, decimals, json_number_value(value));
    else
        printf(" %*s", width, "-");
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

void la_table_row(const json_t *scenario)
{
    const json_t *rpo = json_object_get(scenario, "rpo");
    const json_t *rto = json_object_get(scenario, "rto");
    const char *verdict = get(scenario, "verdict");
    printf("%-32s %-13s", get(scenario, "name"), verdict);
    number(rpo, "acked", 9, 0);
    number(rpo, "lost", 9, 0);
    number(rpo, "window_ms", 11, 1);
    number(rto, "ready_ms", 10, 1);
    putchar('\n');
    repeats(json_object_get(scenario, "repeats"));
    if (!strcmp(verdict, "holds")) {
        fflush(stdout);
        return;
    }
    size_t i;
    json_t *reason;
    json_array_foreach (json_object_get(scenario, "reasons"), i, reason)
        printf("    %s\n", json_string_value(reason));
    if (*get(scenario, "reproduce"))
        printf("    reproduce: %s\n", get(scenario, "reproduce"));
    fflush(stdout);
}

static void texts(const char *title, const json_t *list)
{
    size_t i;
    json_t *item;
    if (json_array_size(list))
        printf("\n%s\n", title);
    json_array_foreach (list, i, item)
        printf("  %s\n", json_string_value(item));
}

static void claims(const json_t *list)
{
    size_t i;
    json_t *claim;
    if (!json_array_size(list))
        return;
    printf("\n%-7s %-13s %s\n", "claim", "verdict", "what the document says / what was measured");
    json_array_foreach (list, i, claim) {
        printf("%-7s %-13s %s\n", get(claim, "id"), get(claim, "verdict"), get(claim, "text"));
        printf("%-21s %s%s%s\n", "", get(claim, "measured"), *get(claim, "conditions") ? "; " : "",
               get(claim, "conditions"));
    }
}

void la_table_footer(const json_t *result, const char *out)
{
    claims(json_object_get(result, "claims"));
    texts("not applicable to this configuration", json_object_get(result, "not_applicable"));
    texts("directives of the configuration that were changed", json_object_get(result, "changed_directives"));
    texts("not judged here", json_object_get(result, "limits"));
    printf("\nreport: %s\n", out);
}
