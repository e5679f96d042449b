#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/output.h"
#include "report/reporter.h"
#include "report/result.h"
#include "run/steps.h"
#include "scenario/check.h"
#include "scenario/read.h"
#include "suite/select.h"
#include "suite/subjects.h"
#include "suite/work.h"
#include "types/types.h"

enum { DISK_SLACK = 256 << 20, MEMORY_PER_RUN = 512 << 20, POWER_ROOM = 256 << 20 };

char *la_lines_joined(const struct la_strings *lines)
{
    char *all = la_strdup("");
    for (size_t i = 0; i < lines->count; i++) {
        char *longer = la_format("%s%s\n", all, lines->items[i]);
        free(all);
        all = longer;
    }
    return all;
}

/* --set: every scenario runs with them. */
static int take_lines(struct la_work *work, struct la_error *error)
{
    const struct la_strings *set = &work->suite->set;
    char why[256];
    for (size_t i = 0; i < set->count; i++) {
        if (la_settings_refused(set->items[i], why, sizeof why))
            return la_fail(error, "--set: %s", why);
    }
    for (size_t s = 0; set->count && s < work->scenarios.count; s++)
        work->scenarios.items[s]->set = la_lines_joined(set);
    return 0;
}

/* Of those from `first` on, what happens in a world: the other incidents are of servers known to fail. */
static void keep_operated(struct la_scenarios *list, size_t first)
{
    size_t kept = first;
    for (size_t i = first; i < list->count; i++)
        if (list->items[i]->world)
            list->items[kept++] = list->items[i];
        else
            la_scenario_free(list->items[i]);
    list->count = kept;
}

/* What operators do: backups by a script that is given, incidents, and of a document that is given its playbooks. */
static int read_operated(struct la_work *work, struct la_error *error)
{
    static const char *const folders[] = {"backups", "incidents", "playbooks"};
    const struct la_suite *suite = work->suite;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char path[LA_PATH_MAX];
        la_path(path, "%s/%s", suite->parts.scenarios, folders[i]);
        bool wanted = i == 0 ? suite->backup != NULL : suite->deep && (i == 1 || suite->document);
        size_t before = work->scenarios.count;
        if (wanted && la_select(&work->scenarios, path, "", error))
            return -1;
        keep_operated(&work->scenarios, before);
    }
    return 0;
}

static int read_scenarios(struct la_work *work, struct la_error *error)
{
    struct la_suite *suite = work->suite;
    for (size_t i = 0; i < suite->files.count; i++)
        if (la_select(&work->scenarios, suite->files.items[i], suite->parts.scenarios, error))
            return -1;
    if (suite->certify && read_operated(work, error))
        return -1;
    if (take_lines(work, error))
        return -1;
    for (size_t i = 0; i < work->scenarios.count; i++)
        if (la_scenario_check_recording(work->scenarios.items[i], error))
            return -1;
    return work->scenarios.count ? 0 : la_fail(error, "no scenario found");
}

/* What --json and --junit name can be written. */
static int check_output(const char *option, const char *path, struct la_error *error)
{
    struct la_error why;
    if (!path)
        return 0;
    return la_output_try(path, &why) ? la_fail(error, "%s %.900s", option, why.text) : 0;
}

/* What is written must not be what is read. */
static int check_overwriting(const struct la_work *work, const char *option, const char *path, struct la_error *error)
{
    const struct la_suite *suite = work->suite;
    if (!path || !strcmp(path, "-"))
        return 0;
    if (la_same_file(path, suite->config) || la_same_file(path, work->server))
        return la_fail(error, "%s %s: that is the file that the run is about", option, path);
    if (suite->data && la_lies_in(path, suite->data))
        return la_fail(error, "%s %s: lies in --data %s, which is not changed", option, path, suite->data);
    return 0;
}

