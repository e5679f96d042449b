#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "claims.h"
#include "probe.h"
#include "repeat.h"
#include "result.h"
#include "runner.h"
#include "table.h"
#include "types.h"

enum { JOBS_MAX = 64, DISK_SLACK = 256 << 20, MEMORY_PER_RUN = 512 << 20, POWER_ROOM = 256 << 20 };

/* A scenario that is running. */
struct job {
    pid_t pid;
    size_t scenario;   /* index */
    unsigned int turn; /* the how-many-th run of it, from 0 */
};

/* What la_suite_run works with, from top to bottom. */
struct work {
    struct la_suite *suite;
    struct la_scenarios scenarios;
    struct la_config base;
    struct la_probe probe;
    struct la_options options;
    char server[LA_PATH_MAX];
    struct la_strings skipped;
    struct la_claims *claims;
    json_t *results;
    json_t **runs; /* of each scenario: the results, by turn; null: not ended yet */
    struct job jobs[JOBS_MAX];
    unsigned int running;
    bool interrupted;
};

static int usage(const struct la_error *error)
{
    fprintf(stderr, "lastack: %s\n", error->text);
    return LA_EXIT_USAGE;
}

static int read_scenarios(struct work *work, struct la_error *error)
{
    struct la_suite *suite = work->suite;
    for (size_t i = 0; i < suite->files.count; i++)
        if (la_scenarios_read(&work->scenarios, suite->files.items[i], error))
            return -1;
    return work->scenarios.count ? 0 : la_fail(error, "no scenario found");
}

static int read_configuration(struct work *work, struct la_error *error)
{
    char dir[LA_PATH_MAX];
    const char *path = work->suite->config;
    if (!path)
        return 0;
    la_path(dir, "%s/config", work->suite->out);
    return la_config_read(&work->base, path, error) || la_make_dirs(dir, error) ||
                   la_config_sandbox(&work->base, dir, error)
               ? -1
               : 0;
}

static int probe(struct work *work, struct la_error *error)
{
    struct la_suite *suite = work->suite;
    char dir[LA_PATH_MAX];
    if (la_parts_program(suite->server ? suite->server : "redis-server", work->server, error))
        return -1;
    work->options = (struct la_options){
        .server = {work->server, suite->no_shim ? NULL : suite->parts.shim, suite->data, suite->seed, false,
                   &work->base},
        .seed = suite->seed,
        .demands = suite->demands,
        .mix = &work->probe.mix,
        .config_path = suite->config,
        .data_path = suite->data,
        .verbose = suite->verbose,
    };
    la_path(dir, "%s/probe", suite->out);
    if (la_make_dirs(dir, error) || la_probe_server(&work->probe, &work->options.server, dir, error))
        return -1;
    work->options.server.outside = !suite->no_shim && !work->probe.preloaded;
    return 0;
}

/* Why a scenario that wants a real power cut cannot have one here; NULL: it can, or wants none. */
static const char *unpowered(const struct la_scenario *scenario)
{
    const struct la_power_spec *power = scenario->power_cut;
    return power && power->method == LA_POWER_REAL ? la_power_missing(power) : NULL;
}

/* The server has the types that the scenario's load is about; `why` says which it has not. */
static bool mixes(const struct work *work, const struct la_scenario *scenario, char *why, size_t size)
{
    struct la_plan ignored;
    struct la_error error;
    if (la_mix_plan(&work->probe.mix, scenario->load, NULL, 0, &ignored, &error) == 0)
        return true;
    snprintf(why, size, "%.*s", (int)size - 1, error.text);
    return false;
}

