#include "unit/unit_files.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ETC    "/etc/systemd/system"
#define VENDOR "/usr/lib/systemd/system"
#define SUFFIX ".service"

/* Where systemd looks, the first one first; in the world the last one is furnished with what we put to /units. */
static const char *const places[] = {ETC, "/usr/local/lib/systemd/system", VENDOR};
enum { PLACES = sizeof places / sizeof *places };

static void add(struct la_unit_files *files, const char *here, const char *place, const char *name)
{
    la_strings_add(&files->pairs, la_strdup(here));
    la_strings_add(&files->pairs, la_format("%s/%s", strcmp(place, VENDOR) ? place : "/units", name));
}

/* OF.d/ *.conf in a folder, for the place that the folder stands for: to NAME.d there. */
static void add_drop_ins_of(struct la_unit_files *files, const char *folder, const char *of, const char *name,
                            const char *place)
{
    char *literal = la_glob_literal(folder);
    char *literal_name = la_glob_literal(of);
    char *pattern = la_format("%s/%s.d/*.conf", literal, literal_name);
    glob_t found;
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            char *inside = la_format("%s.d/%s", name, strrchr(found.gl_pathv[i], '/') + 1);
            add(files, found.gl_pathv[i], place, inside);
            free(inside);
        }
        globfree(&found);
    }
    free(pattern);
    free(literal_name);
    free(literal);
}

static void add_drop_ins(struct la_unit_files *files, const char *folder, const char *name, const char *place)
{
    add_drop_ins_of(files, folder, name, name, place);
}

/* What is for all units of a kind: service.d, and for redis-server.service redis-.service.d. */
static void add_shared_drop_ins(struct la_unit_files *files, const char *folder, const char *place)
{
    add_drop_ins(files, folder, "service", place);
    for (const char *dash = strchr(files->name, '-'); dash; dash = strchr(dash + 1, '-')) {
        char *prefix = la_format("%.*s" SUFFIX, (int)(dash + 1 - files->name), files->name);
        add_drop_ins(files, folder, prefix, place);
        free(prefix);
    }
}

static int find_file(struct la_unit_files *files, const char *path, struct la_error *error)
{
    char folder[LA_PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(files->name, sizeof files->name, "%s", slash ? slash + 1 : path);
    la_path(folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    if (!la_ends_with(files->name, SUFFIX) || !strcmp(files->name, SUFFIX))
        return la_fail(error, "--unit %s: the file of a service ends in " SUFFIX, path);
    add(files, path, ETC, files->name);
    add_drop_ins(files, *folder ? folder : "/", files->name, ETC);
    return 0;
}

/* An alias is a link to a file of another name, and that is the unit's. */
static void take_name(struct la_unit_files *files, const char *path)
{
    char *target = realpath(path, NULL);
    const char *name = target ? strrchr(target, '/') + 1 : "";
    if (la_ends_with(name, SUFFIX))
        snprintf(files->name, sizeof files->name, "%s", name);
    free(target);
}

/* A link to /dev/null: systemd refuses to start the unit, whatever other files of its name say. */
static bool is_masked(const char *path)
{
    char *target = realpath(path, NULL);
    bool masked = target && !strcmp(target, "/dev/null");
    free(target);
    return masked;
}

/* "redis@6380.service" -> "redis@.service"; empty: it is no instance of a template. */
static void template_of(const char *name, char *out, size_t size)
{
    const char *at = strchr(name, '@');
    *out = '\0';
    if (at && strcmp(at + 1, SUFFIX) != 0)
        snprintf(out, size, "%.*s@" SUFFIX, (int)(at - name), name);
}

static bool is_at(const char *folder, const char *name)
{
    char path[LA_PATH_MAX];
    la_path(path, "%s/%s", folder, name);
    return *name && la_is_file(path);
}

/* Takes the unit's own name from the first place that has it. -1 with `error` filled. */
static int find_first(const char *unit, const char *etc, const char *template, struct la_unit_files *files,
                      struct la_error *error)
{
    for (int i = 0; i < PLACES; i++) {
        char path[LA_PATH_MAX];
        const char *folder = i ? places[i] : etc;
        la_path(path, "%s/%s", folder, files->name);
        if (is_masked(path))
            return la_fail(error, "--unit %s: %s masks it: systemd does not start it", unit, path);
        bool found = la_is_file(path);
        if (found)
            take_name(files, path);
        if (found || is_at(folder, template))
            return 0;
    }
    return la_fail(error, "--unit %s: no %s in %s, %s or %s: name its file", unit, files->name, etc, places[1],
                   places[2]);
}

static void add_unit(struct la_unit_files *files, const char *folder, const char *name, const char *place)
{
    char path[LA_PATH_MAX];
    la_path(path, "%s/%s", folder, name);
    if (la_is_file(path))
        add(files, path, place, name);
    add_drop_ins(files, folder, name, place);
}

static int find_name(struct la_unit_files *files, const char *unit, const char *etc, struct la_error *error)
{
    char asked[sizeof files->name];
    char template[sizeof files->name];
    snprintf(asked, sizeof asked, "%s%s", unit, strstr(unit, SUFFIX) ? "" : SUFFIX);
    template_of(asked, template, sizeof template);
    memcpy(files->name, asked, sizeof asked);
    if (find_first(unit, etc, template, files, error))
        return -1;
    for (int i = 0; i < PLACES; i++) {
        const char *folder = i ? places[i] : etc;
        add_unit(files, folder, files->name, places[i]);
        if (*template)
            add_unit(files, folder, template, places[i]);
        if (strcmp(asked, files->name) != 0) /* an alias has drop-ins of its own, which count as well */
            add_drop_ins_of(files, folder, asked, files->name, places[i]);
        add_shared_drop_ins(files, folder, places[i]);
    }
    return 0;
}

int la_unit_find(struct la_unit_files *files, const char *unit, const char *folder, struct la_error *error)
{
    *files = (struct la_unit_files){.name = ""};
    if (folder && access(folder, R_OK | X_OK))
        return la_fail(error, "--unit-dir %s: %m", folder);
    if (strlen(unit) >= sizeof files->name - strlen(SUFFIX))
        return la_fail(error, "--unit: the name is too long");
    if (folder && (strchr(unit, '/') || la_is_file(unit)))
        return la_fail(error, "--unit-dir goes with the name of a unit: the drop-ins of a file lie beside it, in %s.d",
                       unit);
    if (strchr(unit, '/') || la_is_file(unit))
        return la_is_file(unit) ? find_file(files, unit, error) : la_fail(error, "--unit %s: no such file", unit);
    return find_name(files, unit, folder ? folder : ETC, error);
}

void la_unit_files_free(struct la_unit_files *files)
{
    la_strings_free(&files->pairs);
}

int la_unit_place(const struct la_unit_files *files, const struct la_world *world, struct la_error *error)
{
    for (size_t i = 0; i < files->pairs.count; i += 2)
        if (la_world_copy(world, files->pairs.items[i], files->pairs.items[i + 1], error))
            return -1;
    return 0;
}

const char *la_unit_here(const struct la_unit_files *files, const char *path)
{
    for (size_t i = 0; i < files->pairs.count; i += 2) {
        const char *place = files->pairs.items[i + 1];
        bool vendor = strncmp(place, "/units/", 7) == 0 && strncmp(path, VENDOR, strlen(VENDOR)) == 0;
        if (!strcmp(place, path) || (vendor && !strcmp(place + 6, path + strlen(VENDOR))))
            return files->pairs.items[i];
    }
    return path;
}
