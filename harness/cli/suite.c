#include "cli/suite.h"

#include <stdio.h>

#include "cli/value.h"
#include "suite/sandbox.h"
#include "suite/suite.h"

enum { OPTION_SEED = 1000, OPTION_SET, OPTION_HTML, OPTION_JUNIT, OPTION_JSON };

static const struct argp_option options[] = {
    {"server", 's', "PATH", 0, "server under test, any executable (default: redis-server from PATH)", 0},
    {"config", 'c', "FILE", 0, "a redis.conf to run with; only scenarios that fit it are run", 0},
    {"set", OPTION_SET, "LINE", 0, "a redis.conf line that every scenario runs with, on top of all others; repeatable",
     0},
    {"seed", OPTION_SEED, "N", 0, "what random choices follow from (default: chosen and printed)", 0},
    {"out", 'o', "DIR", 0, "where everything is written; new or empty (default: lastack-DATE-TIME)", 0},
    {"html", OPTION_HTML, NULL, 0, "also write a page, DIR/report.html", 0},
    {"junit", OPTION_JUNIT, "FILE", 0, "also write JUnit XML; - is standard output", 0},
    {"json", OPTION_JSON, "FILE", 0,
     "also write the result here (it is in DIR/result.json in any case); - is "
     "standard output",
     0},
    {0}};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct la_suite *suite = state->input;
    switch (key) {
    case 's': suite->server = la_value_path(value, "--server"); break;
    case 'c': suite->config = la_value_path(value, "--config"); break;
    case 'o': la_path(suite->out, "%s", la_value_path(value, "--out")); break;
    case OPTION_SET: la_strings_add(&suite->set, la_strdup(value)); break;
    case OPTION_SEED: suite->seed = la_value_seed(state, value); break;
    case OPTION_HTML: suite->html = true; break;
    case OPTION_JUNIT: suite->junit = la_value_path(value, "--junit"); break;
    case OPTION_JSON: suite->json = la_value_path(value, "--json"); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

const struct argp la_cli_suite_options = {options, parse, NULL, NULL, NULL, NULL, NULL};

int la_cli_suite_parse(struct la_suite *suite, const char *command, const struct argp *argp, int argc, char **argv,
                       void *input)
{
    struct la_error error;
    suite->seed = la_now_ns() % 1000000000;
    la_strings_add(&suite->command, la_strdup("lastack"));
    la_strings_add(&suite->command, la_strdup(command));
    for (int i = 1; i < argc; i++)
        la_strings_add(&suite->command, la_strdup(argv[i]));
    argp_parse(argp, argc, argv, 0, NULL, input);
    if (la_parts_find(&suite->parts, &error) == 0)
        return 0;
    fprintf(stderr, "lastack: %s\n", error.text);
    return -1;
}

int la_cli_suite_run(struct la_suite *suite)
{
    suite->made_out = la_value_out(suite->out);
    int status = la_sandbox_run(la_suite_run, suite, &suite->parts, LA_GRACE_REPORT_MS);
    la_strings_free(&suite->files);
    la_strings_free(&suite->command);
    la_strings_free(&suite->set);
    return status;
}
