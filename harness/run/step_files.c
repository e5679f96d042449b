/*
 * The steps truncate, append, zero, remove, backup and restore: what becomes of a node's files while it is down, by a
 * torn write, a bad disk, or an operator. Each file is named by a glob below the data directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/copy.h"
#include "run/step_files.h"
#include "run/steps.h"

int la_step_glob(struct la_run *run, const struct la_node *node, const char *file, glob_t *found)
{
    if (node->pid)
        return la_run_doubt(run, "%s is running: its files are changed only while it is down", node->spec->name);
    return la_node_find(node, file, found) ? la_run_doubt(run, "'%s' is no file of %s", file, node->spec->name) : 0;
}

char *la_step_one_file(struct la_run *run, const struct la_node *node, const char *file)
{
    glob_t found = {0};
    if (la_step_glob(run, node, file, &found))
        return NULL;
    char *path = found.gl_pathc == 1 ? la_strdup(found.gl_pathv[0]) : NULL;
    if (!path)
        la_run_doubt(run, "'%s' is not exactly one file of %s", file, node->spec->name);
    globfree(&found);
    return path;
}

/* Whether the power may be cut after a step, as simulated: it would not know what the step has done to the files. */
static bool is_cut_later(const struct la_scenario *scenario, unsigned int index)
{
    bool later = false;
    for (unsigned int i = index + 1; i < scenario->step_count; i++) {
        const struct la_step *step = &scenario->steps[i];
        const char *rule = la_step_rule(step);
        bool cuts = step->kind == &la_step_power_cut || step->kind == &la_step_brink;
        later = later || cuts || (rule && strstr(rule, "do=power-cut"));
    }
    return later && scenario->power_cut && scenario->power_cut->method != LA_POWER_REAL;
}

static int check_place(const struct la_check *check, unsigned int index)
{
    if (is_cut_later(check->scenario, index))
        return la_check_wrong(check, "a simulated power cut does not know what a step before it has done to the files: "
                                     "use 'power_cut: {method: real}'");
    return 0;
}

/* ---- One file: truncate, append, zero ---- */

struct edit {
    char *node;
    char *file;
    unsigned int drop;   /* bytes off the end */
    unsigned int zeros;  /* bytes at the end */
    char *text;          /* at the end */
    unsigned int offset; /* where zeros are to stand; bytes */
    unsigned int bytes;  /* of them */
};

static int check_edit(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    return la_check_file(check, ((const struct edit *)spec)->file) ? -1 : check_place(check, index);
}

/* Writes zeros. -1 with errno. */
static int put_zeros(int fd, off_t offset, unsigned int bytes)
{
    static const char zeros[4096];
    while (bytes) {
        size_t part = bytes < sizeof zeros ? bytes : sizeof zeros;
        ssize_t put = pwrite(fd, zeros, part, offset);
        if (put <= 0)
            return -1;
        offset += put;
        bytes -= (unsigned int)put;
    }
    return 0;
}

/* What is done to a file of `size` bytes; what was done, in words, goes to `done`. -1 with errno. */
typedef int (*edit_file)(const struct edit *step, int fd, off_t size, char done[100]);

static int edit(struct la_run *run, const struct la_spec *spec, edit_file how)
{
    const struct edit *step = (const struct edit *)spec;
    struct la_node *node = la_run_node(run, step->node);
    struct stat st = {0};
    char done[100] = "";
    char *path = la_step_one_file(run, node, step->file);
    if (!path)
        return -1;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    int bad = fd < 0 || fstat(fd, &st) || how(step, fd, st.st_size, done);
    if (bad)
        la_run_doubt(run, "%s (%lld bytes): %s", step->file, (long long)st.st_size,
                     errno == ERANGE ? "it is too small for that" : strerror(errno));
    else
        la_run_event(run, node->spec->name, "%s: %s", path + strlen(node->data) + 1, done);
    if (fd >= 0)
        close(fd);
    free(path);
    return bad ? -1 : 0;
}

static int too_small(void)
{
    errno = ERANGE;
    return -1;
}

static int truncate_file(const struct edit *step, int fd, off_t size, char done[100])
{
    snprintf(done, 100, "cut %u bytes off its end", step->drop);
    return size <= (off_t)step->drop ? too_small() : ftruncate(fd, size - (off_t)step->drop);
}

static int append_to_file(const struct edit *step, int fd, off_t size, char done[100])
{
    size_t length = step->text ? strlen(step->text) : 0;
    snprintf(done, 100, "%zu bytes and %u zeros at its end", length, step->zeros);
    if (length && pwrite(fd, step->text, length, size) != (ssize_t)length)
        return -1;
    return put_zeros(fd, size + (off_t)length, step->zeros);
}

static int zero_file(const struct edit *step, int fd, off_t size, char done[100])
{
    snprintf(done, 100, "zeros from %u on, %u bytes", step->offset, step->bytes);
    return size < (off_t)step->offset + step->bytes ? too_small() : put_zeros(fd, step->offset, step->bytes);
}

static int run_truncate(struct la_run *run, const struct la_spec *spec)
{
    return edit(run, spec, truncate_file);
}

