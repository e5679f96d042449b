#include "cli/explore.h"

#include <argp.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "cli/suite.h"
#include "cli/value.h"
#include "explore/crew.h"
#include "explore/explore.h"
#include "explore/tape.h"

enum {
    OPTION_MINUTES = 1000,
    OPTION_ENDINGS,
    OPTION_DEVIATIONS,
    OPTION_STATES,
    OPTION_PLAIN,
    OPTION_RESUME,
    OPTION_NO_SHRINK
};

enum { MINUTES = 10, DEVIATIONS = 2, MINUTES_MAX = 1440 };

struct arguments {
    struct la_suite suite;
    struct la_explore explore;
};

static const struct argp_option options[] = {
    {"minutes", OPTION_MINUTES, "N", 0, "how long each scenario is explored at most, 1 to 1440 (default: 10)", 0},
    {"states", OPTION_STATES, "N", 0, "recover at most so many states of each scenario, 1 to 1000000", 0},
    {"endings", OPTION_ENDINGS, "LIST", 0,
     "how the node ends, of kill, ext4, xfs and posix, with commas between (default: all)", 0},
    {"deviations", OPTION_DEVIATIONS, "N", 0,
     "try every state that differs in at most so many things from having nothing, or everything, that was not made "
     "durable, 0 to 6 (default: 2); then chance draws deeper ones",
     0},
    {"jobs", 'j', "N", 0, "states at a time, 1 to 64 (default: as many as there are processors)", 0},
    {"resume", OPTION_RESUME, "DIR", 0,
     "go on from the recordings that an earlier exploration has left in DIR, its output folder, and from what it "
     "knows; "
     "nothing there is changed",
     0},
    {"no-shrink", OPTION_NO_SHRINK, NULL, 0, "do not look for the smallest state that shows each finding", 0},
    {"plain", OPTION_PLAIN, NULL, 0, "start the server anew for each state, in place of forking one", 0},
    {0}};

static unsigned int ending_of(struct argp_state *state, const char *name)
{
    for (int i = 0; i < LA_ENDINGS; i++)
        if (!strcmp(name, la_ending_names[i]))
            return 1U << i;
    argp_error(state, "--endings: '%s' is not kill, ext4, xfs or posix", name);
    return 0;
}

static unsigned int endings_of(struct argp_state *state, const char *list)
{
    unsigned int endings = 0;
    char *copy = la_strdup(list);
    char *rest = copy;
    for (char *name; (name = strsep(&rest, ","));)
        endings |= ending_of(state, name);
    free(copy);
    return endings;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct la_suite *suite = &arguments->suite;
    struct la_explore *explore = &arguments->explore;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = suite; break;
    case 'j': explore->jobs = (unsigned int)la_value_number(state, value, "--jobs", 1, LA_CREW_MAX); break;
    case OPTION_MINUTES:
        explore->minutes = (unsigned int)la_value_number(state, value, "--minutes", 1, MINUTES_MAX);
        break;
    case OPTION_STATES: explore->states = (uint32_t)la_value_number(state, value, "--states", 1, LA_STATES_MAX); break;
    case OPTION_ENDINGS: explore->endings = endings_of(state, value); break;
    case OPTION_DEVIATIONS:
        explore->deviations = (unsigned int)la_value_number(state, value, "--deviations", 0, LA_DEVIATIONS_MAX);
        break;
    case OPTION_RESUME: explore->resume = la_value_path(value, "--resume"); break;
    case OPTION_NO_SHRINK: suite->smallest = false; break;
    case OPTION_PLAIN: explore->plain = true; break;
    case ARGP_KEY_ARG: la_strings_add(&suite->files, la_strdup(la_value_path(value, "a scenario"))); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int check_recordings(const glob_t *found, const char *folder, const char *out, struct la_error *error)
{
    if (*out && la_lies_in(out, folder))
        return la_fail(error, "--out %s lies in %s, which is not changed: name a folder elsewhere", out, folder);
    if (!found->gl_pathc)
        return la_fail(error, "--resume %s: no recording is there: name the output folder of a lastack explore",
                       folder);
    for (size_t i = 0; i < found->gl_pathc; i++)
        if (la_tape_check(found->gl_pathv[i], error))
            return -1;
    return 0;
}

/* Without scenarios, those that were begun there. */
static int take_recordings(struct arguments *arguments, struct la_error *error)
{
    const char *folder = arguments->explore.resume;
    struct la_strings *files = &arguments->suite.files;
    glob_t found = {0};
    char *literal = la_glob_literal(folder);
    char *pattern = la_format("%s/*/" LA_TAPE_FOLDER, literal);
    const bool named = files->count;
    glob(pattern, 0, NULL, &found);
    const int failed = check_recordings(&found, folder, arguments->suite.out, error);
    for (size_t i = 0; !failed && !named && i < found.gl_pathc; i++)
        la_strings_add(files, la_format("%s/scenario.yaml", found.gl_pathv[i]));
    globfree(&found);
    free(pattern);
    free(literal);
    return failed;
}

int la_cli_explore(int argc, char **argv)
{
    struct arguments arguments = {
        .suite = {.demands = {-1, -1, false}, .repeat = 1, .jobs = 1, .one = la_explore_scenario, .smallest = true},
        .explore = {.endings = (1U << LA_ENDINGS) - 1, .deviations = DEVIATIONS, .minutes = MINUTES}};
    struct la_error error;
    struct la_suite *suite = &arguments.suite;
    static const struct argp_child children[] = {{&la_cli_suite_options, 0, NULL, 0}, {0}};
    struct argp argp = {options, parse, "[SCENARIO...]", NULL, children, NULL, NULL};
    suite->context = &arguments.explore;
    if (la_cli_suite_parse(suite, "explore", &argp, argc, argv, &arguments))
        return LA_EXIT_USAGE;
    arguments.explore.forkserver = suite->parts.forkserver;
    arguments.explore.jobs = arguments.explore.jobs ? arguments.explore.jobs : la_jobs_here();
    if (arguments.explore.resume && take_recordings(&arguments, &error)) {
        fprintf(stderr, "lastack: %s\n", error.text);
        return LA_EXIT_USAGE;
    }
    if (!suite->files.count)
        la_strings_add(&suite->files, la_format("%s/cuts", suite->parts.scenarios));
    return la_cli_suite_run(suite);
}
