#include "suite/suite.h"

#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/output.h"
#include "report/evidence.h"
#include "report/repeat.h"
#include "report/reporter.h"
#include "report/result.h"
#include "report/row.h"
#include "report/table.h"
#include "run/guard.h"
#include "run/steps.h"
#include "scenario/kinds.h"
#include "scenario/read.h"
#include "suite/forecast.h"
#include "suite/matrix.h"
#include "suite/runner.h"
#include "suite/unit.h"
#include "suite/worst.h"

static int usage(const struct la_error *error)
{
    fprintf(stderr, "lastack: %s\n", error->text);
    return LA_EXIT_USAGE;
}

/* The first run's bundle has the scenario's name, the others' a number behind it. */
static void bundle_path(const struct la_work *work, const struct la_job *job, char path[LA_PATH_MAX])
{
    const char *name = work->scenarios.items[job->scenario]->name;
    if (job->turn)
        la_path(path, "%s/%s.%u", work->suite->out, name, job->turn + 1);
    else
        la_path(path, "%s/%s", work->suite->out, name);
}

static void result_path(const struct la_work *work, const struct la_job *job, char path[LA_PATH_MAX])
{
    char bundle[LA_PATH_MAX];
    bundle_path(work, job, bundle);
    la_path(path, "%s/scenario.json", bundle);
}

/* A rule, a power cut or a count of operations needs the library; what measures speed goes without where it can. */
static bool needs_library(const struct la_scenario *scenario)
{
    bool needs = !scenario->alone || scenario->power_cut || la_scenario_verifies(scenario);
    for (unsigned int i = 0; i < scenario->step_count; i++) {
        const struct la_step_kind *kind = scenario->steps[i].kind;
        needs = needs || kind->rule || kind->needs_library;
    }
    return needs;
}

/* In the child: one scenario, its result to a file. */
static int run_one(const struct la_work *work, const struct la_job *job)
{
    struct la_error error;
    char dir[LA_PATH_MAX];
    char path[LA_PATH_MAX];
    struct la_options options = work->options;
    const struct la_fit *fit = &work->fits[job->scenario];
    options.seed += job->turn;
    options.server.seed += job->turn;
    options.server.base = &fit->config;
    options.overrides = &fit->overrides;
    if (!needs_library(work->scenarios.items[job->scenario]))
        options.server.shim = NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    bundle_path(work, job, dir);
    const struct la_scenario *scenario = work->scenarios.items[job->scenario];
    const struct la_suite *suite = work->suite;
    json_t *result =
        suite->one ? suite->one(scenario, &options, dir, suite->context) : la_runner_run(scenario, &options, dir);
    result_path(work, job, path);
    int failed = la_result_write(result, path, &error) || la_evidence_seal(dir, &error);
    json_decref(result);
    return failed ? usage(&error) : 0;
}

/*
 * Of several runs, one that says nothing that is not said by another is not kept: it is the numbers that count. With
 * --keep, no run is kept that does not say what was asked for.
 */
static void tidy(const struct la_work *work, const struct la_job *job, const json_t *runs)
{
    char bundle[LA_PATH_MAX];
    bool holds = la_row_of(json_array_get(runs, job->place)).verdict == LA_HOLDS;
    bool said = holds && job->place && la_repeat_worst(runs) != (int)job->place;
    enum la_keep keep = work->suite->keep;
    if (!said && keep != LA_KEEP_NONE && !(keep == LA_KEEP_FINDINGS && holds))
        return;
    bundle_path(work, job, bundle);
    la_empty_folder(bundle);
    rmdir(bundle);
}

/* Scenarios that have not ended yet. */
static void list_pending(const struct la_work *work, struct la_strings *pending)
{
    for (size_t i = 0; i < work->scenarios.count; i++) {
        const char *name = work->scenarios.items[i]->name;
        bool done = false;
        size_t n;
        json_t *result;
        json_array_foreach (work->results, n, result)
            done = done || !strcmp(la_row_of(result).name, name);
        if (!done)
            la_strings_add(pending, la_strdup(name));
    }
}