/* Leaves out what the user's configuration does not match or --quick does not want. */
static void select_scenarios(struct work *work)
{
    size_t kept = 0;
    for (size_t i = 0; i < work->scenarios.count; i++) {
        struct la_scenario *scenario = work->scenarios.items[i];
        char why[256] = "";
        bool wanted = !work->suite->quick || scenario->quick;
        bool fits = !work->suite->config || !scenario->settings ||
                    la_probe_matches(&work->probe, scenario->settings, why, sizeof why);
        const char *missing = unpowered(scenario);
        fits = fits && mixes(work, scenario, why, sizeof why);
        if (wanted && fits && missing)
            snprintf(why, sizeof why, "its power cannot be cut for real here: %s", missing);
        fits = fits && !missing;
        if (wanted && !fits)
            la_strings_add(&work->skipped, la_format("%s: %s", scenario->name, why));
        if (wanted && fits && work->suite->config && scenario->tune)
            la_strings_add(&work->base.changed, la_format("for %s: %.*s", scenario->name,
                                                          (int)strcspn(scenario->tune, "\n"), scenario->tune));
        if (wanted && fits)
            work->scenarios.items[kept++] = scenario;
        else
            la_scenario_free(scenario);
    }
    work->scenarios.count = kept;
}

/* Said before anything starts, rather than found out half-way. */
static int check_room(const struct work *work, struct la_error *error)
{
    struct statvfs fs;
    struct sysinfo memory;
    uint64_t disk = DISK_SLACK;
    for (size_t i = 0; i < work->scenarios.count; i++)
        disk += work->scenarios.items[i]->load->capacity * sizeof(struct la_op) +
                (work->scenarios.items[i]->power_cut ? POWER_ROOM : 0) + sizeof(struct fi_control) * 2;
    if (statvfs(work->suite->out, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < disk)
        return la_fail(error, "too little disk: the plan needs %llu MiB below %s, %llu MiB are free",
                       (unsigned long long)(disk >> 20), work->suite->out,
                       (unsigned long long)((uint64_t)fs.f_bavail * fs.f_frsize >> 20));
    uint64_t need = (uint64_t)MEMORY_PER_RUN * work->suite->jobs;
    if (sysinfo(&memory) == 0 && (uint64_t)memory.totalram * memory.mem_unit < need)
        return la_fail(error, "too little memory: %u jobs need about %llu MiB, the machine has %llu MiB",
                       work->suite->jobs, (unsigned long long)(need >> 20),
                       (unsigned long long)((uint64_t)memory.totalram * memory.mem_unit >> 20));
    return 0;
}

/* The first run's bundle has the scenario's name, the others' a number behind it. */
static void bundle_path(const struct work *work, const struct job *job, char path[LA_PATH_MAX])
{
    const char *name = work->scenarios.items[job->scenario]->name;
    if (job->turn)
        la_path(path, "%s/%s.%u", work->suite->out, name, job->turn + 1);
    else
        la_path(path, "%s/%s", work->suite->out, name);
}

static void result_path(const struct work *work, const struct job *job, char path[LA_PATH_MAX])
{
    char bundle[LA_PATH_MAX];
    bundle_path(work, job, bundle);
    la_path(path, "%s/scenario.json", bundle);
}

/* In the child: one scenario, its result to a file. */
static int run_one(const struct work *work, const struct job *job)
{
    struct la_error error;
    char dir[LA_PATH_MAX];
    char path[LA_PATH_MAX];
    struct la_options options = work->options;
    options.seed += job->turn;
    options.server.seed += job->turn;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    bundle_path(work, job, dir);
    json_t *result = la_runner_run(work->scenarios.items[job->scenario], &options, dir);
    result_path(work, job, path);
    int failed = la_result_write(result, path, &error);
    json_decref(result);
    return failed ? usage(&error) : 0;
}

/* A run that says nothing that is not said by another one is not kept: it is the numbers that count. */
static void tidy(const struct work *work, const struct job *job, const json_t *runs)
{
    const char *verdict = json_string_value(json_object_get(json_array_get(runs, job->turn), "verdict"));
    char bundle[LA_PATH_MAX];
    if (!job->turn || la_repeat_worst(runs) == (int)job->turn || !verdict ||
        strcmp(verdict, la_verdict_name(LA_HOLDS)) != 0)
        return;
    bundle_path(work, job, bundle);
    la_empty_folder(bundle);
    rmdir(bundle);
}

static bool all_ended(const json_t *runs)
{
    for (size_t i = 0; i < json_array_size(runs); i++)
        if (json_is_null(json_array_get(runs, i)))
            return false;
    return true;
}

/* Takes one run's result. When it is the last one of its scenario, the scenario's row is printed. */
static void enter(struct work *work, const struct job *job, json_t *result)
{
    json_t **runs = &work->runs[job->scenario];
    char bundle[LA_PATH_MAX];
    if (!*runs)
        *runs = json_array();
    while (json_array_size(*runs) < work->suite->repeat)
        json_array_append_new(*runs, json_null());
    bundle_path(work, job, bundle);
    json_object_set_new(result, "bundle", json_string(strrchr(bundle, '/') + 1));
    int before = la_repeat_worst(*runs);
    json_array_set_new(*runs, job->turn, result);
    tidy(work, job, *runs);
    if (before > 0) /* no longer, perhaps */
        tidy(work, &(struct job){0, job->scenario, (unsigned int)before}, *runs);
    if (!all_ended(*runs))
        return;
    json_t *merged = la_repeat_merge(*runs);
    *runs = NULL;
    json_array_append_new(work->results, merged);
    la_table_row(merged);
}

static void start_job(struct work *work, const struct job *job)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        int status = run_one(work, job);
        fflush(NULL);
        _exit(status);
    }
    if (pid < 0) {
        enter(work, job, la_result_failed(work->scenarios.items[job->scenario], "fork failed"));
        return;
    }
    work->jobs[work->running] = *job;
    work->jobs[work->running++].pid = pid;
}

