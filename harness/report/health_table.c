/* What INFO shows of each fault, and which alert rules see it, on a terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/row.h"
#include "report/table.h"

enum { LONG = 16 }; /* a value that says nothing to anybody: an id */

/* "aof_last_write_status ok -> err 0.02 s" */
static char *moved_words(const json_t *moved)
{
    const char *from = la_json_get(moved, "from");
    const char *to = la_json_get(moved, "to");
    double seconds = la_json_number(moved, "seconds");
    if (*to && strlen(from) < LONG && strlen(to) < LONG)
        return la_format("%s %s -> %s %.2f s", la_json_get(moved, "field"), *from ? from : "-", to, seconds);
    return la_format("%s %.2f s", la_json_get(moved, "field"), seconds);
}

static char *seen_words(const json_t *seen)
{
    return la_format("%s %.2f s", la_json_get(seen, "rule"), la_json_number(seen, "seconds"));
}

static char *fired_words(const json_t *fired)
{
    return la_format("%s %.2f s", la_json_get(fired, "fault"), la_json_number(fired, "seconds"));
}

static char *plain(const json_t *text)
{
    return la_strdup(json_string_value(text));
}

static char *unseen_words(const json_t *unseen)
{
    return la_format("%s in %s", la_json_get(unseen, "harm"), la_json_get(unseen, "scenario"));
}

/* "TITLE one, two, three": nothing where the list is empty. */
static void list(const char *title, const json_t *items, char *(*words)(const json_t *item))
{
    char *all = la_strdup(title);
    size_t i;
    json_t *item;
    json_array_foreach (items, i, item) {
        char *one = words(item);
        char *longer = la_format("%s%s%s", all, i ? ", " : " ", one);
        free(one);
        free(all);
        all = longer;
    }
    if (json_array_size(items))
        la_table_paragraph(4, all);
    free(all);
}

static void fault_row(const json_t *fault)
{
    const char *verdict = la_json_get(fault, "verdict");
    printf("  %s, n = %zu%s%s\n", la_json_get(fault, "fault"), json_array_size(json_object_get(fault, "scenarios")),
           *verdict ? ": " : "", verdict);
    list("moves", json_object_get(fault, "moved"), moved_words);
    list("seen by", json_object_get(fault, "seen_by"), seen_words);
    list("seen by no rule:", json_object_get(fault, "unseen"), unseen_words);
    list("not looked at in time:", json_object_get(fault, "not_looked_at"), unseen_words);
}

static void rule_row(const json_t *rule)
{
    const char *verdict = la_json_get(rule, "verdict");
    const json_t *fired = json_object_get(rule, "fired");
    printf("  %s%s%s\n", la_json_get(rule, "rule"), *verdict ? ": " : "", verdict);
    if (!json_is_true(json_object_get(rule, "known")))
        la_table_paragraph(4, "no run has shown this field");
    if (json_is_true(json_object_get(rule, "no_number")))
        la_table_paragraph(4, "it compares numbers, and its field is none");
    list("fires without a fault in", json_object_get(rule, "without_fault"), plain);
    list("fires under", fired, fired_words);
    if (!json_array_size(fired))
        la_table_paragraph(4, "silent under every fault");
}

void la_table_health(const json_t *health)
{
    size_t i;
    json_t *row;
    if (!json_is_object(health))
        return;
    puts("\nfaults: what INFO shows of each, and after how many seconds");
    json_array_foreach (json_object_get(health, "faults"), i, row)
        fault_row(row);
    printf("\nalert rules%s\n", json_is_true(json_object_get(health, "own")) ? "" : " of the documents");
    json_array_foreach (json_object_get(health, "rules"), i, row)
        rule_row(row);
}