static json_t *whole_result(const struct la_work *work, const struct la_strings *limits, bool finished)
{
    static const struct la_strings none;
    const struct la_suite *suite = work->suite;
    struct la_strings pending = {0};
    list_pending(work, &pending);
    struct la_result_frame frame = {
        .server_path = work->server,
        .server_name = work->probe.name,
        .server_version = work->probe.version,
        .seed = suite->seed,
        .changed = &work->base.changed,
        .limits = limits ? limits : &none,
        .skipped = &work->skipped,
        .out = suite->out,
        .claims = work->claims,
        .answer = work->answer,
        .subjects = work->subjects,
        .matrix = work->matrix,
        .unit = work->unit,
        .alerts = &work->alerts,
        .command = &suite->command,
        .pending = &pending,
        .shard = suite->shard.number,
        .shards = suite->shard.of,
        .certify = suite->certify && !suite->quick,
        .finished = finished,
        .seconds = (double)(la_now_ns() - work->start_ns) / 1e9,
    };
    json_t *result = la_result_whole(&frame, json_incref(work->results));
    la_strings_free(&pending);
    return result;
}

void la_suite_note(const struct la_work *work)
{
    struct la_error error;
    char path[LA_PATH_MAX];
    json_t *result = whole_result(work, NULL, false);
    la_path(path, "%s/result.json", work->suite->out);
    if (la_result_write(result, path, &error))
        fprintf(stderr, "lastack: not brought up to date: %s\n", error.text);
    json_decref(result);
}

static bool all_ended(const json_t *runs)
{
    for (size_t i = 0; i < json_array_size(runs); i++)
        if (json_is_null(json_array_get(runs, i)))
            return false;
    return true;
}

/* Of a scenario, how many runs are made here. */
static unsigned int turns_of(const struct la_work *work, size_t scenario)
{
    return la_turns_here(&work->fits[scenario].turns, work->suite, work->scenarios.items[scenario]);
}

static struct la_job job_of(const struct la_work *work, size_t scenario, unsigned int place)
{
    const unsigned int turn = la_turns_at(&work->fits[scenario].turns, work->suite, place);
    return (struct la_job){.scenario = scenario, .turn = turn, .place = place};
}

/* Takes one run's result. When it is the last one of its scenario, the scenario's row is printed. */
static void enter(struct la_work *work, const struct la_job *job, json_t *result)
{
    json_t **runs = &work->runs[job->scenario];
    char bundle[LA_PATH_MAX];
    if (!*runs)
        *runs = json_array();
    while (json_array_size(*runs) < turns_of(work, job->scenario))
        json_array_append_new(*runs, json_null());
    bundle_path(work, job, bundle);
    json_object_set_new(result, "bundle", json_string(strrchr(bundle, '/') + 1));
    if (!json_object_get(result, "seed")) /* it was not run */
        json_object_set_new(result, "seed", json_integer((json_int_t)work->options.seed + job->turn));
    int before = la_repeat_worst(*runs);
    json_array_set_new(*runs, job->place, result);
    tidy(work, job, *runs);
    if (before > 0) { /* no longer, perhaps */
        const struct la_job other = job_of(work, job->scenario, (unsigned int)before);
        tidy(work, &other, *runs);
    }
    if (!all_ended(*runs))
        return;
    json_t *merged = la_repeat_merge(*runs);
    *runs = NULL;
    json_array_append_new(work->into, merged);
    if (!work->silent)
        la_table_row(merged);
    la_suite_note(work);
}

static json_t *failed_result(const struct la_work *work, const struct la_job *job, const char *why)
{
    return la_result_failed(work->scenarios.items[job->scenario], &work->fits[job->scenario].overrides, why);
}

