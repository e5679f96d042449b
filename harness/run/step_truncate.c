/* The step truncate: bytes that are gone off the end of a file, as after a torn write. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/steps.h"

struct truncate {
    char *node;
    char *file;        /* glob below the data directory; exactly one file must match */
    unsigned int drop; /* bytes off the end */
};

static int run_truncate(struct la_run *run, const struct la_spec *spec)
{
    const struct truncate *step = (const struct truncate *)spec;
    struct la_node *node = la_run_node(run, step->node);
    char pattern[LA_PATH_MAX];
    glob_t found;
    struct stat st;
    if (node->pid)
        return la_run_doubt(run, "%s is running: its files are cut only while it is down", node->spec->name);
    char *data = la_glob_literal(node->data);
    la_path(pattern, "%s/%s", data, step->file);
    free(data);
    if (glob(pattern, 0, NULL, &found) || found.gl_pathc != 1)
        return la_run_doubt(run, "truncate: '%s' is not exactly one file", step->file);
    int result = 0;
    const char *file = found.gl_pathv[0];
    if (stat(file, &st) || st.st_size <= (off_t)step->drop || truncate(file, st.st_size - (off_t)step->drop))
        result = la_run_doubt(run, "cannot cut %u bytes off %s", step->drop, step->file);
    else
        la_run_event(run, node->spec->name, "cut %u bytes off %s", step->drop, file + strlen(node->data) + 1);
    globfree(&found);
    return result;
}

static int check_truncate(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    (void)index;
    return la_check_file(check, ((const struct truncate *)spec)->file);
}

static const cyaml_schema_field_t truncate_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct truncate, node),
                                                       LA_TEXT("file", LA_REQUIRED, struct truncate, file),
                                                       LA_NEEDED("drop", struct truncate, drop), LA_END};

const struct la_step_kind la_step_truncate = {
    .form = {"truncate", truncate_fields, sizeof(struct truncate)},
    .check = check_truncate,
    .run = run_truncate,
};
