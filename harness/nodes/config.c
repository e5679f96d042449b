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

/* One reading, from its beginning to its end. */
struct reader {
    struct la_config *config;
    const char *bundle; /* a folder of ours: included files lie in it, whatever folder they name; NULL: elsewhere */
    char folder[LA_PATH_MAX]; /* where relative names begin at this point */
    unsigned int part;        /* that is being read */
    unsigned int missing;     /* relative names, or patterns, for which nothing was found */
    struct la_error *error;
};

static struct la_directive *append_named(struct la_config *config, const char *name, const char *file, int line)
{
    struct la_directive *item = append(config);
    item->name = la_strdup(name);
    for (char *c = item->name; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    item->file = file ? la_strdup(file) : NULL;
    item->line = line;
    return item;
}

/* Enters one line split into words. */
static void enter(struct reader *reader, sds *words, int count, const char *file, int line)
{
    struct la_directive *item = append_named(reader->config, words[0], file, line);
    item->part = reader->part;
    item->count = count - 1;
    item->args = la_alloc((size_t)count, sizeof *item->args);
    for (int i = 1; i < count; i++)
        item->args[i - 1] = la_strdup(words[i]);
    if (!strcmp(item->name, "dir") && count == 2) /* the server goes there at once: includes begin there from now on */
        la_path_from(reader->folder, reader->folder, words[1]);
}

static int read_text(struct reader *reader, char *text, const char *file, int depth);

static int read_file(struct reader *reader, const char *path, int depth)
{
    struct la_config *config = reader->config;
    if (config->parts >= FILES_MAX || config->count > DIRECTIVES_MAX)
        return la_fail(reader->error, "%s: with its includes, more than %d files or %d directives", path, FILES_MAX,
                       DIRECTIVES_MAX);
    size_t length = 0;
    char *text = la_read_file(path, FILE_MAX, &length, reader->error);
    if (!text)
        return -1;
    if (strlen(text) != length) {
        free(text);
        return la_fail(reader->error, "%s: there is a zero byte in it, which servers read over: take it out", path);
    }
    unsigned int above = reader->part;
    reader->part = config->parts++;
    int result = read_text(reader, text, path, depth);
    reader->part = above;
    free(text);
    return result;
}

static int read_included(struct reader *reader, const char *path, const char *file, int line, int depth)
{
    struct la_directive *item = append_named(reader->config, "include", file, line);
    item->part = reader->part;
    item->opens = reader->config->parts;
    return read_file(reader, path, depth + 1);
}

/* The pattern of an include, with the folder that it begins in; to be freed. */
static char *whole_pattern(const struct reader *reader, const char *pattern)
{
    const char *folder = reader->bundle;
    const char *slash = strrchr(pattern, '/');
    if (!folder && *pattern == '/')
        return la_strdup(pattern);
    char *literal = la_glob_literal(folder ? folder : reader->folder);
    char *whole = la_format("%s/%s", literal, folder && slash ? slash + 1 : pattern);
    free(literal);
    return whole;
}

static int read_include(struct reader *reader, const char *pattern, const char *file, int line, int depth)
{
    glob_t found;
    if (depth == INCLUDE_DEPTH)
        return la_fail(reader->error, "%s:%d: includes are nested deeper than %d", file, line, INCLUDE_DEPTH);
    char *whole = whole_pattern(reader, pattern);
    int missing = glob(whole, 0, NULL, &found);
    free(whole);
    bool named = !strpbrk(pattern, "*?["); /* like the server: a pattern may match nothing, a name must exist */
    reader->missing += missing && *pattern != '/';
    if (missing)
        return named ? la_fail(reader->error, "%s:%d: include %s: no such file", file, line, pattern) : 0;
    int result = 0;
    for (size_t i = 0; i < found.gl_pathc && !result; i++)
        result = read_included(reader, found.gl_pathv[i], file, line, depth);
    globfree(&found);
    return result;
}

static int read_line(struct reader *reader, const char *line, const char *file, int number, int depth)
{
    line += strspn(line, " \t\r");
    if (!*line || *line == '#')
        return 0;
    int count = 0;
    sds *words = sdssplitargs(line, &count);
    if (!words)
        return la_fail(reader->error, "%s:%d: unbalanced quotes", file, number);
    int result = 0;
    if (count == 2 && !strcasecmp(words[0], "include"))
        result = read_include(reader, words[1], file, number, depth);
    else if (count > 0)
        enter(reader, words, count, file, number);
    sdsfreesplitres(words, count);
    return result;
}

static int read_text(struct reader *reader, char *text, const char *file, int depth)
{
    int number = 0;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (read_line(reader, line, file, ++number, depth))
            return -1;
    return 0;
}

/* With the server started in `began`. */
static int read_from(struct la_config *config, const char *path, const char *began, unsigned int *missing,
                     struct la_error *error)
{
    struct reader reader = {.config = config, .error = error};
    config->from_user = true;
    la_path(reader.folder, "%s", began);
    int result = read_file(&reader, path, 0);
    config->began = la_strdup(began);
    config->folder = la_strdup(reader.folder);
    *missing = reader.missing;
    return result;
}

/* Where names are missing, the server may be one that is started in the folder of the file. */
static bool read_beside(struct la_config *config, const char *path, unsigned int missing)
{
    struct la_config other = {0};
    struct la_error ignored;
    char *real = realpath(path, NULL);
    unsigned int still;
    if (!real)
        return false;
    *strrchr(real, '/') = '\0';
    bool better = read_from(&other, path, *real ? real : "/", &still, &ignored) == 0 && still < missing;
    free(real);
    if (better)
        la_strings_add(&other.changed,
                       la_format("include: names begin in %s, as if the server were started there", other.began));
    la_config_free(better ? config : &other);
    if (better)
        *config = other;
    return better;
}

int la_config_read(struct la_config *config, const char *path, struct la_error *error)
{
    unsigned int missing;
    char *here = realpath(".", NULL);
    int result = read_from(config, path, here ? here : ".", &missing, error);
    free(here);
    return missing && read_beside(config, path, missing) ? 0 : result;
}

int la_config_read_back(struct la_config *config, const char *folder, struct la_error *error)
{
    char path[LA_PATH_MAX];
    struct reader reader = {.config = config, .bundle = folder, .error = error};
    la_path(path, "%s/redis.conf", folder);
    config->from_user = true;
    return read_file(&reader, path, 0);
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
    struct reader reader = {.config = config, .error = error};
    int result = read_text(&reader, copy, what, INCLUDE_DEPTH);
    free(copy);
    return result;
}

void la_config_replace(struct la_config *config, struct la_config *over)
{
    static const char *const first = "save"; /* since 7.0 one that stands behind an include stands alone */
    struct la_config user = *config;
    for (size_t i = 0; i < over->count; i++)
        remove_named(&user, over->items[i].name);
    config->items = NULL;
    config->count = 0;
    for (size_t i = 0; i < over->count; i++)
        if (!strcmp(over->items[i].name, first))
            *append(config) = over->items[i];
    for (size_t i = 0; i < user.count; i++)
        *append(config) = user.items[i];
    for (size_t i = 0; i < over->count; i++)
        if (strcmp(over->items[i].name, first) != 0)
            *append(config) = over->items[i];
    free(user.items);
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

void la_config_add(struct la_config *config, const struct la_directive *like, const char *first)
{
    struct la_directive *item = append_named(config, like->name, like->file, like->line);
    item->count = like->count;
    item->args = la_alloc((size_t)like->count + 1, sizeof *item->args);
    for (int i = 0; i < like->count; i++)
        item->args[i] = la_strdup(i ? like->args[i] : first);
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

char *la_config_all(const struct la_config *config, const char *name)
{
    if (strcmp(name, "save") != 0)
        return la_config_get(config, name);
    sds joined = NULL;
    for (size_t i = 0; i < config->count; i++) {
        const struct la_directive *item = &config->items[i];
        if (strcmp(item->name, name) != 0)
            continue;
        if (!joined)
            joined = sdsempty();
        if (item->count == 1 && !*item->args[0])
            sdsclear(joined);
        for (int a = 0; a < item->count; a++)
            joined = sdscatfmt(joined, sdslen(joined) ? " %s" : "%s", item->args[a]);
    }
    char *text = joined ? la_strdup(joined) : NULL;
    sdsfree(joined);
    return text;
}

/* The file of a part. */
static void path_of(char out[LA_PATH_MAX], const char *folder, unsigned int part)
{
    if (part)
        la_path(out, "%s/include-%u.conf", folder, part);
    else
        la_path(out, "%s/redis.conf", folder);
}

static void write_word(const char *word, FILE *file)
{
    sds quoted = sdscatrepr(sdsempty(), word, strlen(word));
    fprintf(file, " %s", quoted);
    sdsfree(quoted);
}

static void write_directive(const struct la_directive *item, const char *seen, FILE *file)
{
    char path[LA_PATH_MAX];
    fputs(item->name, file);
    for (int a = 0; a < item->count; a++)
        write_word(item->args[a], file);
    if (item->opens) {
        path_of(path, seen, item->opens);
        write_word(path, file);
    }
    fputc('\n', file);
}

static int write_part(const struct la_config *config, unsigned int part, const char *folder, const char *seen,
                      struct la_error *error)
{
    char path[LA_PATH_MAX];
    path_of(path, folder, part);
    FILE *file = fopen(path, "wx");
    if (!file)
        return la_fail(error, "%s: %m", path);
    for (size_t i = 0; i < config->count; i++)
        if (config->items[i].part == part)
            write_directive(&config->items[i], seen, file);
    return fclose(file) ? la_fail(error, "%s: %m", path) : 0;
}

int la_config_write(const struct la_config *config, const char *folder, const char *seen, struct la_error *error)
{
    unsigned int parts = config->parts ? config->parts : 1;
    for (unsigned int part = 0; part < parts; part++)
        if (write_part(config, part, folder, seen, error))
            return -1;
    return 0;
}

void la_config_copy(struct la_config *to, const struct la_config *from)
{
    *to = (struct la_config){
        .from_user = from->from_user, .tls = from->tls, .says_slaveof = from->says_slaveof, .parts = from->parts};
    to->began = from->began ? la_strdup(from->began) : NULL;
    to->folder = from->folder ? la_strdup(from->folder) : NULL;
    for (size_t i = 0; i < from->count; i++) {
        const struct la_directive *source = &from->items[i];
        la_config_add(to, source, source->count ? source->args[0] : NULL);
        struct la_directive *item = &to->items[to->count - 1];
        item->part = source->part;
        item->opens = source->opens;
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
    free(config->began);
    free(config->folder);
    free(config->user);
    free(config->password);
    *config = (struct la_config){0};
}
