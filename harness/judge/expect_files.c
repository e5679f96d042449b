/* The expectation files: what lies in a node's data directory when the scenario has ended. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "judge/expectations.h"
#include "judge/measured.h"
#include "judge/opinion.h"
#include "run/run.h"

struct files {
    char *node;
    char *match; /* glob below the data directory */
    unsigned int *min;
    unsigned int *max;
};

static int check_files(const struct la_check *check, const struct la_spec *spec)
{
    const struct files *files = (const struct files *)spec;
    return la_check_bounds(check, "files", files->min, files->max) || la_check_file(check, files->match) ? -1 : 0;
}

/* -1: they cannot be listed. */
static long long count_files(const struct la_node *node, const char *match)
{
    glob_t found = {0};
    int failed = la_node_find(node, match, &found);
    long long count = failed ? 0 : (long long)found.gl_pathc;
    globfree(&found);
    return failed && failed != GLOB_NOMATCH ? -1 : count;
}

static void measure_files(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct files *files = (const struct files *)spec;
    const struct la_node *node = la_run_seen(run, spec->node);
    long long count = node->power.out ? -1 : count_files(node, files->match);
    if (count < 0)
        return;
    la_measured_once(measured, (double)count, "files", "'%.60s' of %s", files->match, node->spec->name);
    la_measured_bound(measured, files->min, files->max, "files");
}

static struct la_opinion judge_files(const struct la_run *run, const struct la_spec *spec)
{
    const struct files *files = (const struct files *)spec;
    const struct la_node *node = la_run_seen(run, spec->node);
    char what[160];
    if (node->power.out)
        return la_opinion_unknown("the files of %s are not there to count: its power is out", node->spec->name);
    long long count = count_files(node, files->match);
    if (count < 0)
        return la_opinion_unknown("the files of %s cannot be listed", node->spec->name);
    snprintf(what, sizeof what, "files '%.60s' of %.60s", files->match, node->spec->name);
    return la_opinion_within(what, (unsigned long long)count, files->min, files->max);
}

static const cyaml_schema_field_t files_fields[] = {
    LA_TEXT("node", LA_OPTIONAL, struct files, node), LA_TEXT("match", LA_REQUIRED, struct files, match),
    LA_BOUND("min", struct files, min), LA_BOUND("max", struct files, max), LA_END};

const struct la_expect_kind la_expect_files = {
    .form = {"files", files_fields, sizeof(struct files)},
    .check = check_files,
    .judge = judge_files,
    .measure = measure_files,
};