static int run_append(struct la_run *run, const struct la_spec *spec)
{
    return edit(run, spec, append_to_file);
}

static int run_zero(struct la_run *run, const struct la_spec *spec)
{
    return edit(run, spec, zero_file);
}

static int check_append(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct edit *step = (const struct edit *)spec;
    if (!step->zeros && !step->text)
        return la_check_wrong(check, "'append' needs zeros or text");
    return check_edit(check, spec, index);
}

#define FILE_FIELDS LA_TEXT("node", LA_OPTIONAL, struct edit, node), LA_TEXT("file", LA_REQUIRED, struct edit, file)
static const cyaml_schema_field_t truncate_fields[] = {FILE_FIELDS, LA_NEEDED("drop", struct edit, drop), LA_END};
static const cyaml_schema_field_t append_fields[] = {FILE_FIELDS, LA_NUMBER("zeros", struct edit, zeros),
                                                     LA_TEXT("text", LA_OPTIONAL, struct edit, text), LA_END};
static const cyaml_schema_field_t zero_fields[] = {FILE_FIELDS, LA_NUMBER("offset", struct edit, offset),
                                                   LA_NEEDED("bytes", struct edit, bytes), LA_END};

const struct la_step_kind la_step_truncate = {
    .form = {"truncate", truncate_fields, sizeof(struct edit)},
    .check = check_edit,
    .run = run_truncate,
};

const struct la_step_kind la_step_append = {
    .form = {"append", append_fields, sizeof(struct edit)},
    .check = check_append,
    .run = run_append,
};

const struct la_step_kind la_step_zero = {
    .form = {"zero", zero_fields, sizeof(struct edit)},
    .check = check_edit,
    .run = run_zero,
};

/* ---- Files and folders that go: remove ---- */

struct removal {
    char *node;
    char *file;
};

static int run_remove(struct la_run *run, const struct la_spec *spec)
{
    const struct removal *step = (const struct removal *)spec;
    struct la_node *node = la_run_node(run, step->node);
    glob_t found = {0};
    if (la_step_glob(run, node, step->file, &found))
        return -1;
    int bad = 0;
    for (size_t i = 0; i < found.gl_pathc && !bad; i++) {
        const char *path = found.gl_pathv[i];
        la_empty_folder(path); /* of a file: nothing */
        bad = remove(path) ? la_run_doubt(run, "%s: %s", path, strerror(errno)) : 0;
        la_run_event(run, node->spec->name, "%s: removed", path + strlen(node->data) + 1);
    }
    globfree(&found);
    return bad;
}

static int check_remove(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    return la_check_file(check, ((const struct removal *)spec)->file) ? -1 : check_place(check, index);
}

static const cyaml_schema_field_t remove_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct removal, node),
                                                     LA_TEXT("file", LA_REQUIRED, struct removal, file), LA_END};

const struct la_step_kind la_step_remove = {
    .form = {"remove", remove_fields, sizeof(struct removal)},
    .check = check_remove,
    .run = run_remove,
};

/* ---- All of them: backup, restore ---- */

static void backup_of(const struct la_node *node, char path[LA_PATH_MAX])
{
    la_path(path, "%s/backup", node->dir);
}

static int run_backup(struct la_run *run, const struct la_spec *spec)
{
    struct la_node *node = la_run_node(run, spec->node);
    struct la_error error;
    char path[LA_PATH_MAX];
    backup_of(node, path);
    la_empty_folder(path);
    if (la_make_dirs(path, &error) || la_copy_tree(node->data, path, &error))
        return la_run_doubt(run, "backup: %s", error.text);
    la_run_event(run, node->spec->name, "its files are backed up");
    return 0;
}

static int run_restore(struct la_run *run, const struct la_spec *spec)
{
    struct la_node *node = la_run_node(run, spec->node);
    struct la_error error;
    char path[LA_PATH_MAX];
    if (node->pid)
        return la_run_doubt(run, "%s is running: its files are restored only while it is down", node->spec->name);
    backup_of(node, path);
    la_empty_folder(node->data);
    if (la_copy_tree(path, node->data, &error))
        return la_run_doubt(run, "restore: %s", error.text);
    la_run_event(run, node->spec->name, "its files are those of the backup");
    return 0;
}

static int check_restore(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct la_scenario *scenario = check->scenario;
    bool there = false;
    for (unsigned int i = 0; i < index; i++)
        there = there || (scenario->steps[i].kind == &la_step_backup &&
                          !strcmp(la_spec_node(scenario, scenario->steps[i].spec), la_spec_node(scenario, spec)));
    return there ? check_place(check, index) : la_check_wrong(check, "'restore' needs a step 'backup' before it");
}

const struct la_step_kind la_step_backup = {
    .form = {"backup", la_spec_fields, sizeof(struct la_spec)},
    .run = run_backup,
};

const struct la_step_kind la_step_restore = {
    .form = {"restore", la_spec_fields, sizeof(struct la_spec)},
    .check = check_restore,
    .run = run_restore,
};
