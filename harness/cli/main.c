/* The command line: its commands, and what they take. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "cli/explore.h"
#include "cli/fault.h"
#include "cli/list.h"
#include "cli/playbook.h"
#include "cli/report.h"
#include "cli/suite.h"
#include "cli/value.h"
#include "report/ledger_print.h"
#include "suite/rejudge.h"
#include "suite/replay.h"
#include "suite/sandbox.h"

enum {
    OPTION_JSON = 1000,
    OPTION_QUICK,
    OPTION_REPEAT,
    OPTION_RPO,
    OPTION_RTO,
    OPTION_NO_SHIM,
    OPTION_DATA,
    OPTION_ALERTS,
    OPTION_CHECK,
    OPTION_DOCUMENT,
    OPTION_BACKUP,
    OPTION_RESTORE,
    OPTION_UNIT,
    OPTION_UNIT_DIR,
    OPTION_DEEP,
    OPTION_SHARD,
    OPTION_COVERAGE,
    OPTION_COVERAGE_STORE,
    OPTION_WORST,
    OPTION_MATRIX,
    OPTION_OLD_SERVER,
    OPTION_CLAIMS,
    OPTION_NODE,
    OPTION_TIMES,
    OPTION_FORMAT,
    OPTION_KEEP,
    OPTION_START_TIMEOUT
};

static const char usage_text[] =
    "lastack " LASTACK_VERSION " - what a Redis-compatible server loses when it crashes, by experiment\n"
    "\n"
    "  lastack certify [OPTION...]            run the default scenarios and print the table\n"
    "  lastack run FILE|DIR|NAME... [OPTION...]\n"
    "                                         run scenarios: files, folders, or names of those that come with lastack\n"
    "  lastack list [--claims] [--json]       list scenarios, or the claims they check\n"
    "  lastack explain SCENARIO|CLAIM|WORD    what it is, why it matters, how to read its verdict\n"
    "  lastack replay BUNDLE [--server PATH]  recover a kept crash state and judge it again\n"
    "  lastack rejudge REPORT...              judge again, with this lastack, what a run has read back\n"
    "  lastack playbook RUNBOOK.md --incident NAME\n"
    "                                         run a runbook as it is written on a server that something has happened "
    "to\n"
    "  lastack drill NAME|any                 be called: something happens to a server, and you have a shell there\n"
    "  lastack report REPORT... [OPTION...]   HTML, Markdown, JUnit, CTRF, metrics, a certificate; what is new\n"
    "  lastack coverage REPORT...             what the faults of runs have reached, of all that there is\n"
    "  lastack shrink BUNDLE|SCENARIO         the smallest scenario that still shows a finding\n"
    "  lastack explore [SCENARIO...]          every state that a kill or a power cut may leave, at every moment of a "
    "run\n"
    "  lastack swarm [--count N] [--seed N]   draw scenarios from a seed, and run them\n"
    "  lastack sweep [SCENARIO] [--minutes N] make every operation fail that a server makes on its files\n"
    "  lastack fault ls|arm|disarm|log --node FOLDER\n"
    "                                         rules and injections of a node, also while it is running\n"
    "  lastack ledger LEDGER|BUNDLE|REPORT [--format text|jsonl|edn]\n"
    "                                         what the load sent and what was answered; of a report: what is in it\n"
    "  lastack COMMAND --help                 the options of a command\n"
    "  lastack --version | --help\n"
    "\n"
    "exit status: 0 every expectation holds, 1 something is violated, 2 usage or unreadable input,\n"
    "             3 nothing violated, something inconclusive, or nothing could be judged\n";

struct arguments {
    struct la_suite suite;
    bool wants_files;
};

static enum la_keep keep(struct argp_state *state, const char *text)
{
    static const char *const names[] = {
        [LA_KEEP_ALL] = "all", [LA_KEEP_FINDINGS] = "findings", [LA_KEEP_NONE] = "none"};
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (!strcmp(text, names[i]))
            return (enum la_keep)i;
    argp_error(state, "--keep: '%s' is not all, findings or none", text);
    return LA_KEEP_ALL;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct la_suite *suite = &arguments->suite;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = suite; break;
    case 'j': suite->jobs = (unsigned int)la_value_number(state, value, "--jobs", 1, 64); break;
    case 'v': suite->verbose = true; break;
    case OPTION_DATA: suite->data = la_value_path(value, "--data"); break;
    case OPTION_QUICK: suite->quick = true; break;
    case OPTION_OLD_SERVER: suite->old_server = la_value_path(value, "--old-server"); break;
    case OPTION_MATRIX: suite->matrix = true; break;
    case OPTION_UNIT: suite->unit = la_value_path(value, "--unit"); break;
    case OPTION_UNIT_DIR: suite->unit_dir = la_value_path(value, "--unit-dir"); break;
    case OPTION_CHECK: suite->check = la_value_path(value, "--check"); break;
    case OPTION_BACKUP: suite->backup = la_value_path(value, "--backup"); break;
    case OPTION_RESTORE: suite->restore = la_value_path(value, "--restore"); break;
    case OPTION_DOCUMENT: suite->document = la_value_path(value, "--document"); break;
    case OPTION_ALERTS: suite->alerts = la_value_path(value, "--alerts"); break;
    case OPTION_COVERAGE: suite->coverage = true; break;
    case OPTION_COVERAGE_STORE:
        suite->coverage = true;
        suite->coverage_store = la_value_path(value, "--coverage-store");
        break;
    case OPTION_SHARD: la_value_shard(state, value, &suite->shard.number, &suite->shard.of); break;
    case OPTION_DEEP: suite->deep = true; break;
    case OPTION_WORST: suite->worst = true; break;
    case OPTION_REPEAT: suite->repeat = (unsigned int)la_value_number(state, value, "--repeat", 1, 10000); break;
    case OPTION_NO_SHIM: suite->no_shim = true; break;
    case OPTION_RPO: suite->demands.rpo_ms = la_value_duration(state, value, "--rpo"); break;
    case OPTION_RTO: suite->demands.rto_ms = la_value_duration(state, value, "--rto"); break;
    case OPTION_KEEP: suite->keep = keep(state, value); break;
    case OPTION_START_TIMEOUT:
        suite->start_timeout_ms = (unsigned int)la_value_duration(state, value, "--start-timeout");
        if (!suite->start_timeout_ms)
            argp_error(state, "--start-timeout: at least 1 ms");
        break;
    case ARGP_KEY_ARG:
        if (!arguments->wants_files)
            argp_error(state, "unexpected argument '%s'", value);
        la_strings_add(&suite->files, la_strdup(la_value_path(value, "a scenario")));
        break;
    case ARGP_KEY_END:
        if (arguments->wants_files && suite->files.count == 0)
            argp_error(state, "name a scenario, a file or a folder of them");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static const struct argp_option run_options[] = {
    {"old-server", OPTION_OLD_SERVER, "PATH", 0,
     "another version: what the server makes of its files after a crash, and it of the server's", 0},
    {"data", OPTION_DATA, "DIR", 0, "start from a copy of this data directory", 0},
    {"repeat", OPTION_REPEAT, "N", 0, "run each scenario N times, 1 to 10000, with seeds from that of --seed on", 0},
    {"jobs", 'j', "N", 0, "scenarios at a time, 1 to 64 (default: as many as there are processors, and memory for)", 0},
    {"shard", OPTION_SHARD, "K/N", 0,
     "make the K-th share of the runs, of N; lastack report puts the reports of all together", 0},
    {"coverage", OPTION_COVERAGE, NULL, 0, "say what the faults have reached, of all that there is", 0},
    {"coverage-store", OPTION_COVERAGE_STORE, "FILE", 0, "the same, with what was ever reached: the file grows", 0},
    {"rpo", OPTION_RPO, "TIME", 0,
     "require a window of loss of at most TIME: 250 (ms), 1s, 2m; run: of every scenario, certify: at worst", 0},
    {"rto", OPTION_RTO, "TIME", 0, "require readiness within TIME of the fault, likewise", 0},
    {"alerts", OPTION_ALERTS, "FILE", 0,
     "judge these alert rules, a YAML list of {field, comparison, value, for}: which faults they see, and when", 0},
    {"check", OPTION_CHECK, "COMMAND", 0,
     "judge this check, exit status 0 well, else ill: which faults it sees, and when; with --alerts a rule names it, "
     "as "
     "the field check",
     0},
    {"backup", OPTION_BACKUP, "SCRIPT", 0,
     "judge this script: whether what it makes can be restored and has all data, and whether it says so when it has "
     "failed",
     0},
    {"restore", OPTION_RESTORE, "SCRIPT", 0, "with --backup: what brings it back, for a server that is stopped", 0},
    {"document", OPTION_DOCUMENT, "FILE|DIR", 0,
     "where the lines stand that scenarios of playbooks take from a document; certify: with --deep", 0},
    {"unit", OPTION_UNIT, "FILE|NAME", 0,
     "whether this systemd unit, with its redis.conf or that of --config, loses a replica's data with its own", 0},
    {"unit-dir", OPTION_UNIT_DIR, "DIR", 0, "with --unit NAME: what stands for /etc/systemd/system", 0},
    {"start-timeout", OPTION_START_TIMEOUT, "TIME", 0,
     "for a server to serve after a start (default: 20s at first, "
     "60s in a recovery)",
     0},
    {"keep", OPTION_KEEP, "WHICH", 0, "scenario folders to keep: all (default), findings (not those that hold), none",
     0},
    {"worst", OPTION_WORST, NULL, 0, "only the scenarios that look for the most that the configuration can lose", 0},
    {"matrix", OPTION_MATRIX, NULL, 0, "certify: only the ways of persisting, side by side", 0},
    {"deep", OPTION_DEEP, NULL, 0,
     "five times as many rounds of what is measured in rounds, and of runs that chance has a part in", 0},
    {"quick", OPTION_QUICK, NULL, 0, "only the scenarios marked quick", 0},
    {"no-shim", OPTION_NO_SHIM, NULL, 0, "do not preload libfaultinject.so: rules cannot fire, kills can", 0},
    {"verbose", 'v', NULL, 0, "print what happens, as it happens", 0},
    {0}};

static int run(int argc, char **argv, bool certify)
{
    struct arguments arguments = {.suite = {.demands = {-1, -1, false}, .repeat = 1}, .wants_files = !certify};
    struct la_suite *suite = &arguments.suite;
    static const struct argp_child children[] = {{&la_cli_suite_options, 0, NULL, 0}, {0}};
    struct argp argp = {run_options, parse, certify ? "" : "FILE|DIR...", NULL, children, NULL, NULL};
    if (la_cli_suite_parse(suite, certify ? "certify" : "run", &argp, argc, argv, &arguments))
        return LA_EXIT_USAGE;
    suite->certify = certify;
    if (suite->matrix && !certify) {
        fprintf(stderr, "lastack: --matrix is an option of lastack certify\n");
        return LA_EXIT_USAGE;
    }
    suite->jobs = suite->jobs ? suite->jobs : la_jobs_here();
    suite->demands.of_worst = certify;
    if (certify)
        la_strings_add(&suite->files, la_strdup(suite->parts.scenarios));
    return la_cli_suite_run(suite);
}

static int run_files(int argc, char **argv)
{
    return run(argc, argv, false);
}

static int certify(int argc, char **argv)
{
    return run(argc, argv, true);
}

struct list_arguments {
    bool claims;
    bool json;
};

static error_t parse_list(int key, char *value, struct argp_state *state)
{
    struct list_arguments *arguments = state->input;
    switch (key) {
    case OPTION_CLAIMS: arguments->claims = true; break;
    case OPTION_JSON: arguments->json = true; break;
    case ARGP_KEY_ARG: argp_error(state, "unexpected argument '%s'", value); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int list(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"claims", OPTION_CLAIMS, NULL, 0, "the claims of the documents, and which scenarios check them", 0},
        {"json", OPTION_JSON, NULL, 0, "as JSON", 0},
        {0}};
    struct list_arguments arguments = {false, false};
    struct argp argp = {options, parse_list, "", NULL, NULL, NULL, NULL};
    struct la_parts parts;
    struct la_error error;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    if (la_parts_find(&parts, &error) || la_list(&parts, arguments.claims, arguments.json, &error)) {
        fprintf(stderr, "lastack: %s\n", error.text);
        return LA_EXIT_USAGE;
    }
    return LA_EXIT_HOLDS;
}

static error_t parse_replay(int key, char *value, struct argp_state *state)
{
    struct la_replay *replay = state->input;
    switch (key) {
    case 's': replay->server = la_value_path(value, "--server"); break;
    case 'o': la_path(replay->out, "%s", la_value_path(value, "--out")); break;
    case ARGP_KEY_ARG:
        if (replay->bundle)
            argp_error(state, "one bundle at a time");
        replay->bundle = la_value_path(value, "the bundle");
        break;
    case ARGP_KEY_END:
        if (!replay->bundle)
            argp_error(state, "name a bundle: the folder of a scenario in a report");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int replay(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"server", 's', "PATH", 0, "server to recover with (default: the one of the bundle)", 0},
        {"out", 'o', "DIR", 0, "where to work; new or empty (default: lastack-DATE-TIME)", 0},
        {0}};
    struct la_replay replay = {0};
    struct la_error error;
    struct argp argp = {options, parse_replay, "BUNDLE", NULL, NULL, NULL, NULL};
    argp_parse(&argp, argc, argv, 0, NULL, &replay);
    if (la_parts_find(&replay.parts, &error)) {
        fprintf(stderr, "lastack: %s\n", error.text);
        return LA_EXIT_USAGE;
    }
    replay.made_out = la_value_out(replay.out);
    return la_sandbox_run(la_replay_run, &replay, &replay.parts, LA_GRACE_NONE_MS);
}

static error_t parse_rejudge(int key, char *value, struct argp_state *state)
{
    struct la_rejudge *rejudge = state->input;
    switch (key) {
    case OPTION_JSON: rejudge->json = la_value_path(value, "--json"); break;
    case ARGP_KEY_ARG: la_strings_add(&rejudge->reports, la_strdup(la_value_path(value, "a report"))); break;
    case ARGP_KEY_END:
        if (!rejudge->reports.count)
            argp_error(state, "name a report: the folder of a run");
        if (rejudge->json && rejudge->reports.count > 1)
            argp_error(state, "--json takes one report");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int rejudge(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"json", OPTION_JSON, "FILE", 0, "write the result with its new verdicts there; - is standard output", 0}, {0}};
    struct la_rejudge arguments = {.json = NULL};
    struct la_error error;
    struct argp argp = {options, parse_rejudge, "REPORT...", NULL, NULL, NULL, NULL};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    int status = LA_EXIT_USAGE;
    if (la_parts_find(&arguments.parts, &error))
        fprintf(stderr, "lastack: %s\n", error.text);
    else
        status = la_rejudge_run(&arguments);
    la_strings_free(&arguments.reports);
    return status;
}

struct fault_arguments {
    const char *node;
    bool times;
    char *words[4];
    int count;
};

static error_t parse_fault(int key, char *value, struct argp_state *state)
{
    struct fault_arguments *arguments = state->input;
    switch (key) {
    case OPTION_NODE: arguments->node = la_value_path(value, "--node"); break;
    case OPTION_TIMES: arguments->times = true; break;
    case ARGP_KEY_ARG:
        if (arguments->count == 4)
            argp_error(state, "a rule is one argument: put it in quotes");
        arguments->words[arguments->count++] = value;
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

struct ledger_arguments {
    const char *path;
    int format;
};

static error_t parse_ledger(int key, char *value, struct argp_state *state)
{
    struct ledger_arguments *arguments = state->input;
    switch (key) {
    case OPTION_FORMAT:
        arguments->format = la_ledger_format(value);
        if (arguments->format < 0)
            argp_error(state, "--format: '%s' is not text, jsonl or edn", value);
        break;
    case ARGP_KEY_ARG:
        if (arguments->path)
            argp_error(state, "one ledger at a time");
        arguments->path = la_value_path(value, "the ledger");
        break;
    case ARGP_KEY_END:
        if (!arguments->path)
            argp_error(state, "name a ledger, or a bundle: the folder of a scenario in a report");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int ledger(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"format", OPTION_FORMAT, "FORMAT", 0, "text (default), jsonl: a JSON object a line, edn: a Jepsen history", 0},
        {0}};
    struct ledger_arguments arguments = {NULL, LA_LEDGER_TEXT};
    struct argp argp = {options, parse_ledger, "LEDGER|BUNDLE", NULL, NULL, NULL, NULL};
    struct la_error error;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    if (la_ledger_print(arguments.path, (enum la_ledger_format)arguments.format, stdout, &error) == 0)
        return LA_EXIT_HOLDS;
    fprintf(stderr, "lastack: %s\n", error.text);
    return LA_EXIT_USAGE;
}

static int fault(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"node", OPTION_NODE, "FOLDER", 0, "the node's folder in the report: REPORT/SCENARIO/NODE", 0},
        {"times", OPTION_TIMES, NULL, 0, "log: with times, process and thread ids", 0},
        {0}};
    struct fault_arguments arguments = {0};
    struct argp argp = {options, parse_fault, "ls | arm RULE | disarm NUMBER|all | log", NULL, NULL, NULL, NULL};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    return la_fault(arguments.node, arguments.words, arguments.count, arguments.times);
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    argp_err_exit_status = LA_EXIT_USAGE;
    if (!strcmp(command, "--version") || !strcmp(command, "-V")) {
        puts("lastack " LASTACK_VERSION);
        return 0;
    }
    if (!strcmp(command, "--help") || !strcmp(command, "-?") || !strcmp(command, "help")) {
        fputs(usage_text, stdout);
        return 0;
    }
    /* what argp calls the program in its messages, too */
    static const struct {
        char name[16];
        char called[20];
        int (*run)(int argc, char **argv);
    } commands[] = {{"run", "lastack run", run_files},
                    {"certify", "lastack certify", certify},
                    {"list", "lastack list", list},
                    {"replay", "lastack replay", replay},
                    {"rejudge", "lastack rejudge", rejudge},
                    {"playbook", "lastack playbook", la_cli_playbook},
                    {"drill", "lastack drill", la_cli_drill},
                    {"fault", "lastack fault", fault},
                    {"ledger", "lastack ledger", ledger},
                    {"report", "lastack report", la_cli_report},
                    {"swarm", "lastack swarm", la_cli_swarm},
                    {"sweep", "lastack sweep", la_cli_sweep},
                    {"shrink", "lastack shrink", la_cli_shrink},
                    {"coverage", "lastack coverage", la_cli_coverage},
                    {"explain", "lastack explain", la_cli_explain},
                    {"explore", "lastack explore", la_cli_explore},
                    {"merge", "lastack merge", la_cli_merge}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(command, commands[i].name) != 0)
            continue;
        argv[1] = (char *)commands[i].called;
        return commands[i].run(argc - 1, argv + 1);
    }
    if (*command)
        fprintf(stderr, "lastack: unknown command '%s'; see lastack --help\n", command);
    else
        fputs(usage_text, stderr);
    return LA_EXIT_USAGE;
}
