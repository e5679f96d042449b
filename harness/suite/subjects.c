#include "suite/subjects.h"

#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/row.h"

static void add(json_t *subjects, const char *role, const char *name, const char *path)
{
    char digest[SHA256_DIGEST_STRING_LENGTH];
    struct stat st;
    size_t i;
    json_t *subject;
    json_array_foreach (subjects, i, subject)
        if (!strcmp(la_json_get(subject, "role"), role) && !strcmp(la_json_get(subject, "path"), name))
            return;
    if (stat(path, &st) || !S_ISREG(st.st_mode) || !SHA256File(path, digest))
        return;
    json_array_append_new(subjects,
                          json_pack("{s:s, s:o, s:s}", "role", role, "path", la_json_text(name), "sha256", digest));
}

void la_subjects_add(json_t *subjects, const char *role, const char *path)
{
    char name[LA_PATH_MAX];
    char *here = getcwd(NULL, 0);
    la_path_from(name, here ? here : ".", path);
    add(subjects, role, name, path);
    free(here);
}

void la_subjects_add_running(json_t *subjects, pid_t pid)
{
    char path[64];
    char name[LA_PATH_MAX];
    size_t i;
    json_t *subject;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(path, name, sizeof name - 1);
    if (length <= 0)
        return;
    name[length] = '\0';
    json_array_foreach (subjects, i, subject)
        if (la_same_file(la_json_get(subject, "path"), path)) { /* no wrapper: it has been read already */
            json_t *same = json_copy(subject);
            json_object_set_new(same, "role", json_string("executable"));
            json_object_set_new(same, "path", la_json_text(name));
            json_array_append_new(subjects, same);
            return;
        }
    add(subjects, "executable", name, path);
}

void la_subjects_add_config(json_t *subjects, const struct la_config *config, const char *path)
{
    la_subjects_add(subjects, "config", path);
    for (size_t i = 0; i < config->count; i++) {
        const struct la_directive *item = &config->items[i];
        char named[LA_PATH_MAX];
        if (item->part > 0 && item->file)
            la_subjects_add(subjects, "include", item->file);
        if (!la_config_names_file(item))
            continue;
        la_path_from(named, config->began, item->args[0]);
        la_subjects_add(subjects, item->name, named);
    }
}