static int check_outputs(const struct la_work *work, struct la_error *error)
{
    const struct la_suite *suite = work->suite;
    bool both = suite->json && suite->junit;
    if (both && (!strcmp(suite->json, suite->junit) || la_same_file(suite->json, suite->junit)))
        return la_fail(error, "--json and --junit name the same: %s", suite->json);
    if (check_output("--json", suite->json, error) || check_output("--junit", suite->junit, error) ||
        ((suite->junit || suite->html) && la_reporter_try(error)))
        return -1;
    return check_overwriting(work, "--json", suite->json, error) ||
                   check_overwriting(work, "--junit", suite->junit, error)
               ? -1
               : 0;
}

/* The output folder is there by now: whatever is copied into it must not hold it. */
static int measure_data(struct la_work *work, struct la_error *error)
{
    const struct la_suite *suite = work->suite;
    if (!suite->data)
        return 0;
    if (la_lies_in(suite->out, suite->data))
        return la_fail(error, "--data %s: the report %s would lie in it; name a folder elsewhere with --out",
                       suite->data, suite->out);
    return la_measure_given("--data", suite->data, suite->out, &work->given, error);
}

/* One copy is made of what the user gave; each node begins with a copy of that. */
static int copy_data(struct la_work *work, struct la_error *error)
{
    if (!work->suite->data)
        return 0;
    la_path(work->data, "%s/given-data", work->suite->out);
    return la_make_dirs(work->data, error) || la_copy_given("--data", work->suite->data, work->data, error) ? -1 : 0;
}

/* Makes the copy safe, and has the server read the original. */
static int ask_original(struct la_work *work, const char *path, const char *dir, struct la_error *error)
{
    char asked[LA_PATH_MAX];
    struct la_config original;
    la_config_copy(&original, &work->base);
    la_path(asked, "%s/original", work->suite->out);
    int result = la_config_sandbox(&work->base, dir, error) || la_check_own(dir, error) ? -1 : 0;
    if (!result && work->sandbox->box == LA_BOX_NONE)
        work->original.unasked = la_strdup(work->sandbox->why);
    else if (!result)
        result = la_make_dirs(asked, error) || la_original_ask(&work->original, work->server, path, &original,
                                                               &work->base, asked, work->suite->start_timeout_ms, error)
                     ? -1
                     : 0;
    la_config_free(&original);
    return result;
}

static int read_configuration(struct la_work *work, struct la_error *error)
{
    char dir[LA_PATH_MAX];
    const char *path = work->suite->config;
    if (!path)
        return 0;
    la_path(dir, "%s/config", work->suite->out);
    if (la_config_read(&work->base, path, error))
        return -1;
    la_subjects_add_config(work->subjects, &work->base, path);
    return la_make_dirs(dir, error) || ask_original(work, path, dir, error) ? -1 : 0;
}

static bool has_setting(const struct la_work *work, const char *name)
{
    return la_probe_setting(&work->probe, name) != NULL;
}

/* It is to run with the same configuration; that it cannot is nothing that an upgrade does. */
static int probe_old(const struct la_work *work, struct la_error *error)
{
    char dir[LA_PATH_MAX];
    struct la_error why;
    struct la_probe old = {.subjects = work->subjects};
    struct la_server server = work->options.server;
    if (!*work->old_server)
        return 0;
    server.path = work->old_server;
    server.data = NULL;
    la_path(dir, "%s/probe/old", work->suite->out);
    int bad = la_make_dirs(dir, error);
    if (!bad && la_probe_server(&old, &server, dir, work->suite->start_timeout_ms, &why))
        bad = la_fail(error, "--old-server: with this configuration it is of no use: %.400s", why.text);
    la_probe_free(&old);
    return bad;
}