static void start_job(struct la_work *work, const struct la_job *job)
{
    fflush(NULL);
    uint64_t oom_kills = la_oom_kills();
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        if (!work->suite->one) /* else it looks for signals itself */
            sigprocmask(SIG_SETMASK, &none, NULL);
        int status = run_one(work, job);
        fflush(NULL);
        _exit(status);
    }
    if (pid < 0) {
        enter(work, job, failed_result(work, job, "fork failed"));
        return;
    }
    work->jobs[work->running] = *job;
    work->jobs[work->running].oom_kills = oom_kills;
    work->jobs[work->running++].pid = pid;
}

static void finish_job(struct la_work *work, unsigned int index, int status)
{
    const struct la_job job = work->jobs[index];
    char path[LA_PATH_MAX];
    char why[128];
    result_path(work, &job, path);
    json_t *result = status == 0 ? json_load_file(path, 0, NULL) : NULL;
    if (!result) {
        if (work->interrupted)
            snprintf(why, sizeof why, "interrupted");
        else if (WIFSIGNALED(status) && WTERMSIG(status) == LA_GUARD_SIGNAL)
            snprintf(why, sizeof why, "the disk of the report was nearly full: the run was ended");
        else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && la_oom_kills() > job.oom_kills)
            snprintf(why, sizeof why, "the kernel ended the harness for lack of memory (OOM kill)");
        else
            snprintf(why, sizeof why, "the harness failed while running it (wait status %#x)", (unsigned int)status);
        result = failed_result(work, &job, why);
    }
    enter(work, &job, result);
    work->jobs[index] = work->jobs[--work->running];
}

static void reap(struct la_work *work)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (unsigned int i = 0; i < work->running; i++)
            if (work->jobs[i].pid == pid) {
                finish_job(work, i, status);
                break;
            }
}

static void interrupt(struct la_work *work)
{
    if (!work->interrupted)
        fprintf(stderr, "lastack: interrupted, cleaning up\n");
    work->interrupted = true;
    for (unsigned int i = 0; i < work->running; i++)
        kill(work->jobs[i].pid, work->suite->one ? SIGTERM : SIGKILL); /* its servers get a parent-death signal */
}

static size_t count_jobs(const struct la_work *work, size_t first, size_t end)
{
    size_t jobs = 0;
    for (size_t i = first; i < end; i++)
        jobs += turns_of(work, i);
    return jobs;
}

/*
 * What goes beside others comes before what measures speed: each change from the one to the other waits until nothing
 * runs.
 */
static struct la_job job_at(const struct la_work *work, size_t first, size_t end, size_t number)
{
    bool alone = false;
    size_t scenario = first;
    for (;; scenario++) {
        if (scenario == end) {
            alone = true;
            scenario = first;
        }
        unsigned int turns = work->scenarios.items[scenario]->alone == alone ? turns_of(work, scenario) : 0;
        if (number < turns)
            return job_of(work, scenario, (unsigned int)number);
        number -= turns;
    }
}

/* What measures speed waits until nothing runs, and nothing starts beside it. */
static bool may_start(const struct la_work *work, const struct la_job *job)
{
    bool alone = work->scenarios.items[job->scenario]->alone;
    for (unsigned int i = 0; i < work->running; i++)
        alone = alone || work->scenarios.items[work->jobs[i].scenario]->alone;
    return work->running < work->suite->jobs && !(alone && work->running);
}

void la_suite_run_range(struct la_work *work, size_t first, size_t end)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    const struct la_stretch stretch = {first, end, la_now_ns()};
    size_t next = 0;
    size_t all = count_jobs(work, first, end);
    while (next < all || work->running) {
        while (!work->interrupted && next < all) {
            const struct la_job job = job_at(work, first, end, next);
            if (!may_start(work, &job))
                break;
            la_forecast_show(work, &stretch, next++, all, work->scenarios.items[job.scenario]->name);
            start_job(work, &job);
        }
        for (; work->interrupted && next < all; next++) {
            const struct la_job job = job_at(work, first, end, next);
            enter(work, &job, failed_result(work, &job, "interrupted"));
        }
        struct timespec wait = {0, 100000000};
        int signal = sigtimedwait(&signals, NULL, &wait);
        if (signal == SIGINT || signal == SIGTERM)
            interrupt(work);
        reap(work);
    }
}

