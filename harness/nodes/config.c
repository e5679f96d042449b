#include "nodes/config.h"

#include <glob.h>
#include <hiredis/sds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { INCLUDE_DEPTH = 16, FILE_MAX = 16 << 20, FILES_MAX = 1000, DIRECTIVES_MAX = 100000 };

static void free_directive(struct la_directive *item)
{
    for (int i = 0; i < item->count; i++)
        free(item->args[i]);
    free(item->args);
    free(item->name);
    free(item->file);
}

static struct la_directive *append(struct la_config *config)
{
    config->items = la_realloc(config->items, config->count + 1, sizeof *config->items);
    struct la_directive *item = &config->items[config->count++];
    memset(item, 0, sizeof *item);
    return item;
}

/* Enters one line split into words. */
static void enter(struct la_config *config, sds *words, int count, const char *file, int line)
{
    struct la_directive *item = append(config);
    item->name = la_strdup(words[0]);
    for (char *c = item->name; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    item->count = count - 1;
    item->args = la_alloc((size_t)count, sizeof *item->args);
    for (int i = 1; i < count; i++)
        item->args[i - 1] = la_strdup(words[i]);
    item->file = file ? la_strdup(file) : NULL;
    item->line = line;
}

static int read_text(struct la_config *config, char *text, const char *file, int depth, struct la_error *error);

static int read_file(struct la_config *config, const char *path, int depth, struct la_error *error)
{
    if (++config->files > FILES_MAX || config->count > DIRECTIVES_MAX)
        return la_fail(error, "%s: with its includes, more than %d files or %d directives", path, FILES_MAX,
                       DIRECTIVES_MAX);
    char *text = la_read_file(path, FILE_MAX, NULL, error);
    if (!text)
        return -1;
    int result = read_text(config, text, path, depth, error);
    free(text);
    return result;
}

/* A relative include is looked for where the server would (the working directory), then beside the including file. */
static int read_include(struct la_config *config, const char *pattern, const char *file, int line, int depth,
                        struct la_error *error)
{
    glob_t found;
    char beside[LA_PATH_MAX];
    const char *slash = strrchr(file, '/');
    if (depth == INCLUDE_DEPTH)
        return la_fail(error, "%s:%d: includes are nested deeper than %d", file, line, INCLUDE_DEPTH);
    int missing = glob(pattern, 0, NULL, &found);
    if (missing && pattern[0] != '/' && slash) {
        char *literal = la_glob_literal(file);
        la_path(beside, "%.*s/%s", (int)(strrchr(literal, '/') - literal), literal, pattern);
        free(literal);
        missing = glob(beside, 0, NULL, &found);
    }
    if (missing) /* like the server: a pattern may match nothing, a name must exist */
        return strpbrk(pattern, "*?[") ? 0 : la_fail(error, "%s:%d: include %s: no such file", file, line, pattern);
    int result = 0;
    for (size_t i = 0; i < found.gl_pathc && !result; i++)
        result = read_file(config, found.gl_pathv[i], depth + 1, error);
    globfree(&found);
    return result;
}

static int read_line(struct la_config *config, const char *line, const char *file, int number, int depth,
                     struct la_error *error)
{
    line += strspn(line, " \t\r");
    if (!*line || *line == '#')
        return 0;
    int count = 0;
    sds *words = sdssplitargs(line, &count);
    if (!words)
        return la_fail(error, "%s:%d: unbalanced quotes", file, number);
    int result = 0;
    if (count == 2 && !strcasecmp(words[0], "include"))
        result = read_include(config, words[1], file, number, depth, error);
    else if (count > 0)
        enter(config, words, count, file, number);
    sdsfreesplitres(words, count);
    return result;
}

static int read_text(struct la_config *config, char *text, const char *file, int depth, struct la_error *error)
{
    int number = 0;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (read_line(config, line, file, ++number, depth, error))
            return -1;
    return 0;
}

int la_config_read(struct la_config *config, const char *path, struct la_error *error)
{
    config->from_user = true;
    return read_file(config, path, 0, error);
}

static void remove_named(struct la_config *config, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < config->count; i++) {
        if (strcasecmp(config->items[i].name, name) != 0)
            config->items[kept++] = config->items[i];
        else
            free_directive(&config->items[i]);
    }
    config->count = kept;
}