static int probe(struct la_work *work, struct la_error *error)
{
    struct la_suite *suite = work->suite;
    char dir[LA_PATH_MAX];
    work->means.disk_bytes = 4 * work->given.bytes;
    work->options = (struct la_options){
        .server = {.path = work->server,
                   .shim = suite->no_shim ? NULL : suite->parts.shim,
                   .data = suite->data ? work->data : NULL,
                   .seed = suite->seed,
                   .aof_folder = true,
                   .base = &work->base,
                   .means = &work->means},
        .seed = suite->seed,
        .demands = suite->demands,
        .lacks = &work->probe.lacks,
        .alerts = &work->alerts,
        .check = suite->check,
        .fixtures = suite->parts.fixtures,
        .document = suite->document,
        .backup = suite->backup,
        .restore = suite->restore,
        .config_path = suite->config,
        .doubts = &work->differences,
        .data_path = suite->data,
        .old_server = *work->old_server ? work->old_server : NULL,
        .start_timeout_ms = suite->start_timeout_ms,
        .deep = suite->deep,
        .verbose = suite->verbose,
    };
    la_path(dir, "%s/probe", suite->out);
    la_subjects_add(work->subjects, "server", work->server);
    if (*work->old_server)
        la_subjects_add(work->subjects, "old-server", work->old_server);
    work->probe.subjects = work->subjects;
    for (size_t i = 0; i < work->scenarios.count; i++) {
        const struct la_load_spec *load = work->scenarios.items[i]->load;
        work->probe.of_commands = work->probe.of_commands || (load && load->commands);
    }
    if (la_make_dirs(dir, error) ||
        la_probe_server(&work->probe, &work->options.server, dir, suite->start_timeout_ms, error))
        return -1;
    bool says = work->probe.settings.count;
    unsigned long major = strtoul(work->probe.version, NULL, 10);
    work->options.server.aof_folder = says ? has_setting(work, "appenddirname") : major >= 7;
    work->base.says_slaveof = says ? has_setting(work, "slaveof") && !has_setting(work, "replicaof") : major < 5;
    work->options.server.outside = !suite->no_shim && !work->probe.preloaded;
    la_original_compare(&work->original, &work->base, &work->probe, &work->differences);
    return probe_old(work, error);
}

/* Found out before it is needed, and only if it is. */
static void find_means(struct la_work *work)
{
    char dir[LA_PATH_MAX];
    la_path(dir, "%s/probe", work->suite->out);
    const char *forbidden = geteuid() != 0                      ? "not root"
                            : work->sandbox->box == LA_BOX_NONE ? "no mount namespace of its own"
                                                                : NULL;
    for (size_t i = 0; i < work->scenarios.count; i++)
        if (work->scenarios.items[i]->power_cut)
            la_power_find_means(&work->means, work->scenarios.items[i]->power_cut, forbidden, dir);
}

/* The server has the types that the scenario's load is about; `why` says which it has not. */
static bool mixes(const struct la_work *work, const struct la_scenario *scenario, char *why, size_t size)
{
    struct la_plan ignored;
    struct la_error error;
    if (la_mix_plan(&work->probe.lacks, scenario->load, NULL, 0, &ignored, &error) == 0)
        return true;
    snprintf(why, size, "%.*s", (int)size - 1, error.text);
    return false;
}

static bool needs_old_server(const struct la_scenario *scenario)
{
    return scenario->situation && la_situation(scenario->situation) > LA_AT_RESTART;
}

/* A world can be made here, and what its steps take from the user is given; `why` says what is missing. */
static bool has_world(const struct la_work *work, const struct la_scenario *scenario, char *why, size_t size)
{
    const char *lacks = la_sandbox_lacks_world(work->sandbox);
    *why = '\0';
    if (la_scenario_step(scenario, &la_step_script, UINT_MAX) && !work->suite->backup)
        snprintf(why, size, "no script given: --backup");
    else if (la_scenario_quotes(scenario) && !work->suite->document)
        snprintf(why, size, "document not given: --document");
    else if (lacks)
        snprintf(why, size, "it cannot be tried here without %s", lacks);
    return !*why;
}

