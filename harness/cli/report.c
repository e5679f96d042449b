#include "cli/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/again.h"
#include "report/reporter.h"
#include "report/result.h"

static int usage(const char *text)
{
    fprintf(stderr, "lastack: %s\n", text);
    return LA_EXIT_USAGE;
}

static int become(const char *program, int argc, char **argv)
{
    const char **words = la_alloc((size_t)argc + 4, sizeof *words);
    la_reporter_words(program, words);
    for (int i = 1; i < argc; i++)
        words[LA_REPORTER_WORDS + i - 1] = argv[i];
    execv(words[0], (char **)words);
    fprintf(stderr, "lastack: %s: %s\n", words[0], strerror(errno));
    free(words);
    return LA_EXIT_USAGE;
}

int la_cli_report(int argc, char **argv)
{
    struct la_parts parts;
    struct la_error error;
    return la_parts_find(&parts, &error) ? usage(error.text) : become(parts.reporting, argc, argv);
}

static int become_campaign(const char *name, int argc, char **argv)
{
    struct la_parts parts;
    struct la_error error;
    char program[LA_PATH_MAX];
    if (la_parts_find(&parts, &error))
        return usage(error.text);
    la_path(program, "%s/%s.py", parts.campaigns, name);
    return become(program, argc, argv);
}

int la_cli_swarm(int argc, char **argv)
{
    return become_campaign("swarm", argc, argv);
}

int la_cli_coverage(int argc, char **argv)
{
    return become_campaign("covered", argc, argv);
}

int la_cli_shrink(int argc, char **argv)
{
    return become_campaign("shrink", argc, argv);
}

int la_cli_sweep(int argc, char **argv)
{
    return become_campaign("sweep", argc, argv);
}

int la_cli_explain(int argc, char **argv)
{
    struct la_parts parts;
    struct la_error error;
    char program[LA_PATH_MAX];
    if (la_parts_find(&parts, &error))
        return usage(error.text);
    la_path(program, "%s/explain.py", parts.reporting);
    return become(program, argc, argv);
}

int la_cli_merge(int argc, char **argv)
{
    struct la_parts parts;
    struct la_error error;
    char path[LA_PATH_MAX];
    struct la_strings reports = {0};
    if (argc < 2)
        return usage("merge: name the reports of a run's shards");
    for (int i = 1; i < argc; i++)
        la_strings_add(&reports, la_strdup(argv[i]));
    int bad = la_parts_find(&parts, &error);
    if (!bad)
        la_path(path, "%s/claims.yaml", parts.fixtures);
    struct la_claims *claims = bad ? NULL : la_claims_read(path, &error);
    json_t *merged = claims ? la_again_merge(&reports, claims, &error) : NULL;
    bool failed = !merged || la_result_hand_over(merged, "-", STDOUT_FILENO, &error);
    json_decref(merged);
    if (claims)
        la_claims_free(claims);
    la_strings_free(&reports);
    return failed ? usage(error.text) : LA_EXIT_HOLDS;
}
