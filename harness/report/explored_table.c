#include "report/explored_table.h"

#include <stdio.h>

#include "report/row.h"

static long long number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void print_ending(const json_t *ending)
{
    printf("    %-6s %9lld possible %8lld distinct %8lld recovered %7lld violated%s\n", la_json_get(ending, "ending"),
           number(ending, "possible"), number(ending, "distinct"), number(ending, "recovered"),
           number(ending, "violated"), json_is_true(json_object_get(ending, "all")) ? ": all there are" : "");
}

static void print_found(const json_t *found)
{
    printf("    %s, e.g. %s\n", la_json_get(found, "kinds"), la_json_get(found, "state"));
    if (*la_json_get(found, "bundle"))
        printf("        kept as %s\n", la_json_get(found, "bundle"));
}

void la_explored_table(const json_t *explored)
{
    size_t i;
    json_t *item;
    if (!json_is_object(explored))
        return;
    json_array_foreach (json_object_get(explored, "endings"), i, item)
        print_ending(item);
    json_array_foreach (json_object_get(explored, "found"), i, item)
        print_found(item);
    if (!number(explored, "moments"))
        return;
    const double seconds = json_number_value(json_object_get(explored, "seconds"));
    const char *plain = la_json_get(explored, "plain_starts");
    printf("    %lld states of %lld moments in %.1f s, %s%s; %lld recovered by a plain start, too, %lld differ%s\n",
           number(explored, "recovered"), number(explored, "moments"), seconds,
           *plain ? "by plain starts: " : "by a forked server", plain, number(explored, "compared"),
           number(explored, "differ"),
           json_is_true(json_object_get(explored, "cut_short")) ? "; cut short: a beginning of it" : "");
}