bool la_prepare_unfit(const struct la_work *work, const struct la_scenario *scenario, struct la_fit *fit, char *why,
                      size_t size)
{
    const struct la_power_spec *power = scenario->power_cut;
    bool real = power && power->method == LA_POWER_REAL;
    const char *missing = real ? la_power_missing(power, &work->means) : NULL;
    const char *of_power = missing ? "its power cannot be cut for real here: " : "";
    *fit = (struct la_fit){0};
    for (unsigned int i = 0; !missing && i < scenario->node_count; i++)
        missing = scenario->nodes[i].memory_mb ? la_memory_missing() : NULL;
    for (unsigned int i = 0; !missing && i < scenario->node_count && work->suite->config; i++)
        if (scenario->nodes[i].config_file)
            missing = "its configuration lies among its data, where it must not lead elsewhere: without --config";
    bool of_versions = needs_old_server(scenario);
    if (of_versions && !*work->old_server) {
        snprintf(why, size, "it is about another version: --old-server names it");
        return true;
    }
    if (of_versions && la_situation(scenario->situation) == LA_AT_UPGRADE && work->suite->data) {
        snprintf(why, size, "the old server begins without data: --old-server without --data");
        return true;
    }
    if (scenario->situation && !of_versions && (!work->options.server.shim || work->options.server.outside)) {
        snprintf(why, size, "the worst moment is found with libfaultinject.so in the server");
        return true;
    }
    if (scenario->world && !has_world(work, scenario, why, size))
        return true;
    if (missing) {
        snprintf(why, size, "%s%s", of_power, missing);
        return true;
    }
    return !mixes(work, scenario, why, size) ||
           !la_fit(fit, scenario, &work->probe, &work->base, work->suite->data, why, size);
}

/*
 * Whether this machine runs it, and which of its runs. What the answer is made of is one machine's: it is about all of
 * them together.
 */
static bool is_of_shard(const struct la_suite *suite, const struct la_scenario *scenario, struct la_turns *turns,
                        unsigned int *dealt)
{
    if (!suite->shard.of)
        return true;
    if (suite->certify && scenario->situation)
        return suite->shard.number == 1;
    *turns = (struct la_turns){.shared = true, .before = *dealt};
    *dealt += la_turns_all(suite, scenario);
    return la_turns_here(turns, suite, scenario) > 0;
}

/* Leaves out what --quick does not want, what cannot be run here, and what another machine runs. */
static void select_scenarios(struct la_work *work)
{
    size_t kept = 0;
    unsigned int dealt = 0;
    work->fits = la_alloc(work->scenarios.count, sizeof *work->fits);
    for (size_t i = 0; i < work->scenarios.count; i++) {
        struct la_scenario *scenario = work->scenarios.items[i];
        char why[256] = "";
        struct la_fit fit = {0};
        bool given = work->suite->config || work->suite->data;
        bool unasked =
            work->suite->matrix ||
            (work->suite->certify && ((scenario->bare && given) || (needs_old_server(scenario) && !*work->old_server)));
        bool wanted =
            (!work->suite->quick || scenario->quick) && (!work->suite->worst || scenario->situation) && !unasked;
        bool applies = wanted && !la_prepare_unfit(work, scenario, &fit, why, sizeof why);
        bool runs = applies && is_of_shard(work->suite, scenario, &fit.turns, &dealt);
        work->offered += wanted && (runs || !applies);
        work->elsewhere += applies && !runs;
        if (scenario->situation && scenario->quick)
            la_strings_add(&work->quick_worst, la_strdup(scenario->path));
        if (scenario->situation && la_situation(scenario->situation) <= LA_AT_POWER_CUT)
            la_strings_add(&work->all_worst, la_strdup(scenario->path));
        if (runs) {
            work->fits[kept] = fit;
            work->scenarios.items[kept++] = scenario;
            continue;
        }
        if (wanted && !applies)
            la_strings_add(&work->skipped, la_format("%s: %s", scenario->name, why));
        if (wanted && !applies && scenario->situation && !fit.beside)
            json_array_append_new(work->unseen, la_result_failed(scenario, NULL, why));
        la_fit_free(&fit);
        la_scenario_free(scenario);
    }
    work->scenarios.count = kept;
}