static void finish_job(struct work *work, unsigned int index, int status)
{
    const struct job job = work->jobs[index];
    char path[LA_PATH_MAX];
    char why[128];
    result_path(work, &job, path);
    json_t *result = status == 0 ? json_load_file(path, 0, NULL) : NULL;
    if (!result) {
        if (work->interrupted)
            snprintf(why, sizeof why, "interrupted");
        else
            snprintf(why, sizeof why, "the harness failed while running it (wait status %#x)", (unsigned int)status);
        result = la_result_failed(work->scenarios.items[job.scenario], why);
    }
    enter(work, &job, result);
    work->jobs[index] = work->jobs[--work->running];
}

static void reap(struct work *work)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (unsigned int i = 0; i < work->running; i++)
            if (work->jobs[i].pid == pid) {
                finish_job(work, i, status);
                break;
            }
}

static void interrupt(struct work *work)
{
    if (!work->interrupted)
        fprintf(stderr, "lastack: interrupted, cleaning up\n");
    work->interrupted = true;
    for (unsigned int i = 0; i < work->running; i++)
        kill(work->jobs[i].pid, SIGKILL); /* its servers get a parent-death signal */
}

static struct job job_at(const struct work *work, size_t number)
{
    return (struct job){0, number / work->suite->repeat, (unsigned int)(number % work->suite->repeat)};
}

static void run_all(struct work *work)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    size_t next = 0;
    size_t all = work->scenarios.count * work->suite->repeat;
    bool progress = isatty(STDERR_FILENO);
    while (next < all || work->running) {
        while (!work->interrupted && next < all && work->running < work->suite->jobs) {
            const struct job job = job_at(work, next++);
            if (progress)
                fprintf(stderr, "[%zu/%zu] %s\r", next, all, work->scenarios.items[job.scenario]->name);
            start_job(work, &job);
        }
        for (; work->interrupted && next < all; next++) {
            const struct job job = job_at(work, next);
            enter(work, &job, la_result_failed(work->scenarios.items[job.scenario], "interrupted"));
        }
        struct timespec wait = {0, 100000000};
        int signal = sigtimedwait(&signals, NULL, &wait);
        if (signal == SIGINT || signal == SIGTERM)
            interrupt(work);
        reap(work);
    }
}