int la_config_append(struct la_config *config, const char *text, const char *what, struct la_error *error)
{
    char *copy = la_strdup(text);
    int result = read_text(config, copy, what, INCLUDE_DEPTH, error);
    free(copy);
    return result;
}

void la_config_replace(struct la_config *config, struct la_config *over)
{
    for (size_t i = 0; i < over->count; i++)
        remove_named(config, over->items[i].name);
    for (size_t i = 0; i < over->count; i++)
        *append(config) = over->items[i];
    free(over->items);
    over->items = NULL;
    over->count = 0;
}

int la_config_overlay(struct la_config *config, const char *text, const char *what, struct la_error *error)
{
    struct la_config over = {0};
    int result = la_config_append(&over, text, what, error);
    la_config_replace(config, &over);
    return result;
}

void la_config_set(struct la_config *config, const char *name, const char *value)
{
    remove_named(config, name);
    if (!value)
        return;
    struct la_directive *item = append(config);
    item->name = la_strdup(name);
    item->args = la_alloc(1, sizeof *item->args);
    item->args[0] = la_strdup(value);
    item->count = 1;
}

char *la_config_get(const struct la_config *config, const char *name)
{
    for (size_t i = config->count; i-- > 0;) {
        const struct la_directive *item = &config->items[i];
        if (strcmp(item->name, name) != 0)
            continue;
        sds joined = sdsempty();
        for (int a = 0; a < item->count; a++)
            joined = sdscatfmt(joined, a ? " %s" : "%s", item->args[a]);
        char *text = la_strdup(joined);
        sdsfree(joined);
        return text;
    }
    return NULL;
}

int la_config_write(const struct la_config *config, const char *path, struct la_error *error)
{
    FILE *file = fopen(path, "wx");
    if (!file)
        return la_fail(error, "%s: %m", path);
    for (size_t i = 0; i < config->count; i++) {
        const struct la_directive *item = &config->items[i];
        fputs(item->name, file);
        for (int a = 0; a < item->count; a++) {
            sds quoted = sdscatrepr(sdsempty(), item->args[a], strlen(item->args[a]));
            fprintf(file, " %s", quoted);
            sdsfree(quoted);
        }
        fputc('\n', file);
    }
    return fclose(file) ? la_fail(error, "%s: %m", path) : 0;
}

void la_config_copy(struct la_config *to, const struct la_config *from)
{
    *to = (struct la_config){.from_user = from->from_user, .tls = from->tls};
    for (size_t i = 0; i < from->count; i++) {
        const struct la_directive *source = &from->items[i];
        struct la_directive *item = append(to);
        item->name = la_strdup(source->name);
        item->file = source->file ? la_strdup(source->file) : NULL;
        item->line = source->line;
        item->count = source->count;
        item->args = la_alloc((size_t)source->count + 1, sizeof *item->args);
        for (int a = 0; a < source->count; a++)
            item->args[a] = la_strdup(source->args[a]);
    }
    for (size_t i = 0; i < from->changed.count; i++)
        la_strings_add(&to->changed, la_strdup(from->changed.items[i]));
    for (size_t i = 0; i < from->renamed.count; i++)
        la_strings_add(&to->renamed, la_strdup(from->renamed.items[i]));
    to->user = from->user ? la_strdup(from->user) : NULL;
    to->password = from->password ? la_strdup(from->password) : NULL;
}

void la_config_free(struct la_config *config)
{
    for (size_t i = 0; i < config->count; i++)
        free_directive(&config->items[i]);
    free(config->items);
    la_strings_free(&config->changed);
    la_strings_free(&config->renamed);
    free(config->user);
    free(config->password);
    *config = (struct la_config){0};
}