/* Copies of --data that are there at the end, or at one time: one for each start and one for each crash. */
static uint64_t room_for_data(const struct la_work *work)
{
    const struct la_suite *suite = work->suite;
    if (!suite->data || la_can_share(suite->out))
        return 0;
    uint64_t kept = 0;
    for (size_t i = 0; i < work->scenarios.count; i++)
        kept += 1 + work->scenarios.items[i]->node_count + (work->scenarios.items[i]->power_cut != NULL);
    uint64_t most = 4 * (uint64_t)suite->jobs;
    uint64_t copies = suite->keep == LA_KEEP_ALL && kept > most ? kept : most;
    return copies * work->given.bytes;
}

unsigned int la_jobs_here(void)
{
    struct sysinfo memory;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t room = sysinfo(&memory) == 0 ? (uint64_t)memory.totalram * memory.mem_unit / MEMORY_PER_RUN : 1;
    uint64_t jobs = processors > 0 && (uint64_t)processors < room ? (uint64_t)processors : room;
    return jobs < 1 ? 1 : jobs > LA_JOBS_MAX ? LA_JOBS_MAX : (unsigned int)jobs;
}

/* Said before anything starts, rather than found out half-way. */
static int check_room(const struct la_work *work, struct la_error *error)
{
    struct statvfs fs;
    struct sysinfo memory;
    uint64_t disk = DISK_SLACK + room_for_data(work);
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

/* Before the data is copied for the first time. */
static int check_room_for_one(const struct la_work *work, struct la_error *error)
{
    struct statvfs fs;
    uint64_t need = work->given.bytes + DISK_SLACK;
    if (!work->suite->data || statvfs(work->suite->out, &fs) || (uint64_t)fs.f_bavail * fs.f_frsize >= need)
        return 0;
    return la_fail(error, "too little disk: --data holds %llu MiB, %llu MiB are free below %s",
                   (unsigned long long)(work->given.bytes >> 20),
                   (unsigned long long)((uint64_t)fs.f_bavail * fs.f_frsize >> 20), work->suite->out);
}

/* What is data of lastack's own, and the user's alert rules in place of the documents'. */
static int read_catalogues(struct la_work *work, struct la_error *error)
{
    char path[LA_PATH_MAX];
    const struct la_suite *suite = work->suite;
    la_path(path, "%s/claims.yaml", suite->parts.fixtures);
    work->claims = la_claims_read(path, error);
    la_path(path, "%s/remedies.yaml", suite->parts.fixtures);
    if (!work->claims || la_remedies_read(path, &work->remedies, error))
        return -1;
    la_path(path, "%s/strategies.yaml", suite->parts.fixtures);
    if (la_strategies_read(path, &work->strategies, error))
        return -1;
    la_path(path, "%s/seconds.yaml", suite->parts.fixtures);
    if (la_durations_read(path, &work->durations, error))
        return -1;
    la_path(path, "%s/alerts.yaml", suite->parts.fixtures);
    if (suite->check && !suite->alerts)
        la_path(path, "%s/alerts-check.yaml", suite->parts.fixtures);
    if (la_alerts_read(suite->alerts ? suite->alerts : path, &work->alerts, error))
        return -1;
    work->alerts.own = suite->alerts || suite->check;
    return 0;
}

/* A script of the user's: it is copied, and the copy is run. */
static int check_script(const char *option, const char *path, struct la_error *error)
{
    if (!path || (la_is_file(path) && access(path, R_OK) == 0))
        return 0;
    return la_fail(error, "%s %s: %s", option, path,
                   access(path, F_OK) ? "No such file" : "not a file that can be read");
}

static int read_all(struct la_work *work, struct la_error *error)
{
    const struct la_suite *suite = work->suite;
    const char *server = suite->server ? suite->server : "redis-server";
    if (read_catalogues(work, error) || read_scenarios(work, error))
        return -1;
    if (check_script("--backup", suite->backup, error) || check_script("--restore", suite->restore, error))
        return -1;
    if (suite->matrix && suite->shard.of)
        return la_fail(error, "--matrix is one machine's: without --shard");
    if (suite->matrix && (suite->demands.rpo_ms >= 0 || suite->demands.rto_ms >= 0))
        return la_fail(error, "--rpo and --rto are about one configuration, --matrix is about many: one of them");
    if (suite->restore && !suite->backup)
        return la_fail(error, "--restore goes with --backup");
    if (suite->document && access(suite->document, R_OK))
        return la_fail(error, "--document %s: %m", suite->document);
    if (suite->unit && la_unit_find(&work->unit_files, suite->unit, suite->unit_dir, error))
        return -1;
    if (suite->old_server && la_parts_program(suite->old_server, work->old_server, error))
        return -1;
    return la_parts_program(server, work->server, error);
}

/* With the output folder there. */
static int prepare_in_folder(struct la_work *work, struct la_error *error)
{
    if (measure_data(work, error) || check_outputs(work, error) || check_room_for_one(work, error) ||
        read_configuration(work, error) || copy_data(work, error) || probe(work, error))
        return -1;
    find_means(work);
    select_scenarios(work);
    return check_room(work, error);
}

int la_prepare(struct la_work *work, struct la_error *error)
{
    struct la_suite *suite = work->suite;
    int made = read_all(work, error) ? -1 : la_new_folder(suite->out, error);
    suite->made_out = suite->made_out || made > 0;
    if (made >= 0)
        la_suite_note(work);
    if (made >= 0 && prepare_in_folder(work, error) == 0)
        return 0;
    if (made >= 0)
        la_empty_folder(suite->out);
    if (suite->made_out)
        rmdir(suite->out);
    return -1;
}

void la_prepare_limits(const struct la_work *work, struct la_strings *limits)
{
    const struct la_power_spec real = {LA_POWER_REAL, LA_FS_EXT4, LA_POLICY_DROP};
    const char *missing = la_power_missing(&real, &work->means);
    la_strings_add(limits, la_strdup("what a disk's own cache loses: a power cut here takes the page cache only"));
    if (missing)
        la_strings_add(limits, la_format("real power cuts: %s", missing));
    if (work->base.tls)
        la_strings_add(limits, la_strdup("TLS: the harness speaks plain TCP, and so does the server here"));
    if (work->original.unasked)
        la_strings_add(limits, la_format("the server was not asked what it makes of the configuration as it lies (%s): "
                                         "that the copy means the same is what lastack makes of it",
                                         work->original.unasked));
    if (work->options.server.outside)
        la_strings_add(limits, la_strdup("the server does not load libfaultinject.so (statically linked, set-uid, or "
                                         "LD_PRELOAD removed): it was driven from outside, by seccomp user "
                                         "notification, so nothing was judged that needs faults in writes, reads, "
                                         "sockets or clocks, or a simulated power cut"));
    const char *preloaded = getenv("LD_PRELOAD");
    if (preloaded && *preloaded)
        la_strings_add(limits, la_format("what this environment preloads into programs (LD_PRELOAD=%s): the server is "
                                         "started without it",
                                         preloaded));
    for (unsigned int i = 0; i < la_type_count; i++)
        if (work->probe.lacks.missing[i] && !la_types[i]->alone)
            la_strings_add(limits, la_format("type %s: %s", la_types[i]->name, work->probe.lacks.missing[i]));
    if (work->suite->certify && (work->suite->config || work->suite->data))
        la_strings_add(limits, la_strdup("what documents say of servers as such (scenarios/claims): certify tries it "
                                         "without --config and --data, or name the folder to 'lastack run'"));
    if (work->answer && !work->suite->data)
        la_strings_add(limits,
                       la_strdup("how long your own data takes to load: there was little; --data DIR begins each "
                                 "scenario with a copy of them"));
    if (work->suite->no_shim)
        la_strings_add(limits, la_strdup("--no-shim: no fault was injected into the server"));
}