static void list_limits(const struct work *work, struct la_strings *limits)
{
    const struct la_power_spec real = {LA_POWER_REAL, LA_POWER_EXT4, LA_POLICY_DROP};
    const char *missing = la_power_missing(&real);
    la_strings_add(limits, la_strdup("what a disk's own cache loses: a power cut here takes the page cache only"));
    if (missing)
        la_strings_add(limits, la_format("real power cuts: %s", missing));
    if (work->options.server.outside)
        la_strings_add(limits, la_strdup("the server does not load libfaultinject.so (statically linked, set-uid, or "
                                         "LD_PRELOAD removed): it was driven from outside, by seccomp user "
                                         "notification, so nothing was judged that needs faults in writes, reads, "
                                         "sockets or clocks, or a simulated power cut"));
    for (unsigned int i = 0; i < la_type_count; i++)
        if (work->probe.mix.missing[i] && !la_types[i]->alone)
            la_strings_add(limits, la_format("type %s: %s", la_types[i]->name, work->probe.mix.missing[i]));
    if (work->suite->no_shim)
        la_strings_add(limits, la_strdup("--no-shim: no fault was injected into the server"));
}

static int report(struct work *work, struct la_strings *limits)
{
    struct la_suite *suite = work->suite;
    struct la_error error;
    char path[LA_PATH_MAX];
    list_limits(work, limits);
    struct la_result_frame frame = {work->server,   work->probe.name,    work->probe.version,
                                    suite->seed,    &work->base.changed, limits,
                                    &work->skipped, suite->out,          work->claims};
    int status = la_result_exit_status(work->results);
    json_t *result = la_result_whole(&frame, json_incref(work->results));
    la_path(path, "%s/result.json", suite->out);
    bool failed = la_result_write(result, path, &error) ||
                  (suite->json && la_result_write(result, suite->json, &error)) ||
                  (suite->junit && la_result_junit(work->results, suite->junit, &error));
    la_table_footer(result, suite->out);
    json_decref(result);
    return failed ? usage(&error) : status;
}

static void release(struct work *work)
{
    la_scenarios_free(&work->scenarios);
    la_config_free(&work->base);
    la_probe_free(&work->probe);
    la_strings_free(&work->skipped);
    la_claims_free(work->claims);
    json_decref(work->results);
    free(work->runs);
}

/* Everything that can be found wrong before a scenario starts. */
static int prepare(struct work *work, struct la_error *error)
{
    if (read_configuration(work, error) || probe(work, error))
        return -1;
    select_scenarios(work);
    if (!work->scenarios.count)
        return la_fail(error, "none of the scenarios applies to this configuration");
    return check_room(work, error);
}

static int work_through(struct work *work, struct la_strings *limits)
{
    struct la_suite *suite = work->suite;
    struct la_error error;
    char path[LA_PATH_MAX];
    la_path(path, "%s/claims.yaml", suite->parts.fixtures);
    work->claims = la_claims_read(path, &error);
    if (!work->claims || read_scenarios(work, &error) || la_new_folder(suite->out, &error))
        return usage(&error);
    if (prepare(work, &error)) {
        la_empty_folder(suite->out);
        return usage(&error);
    }
    printf("%s %s (%s), seed %llu\n\n", work->probe.name, work->probe.version, work->server,
           (unsigned long long)suite->seed);
    la_table_header();
    work->runs = la_alloc(work->scenarios.count, sizeof(json_t *));
    run_all(work);
    return report(work, limits);
}

int la_suite_run(void *context, struct la_strings *limits)
{
    struct work work = {.suite = context, .results = json_array()};
    int status = work_through(&work, limits);
    release(&work);
    return status;
}
