#include "explore/violations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void la_violation_write(FILE *out, uint32_t state, enum la_ending ending, const char *kinds, const char *reason)
{
    fprintf(out, "%u\t%d\t%s\t%s\n", state, (int)ending, kinds, reason);
}

void la_violations_add(struct la_violations *violations, uint32_t state, enum la_ending ending, const char *kinds,
                       const char *reason)
{
    violations->items = la_realloc(violations->items, violations->count + 1, sizeof *violations->items);
    violations->items[violations->count++] = (struct la_violation){state, ending, la_strdup(kinds), la_strdup(reason)};
}

static void add_line(struct la_violations *violations, char *line)
{
    char *rest = line;
    const char *state = strsep(&rest, "\t");
    const char *ending = strsep(&rest, "\t");
    const char *kinds = strsep(&rest, "\t");
    const unsigned long which = ending ? strtoul(ending, NULL, 10) : LA_ENDINGS;
    if (!rest || which >= LA_ENDINGS) /* its writer was killed in it */
        return;
    rest[strcspn(rest, "\n")] = '\0';
    la_violations_add(violations, (uint32_t)strtoul(state, NULL, 10), (enum la_ending)which, kinds, rest);
}

int la_violations_read(struct la_violations *violations, const char *path, struct la_error *error)
{
    char *line = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return la_fail(error, "%s: %s", path, strerror(errno));
    while (getline(&line, &size, file) > 0)
        add_line(violations, line);
    free(line);
    fclose(file);
    return 0;
}

static int by_state(const void *one, const void *other)
{
    const struct la_violation *a = one;
    const struct la_violation *b = other;
    if (a->state != b->state)
        return a->state < b->state ? -1 : 1;
    return (int)a->ending - (int)b->ending;
}

void la_violations_sort(struct la_violations *violations)
{
    if (violations->count)
        qsort(violations->items, violations->count, sizeof *violations->items, by_state);
}

void la_violations_free(struct la_violations *violations)
{
    for (size_t i = 0; i < violations->count; i++) {
        free(violations->items[i].kinds);
        free(violations->items[i].reason);
    }
    free(violations->items);
    *violations = (struct la_violations){0};
}