/* Bytes that a folder takes on the disk. */
static uint64_t size_of(const char *folder)
{
    char *const roots[] = {(char *)folder, NULL};
    uint64_t blocks = 0;
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; tree && (entry = fts_read(tree));)
        blocks += entry->fts_info == FTS_F ? (uint64_t)entry->fts_statp->st_blocks : 0;
    if (tree)
        fts_close(tree);
    return blocks * 512;
}

static void remove_folder(const struct la_work *work, const char *name)
{
    char path[LA_PATH_MAX];
    la_path(path, "%s/%s", work->suite->out, name);
    la_empty_folder(path);
    rmdir(path);
}

/* What was needed to run, and is no part of what was found. */
static void remove_scaffold(const struct la_work *work)
{
    if (*work->data)
        remove_folder(work, "given-data");
    if (work->suite->keep == LA_KEEP_NONE) {
        remove_folder(work, "probe");
        remove_folder(work, "config");
    }
}

/* To the files that the user named; -1 with `error` filled when one could not be written whole. */
static int hand_over(const struct la_work *work, const json_t *result, struct la_error *error)
{
    const struct la_suite *suite = work->suite;
    int failed = suite->json ? la_result_hand_over(result, suite->json, work->stream, error) : 0;
    char page[LA_PATH_MAX];
    la_path(page, "%s/report.html", suite->out);
    if (!failed && suite->junit)
        failed = la_reporter_write(&suite->parts, suite->out, "--junit", suite->junit, work->stream, error);
    if (!failed && suite->html)
        failed = la_reporter_write(&suite->parts, suite->out, "--html", page, -1, error);
    return failed;
}

static int tell_coverage(const struct la_suite *suite, struct la_error *error)
{
    char program[LA_PATH_MAX];
    la_path(program, "%s/covered.py", suite->parts.campaigns);
    printf("\n");
    return la_reporter_tell(program, suite->out, "--store", suite->coverage_store, error);
}

static int tell_smallest(const struct la_suite *suite, struct la_error *error)
{
    char program[LA_PATH_MAX];
    la_path(program, "%s/smallest.py", suite->parts.campaigns);
    return la_reporter_tell(program, suite->out, NULL, NULL, error);
}

static int report(struct la_work *work, struct la_strings *limits)
{
    struct la_suite *suite = work->suite;
    struct la_error error;
    la_prepare_limits(work, limits);
    remove_scaffold(work);
    json_t *result = whole_result(work, limits, !work->interrupted);
    int status = la_result_exit_status(result);
    char path[LA_PATH_MAX];
    la_path(path, "%s/result.json", suite->out);
    bool failed = la_result_write(result, path, &error) || hand_over(work, result, &error);
    if (failed)
        status = usage(&error);
    const bool found = status == LA_EXIT_VIOLATED && !work->interrupted;
    if (suite->smallest && found && tell_smallest(suite, &error))
        status = usage(&error);
    if (suite->coverage && tell_coverage(suite, &error))
        status = usage(&error);
    la_table_footer(result, suite->certify || work->alerts.own, suite->out, size_of(suite->out), status);
    json_decref(result);
    return status;
}

