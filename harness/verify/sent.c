#include "verify/sent.h"

#include <string.h>
#include <strings.h>

#define APART " \t\"',()"

/* Nothing that may be part of a name stands beside it. */
static bool stands_alone(const char *line, const char *found, size_t length)
{
    return (found == line || strchr(APART, found[-1])) && strchr(APART, found[length]); /* the end is found, too */
}

static bool line_names(const char *line, const char *name)
{
    size_t length = strlen(name);
    size_t words = strlen(line);
    if (words && line[words - 1] == ':' && !strchr(line, ' '))
        return !strncmp(name, line, words);
    for (const char *found = strstr(line, name); found; found = strstr(found + 1, name))
        if (stands_alone(line, found, length))
            return true;
    return false;
}

bool la_sent_names(const struct la_strings *lines, const char *name, size_t length)
{
    if (!length || strlen(name) != length || !strncmp(name, "la:", 3))
        return false;
    for (size_t i = 0; i < lines->count; i++)
        if (line_names(lines->items[i], name))
            return true;
    return false;
}

long long la_sent_libraries(const struct la_strings *lines)
{
    long long libraries = 0;
    for (size_t i = 0; i < lines->count; i++)
        libraries += !strncasecmp(lines->items[i], "FUNCTION", 8);
    return libraries;
}