static void release(struct la_work *work)
{
    for (size_t i = 0; work->fits && i < work->scenarios.count; i++)
        la_fit_free(&work->fits[i]);
    free(work->fits);
    la_scenarios_free(&work->scenarios);
    la_config_free(&work->base);
    la_original_free(&work->original);
    la_strings_free(&work->differences);
    la_probe_free(&work->probe);
    la_strings_free(&work->skipped);
    la_strings_free(&work->quick_worst);
    la_strings_free(&work->all_worst);
    la_claims_free(work->claims);
    la_remedies_free(&work->remedies);
    la_strategies_free(&work->strategies);
    la_durations_free(&work->durations);
    la_alerts_free(&work->alerts);
    json_decref(work->results);
    json_decref(work->answer);
    json_decref(work->unseen);
    json_decref(work->subjects);
    json_decref(work->matrix);
    json_decref(work->unit);
    la_unit_files_free(&work->unit_files);
    free(work->runs);
    if (work->stream >= 0)
        close(work->stream);
}

/* By any of its names: /dev/stdout, or the file that it has been led to. */
static bool is_stdout(const char *path)
{
    if (!path || !strcmp(path, "-"))
        return path != NULL;
    return strcmp(path, "/dev/null") != 0 && la_same_file(path, "/dev/stdout");
}

/* Where --json or --junit want standard output for themselves, the table goes to where messages go. */
static void keep_stdout_free(struct la_work *work)
{
    struct la_suite *suite = work->suite;
    bool json = is_stdout(suite->json);
    bool junit = is_stdout(suite->junit);
    if (!json && !junit)
        return;
    suite->json = json ? "-" : suite->json;
    suite->junit = junit ? "-" : suite->junit;
    fflush(stdout);
    work->stream = dup(STDOUT_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
}

/* What the configuration loses at worst comes before everything else. How many scenarios that took. */
static size_t answer_first(struct la_work *work)
{
    size_t worst = la_worst_first(work);
    if (!worst && (work->suite->shard.number > 1 || !json_array_size(work->unseen)))
        return 0;
    work->silent = true;
    la_suite_run_range(work, 0, worst);
    work->answer = la_worst_answer(work);
    work->silent = false;
    la_suite_note(work);
    la_table_answer(work->answer);
    return worst;
}

static int work_through(struct la_work *work, struct la_strings *limits)
{
    struct la_suite *suite = work->suite;
    struct la_error error;
    if (la_prepare(work, &error)) {
        usage(&error);
        return la_interrupted() ? LA_EXIT_INCONCLUSIVE : LA_EXIT_USAGE;
    }
    printf("%s %s (%s), seed %llu\n\n", work->probe.name, work->probe.version, work->server,
           (unsigned long long)suite->seed);
    la_table_few(&work->skipped, work->scenarios.count, work->offered);
    if (work->elsewhere && !work->scenarios.count)
        printf("nothing falls to shard %u of %u: the others make all runs\n\n", suite->shard.number, suite->shard.of);
    work->runs = la_alloc(work->scenarios.count, sizeof(json_t *));
    la_suite_note(work);
    work->unit = suite->unit && suite->shard.number <= 1 ? la_unit_try(work) : NULL; /* one machine's, as the answer */
    la_table_unit(work->unit);
    size_t worst = suite->certify ? answer_first(work) : 0;
    la_table_header();
    for (size_t i = 0; i < json_array_size(work->results); i++)
        la_table_row(json_array_get(work->results, i));
    la_suite_run_range(work, worst, work->scenarios.count);
    work->matrix = suite->matrix ? la_matrix(work) : NULL;
    la_table_matrix(work->matrix);
    return report(work, limits);
}

int la_suite_run(void *context, const struct la_sandbox *sandbox, struct la_strings *limits)
{
    struct la_work work = {.suite = context,
                           .sandbox = sandbox,
                           .results = json_array(),
                           .unseen = json_array(),
                           .subjects = json_array(),
                           .start_ns = la_now_ns(),
                           .stream = -1};
    work.into = work.results;
    keep_stdout_free(&work);
    int status = work_through(&work, limits);
    release(&work);
    return status;
}
