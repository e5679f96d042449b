#include "playbook/playbook.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"
#include "base/version.h"
#include "playbook/incident.h"
#include "playbook/judge_step.h"
#include "playbook/recoverable.h"
#include "playbook/table.h"
#include "report/result.h"
#include "report/row.h"

enum { ANSWER_MS = 1000, SERVE_MS = 10000, STEP_MS = 60000, TEXT_MAX = 4096 };

#define STAND_INS     "/lastack/bin"
#define PATH_OF_SHELL STAND_INS ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A runbook in the course of being tried. */
struct attempt {
    const struct la_playbook *playbook;
    const struct la_incident *incident;
    struct la_runbook runbook;
    struct la_unit_files files;
    struct la_unit_world unit;
    struct la_recoverable recoverable;
    struct la_shell shell;
    json_t *steps;
    int at_first;      /* keys that could be got back when the incident had happened */
    int could;         /* keys that could be got back at the last look */
    int kept;          /* keys that the server has at the end; -1: none serves */
    int wrong_line;    /* of the first step that was not right; 0: there was none */
    bool stopped;      /* after a step that failed */
    double ms;         /* that all steps took so far */
    double serving_ms; /* until the server served again, and did so at the end; NAN: it does not */
};

/* What could be got back now: of the files, or of a server that runs. */
static int look(struct attempt *attempt)
{
    int files = la_recoverable_look(&attempt->recoverable);
    int live = la_address_serves(&attempt->unit.address, ANSWER_MS) ? la_incident_count(&attempt->unit.address) : 0;
    return live > files ? live : files;
}

/* Programs that stand in for others, and the unit's other name. */
static int furnish(struct attempt *attempt, struct la_error *error)
{
    char from[LA_PATH_MAX];
    struct la_world_done done;
    const struct la_world *world = &attempt->unit.world;
    la_path(from, "%s/stand-ins", attempt->playbook->parts.fixtures);
    if (la_world_copy(world, from, STAND_INS, error))
        return -1;
    char *command = la_format("chmod 755 " STAND_INS "/* && ln -sf %s "
                              "/etc/systemd/system/redis.service && systemctl daemon-reload",
                              attempt->files.name);
    const char *const argv[] = {"sh", "-c", command, NULL};
    la_world_run(world, argv, STEP_MS, &done);
    free(command);
    return done.status ? la_fail(error, "the world could not be furnished: %.300s", done.output) : 0;
}

static int set_up(struct attempt *attempt, struct la_error *error)
{
    char folder[LA_PATH_MAX];
    char said[512] = "";
    const struct la_playbook *playbook = attempt->playbook;
    const struct la_unit_with with = {
        .config = playbook->config, .line = attempt->incident->settings, .confined = true};
    char file[LA_PATH_MAX];
    la_path(folder, "%s/world", playbook->out);
    la_path(file, "%s/units/redis-server.service", playbook->parts.fixtures);
    if (la_unit_find(&attempt->files, file, NULL, error) ||
        la_unit_world_up(&attempt->unit, &attempt->files, folder, &with, error) || furnish(attempt, error))
        return -1;
    if (la_unit_do(&attempt->unit, "start", said, sizeof said))
        return la_fail(error, "redis-server.service does not start: %.400s", said);
    if (!la_unit_wait_serving(&attempt->unit, SERVE_MS))
        return la_fail(error, "the server does not let us in");
    if (la_incident_fill(&attempt->unit, error) || attempt->incident->stage(&attempt->unit, error))
        return -1;
    la_path(attempt->recoverable.server, "%s", attempt->unit.server);
    attempt->recoverable.world = &attempt->unit.world;
    attempt->at_first = attempt->could = look(attempt);
    return la_shell_open(&attempt->shell, &attempt->unit.world, PATH_OF_SHELL, error);
}

static json_t *step_json(const struct la_runbook_step *step, enum la_step_was was, const char *why)
{
    static const char *const wanted[] = {"", "literal", "comparison", "not judged"};
    return json_pack("{s:i, s:o, s:o, s:s, s:s, s:o}", "line", step->line, "command", la_json_text(step->command),
                     "comment", la_json_text(step->comment), "comment_is", wanted[step->wanted], "was",
                     la_step_was_name(was), "why", la_json_text(why));
}

static void run_step(struct attempt *attempt, const struct la_runbook_step *step)
{
    char why[600];
    struct la_step_seen seen = {.before = attempt->could}; /* what goes on behind a step's back is its doing, too */
    struct la_shell_done *done = la_alloc(1, sizeof *done);
    la_step_expect(step, &attempt->unit.world, &seen);
    la_shell_run(&attempt->shell, step->command, STEP_MS, done);
    uint64_t began = la_now_ns();
    seen.serves = seen.starts && done->status == 0 ? la_unit_wait_serving(&attempt->unit, SERVE_MS)
                                                   : la_address_serves(&attempt->unit.address, ANSWER_MS);
    double waited = seen.starts ? (double)(la_now_ns() - began) / 1e6 : 0;
    seen.after = look(attempt);
    if (seen.after < seen.before && attempt->recoverable.packed) /* it may lie in an archive */
        seen.after = seen.before;
    attempt->could = seen.after;
    enum la_step_was was = la_step_judge(step, done, &seen, why, sizeof why);
    attempt->ms += done->ms + waited;
    attempt->serving_ms = !seen.serves ? NAN : isnan(attempt->serving_ms) ? attempt->ms : attempt->serving_ms;
    if (was != LA_STEP_RIGHT && !attempt->wrong_line)
        attempt->wrong_line = step->line;
    attempt->stopped =
        !attempt->playbook->carry_on && (was == LA_STEP_FAILED || was == LA_STEP_IMPOSSIBLE || was == LA_STEP_WAITING);
    done->output[TEXT_MAX] = '\0';
    json_t *entry = step_json(step, was, why);
    json_object_set_new(entry, "status", json_integer(done->status));
    json_object_set_new(entry, "ms", json_real(done->ms + waited));
    json_object_set_new(entry, "output", la_json_text(done->output));
    json_object_set_new(entry, "recoverable", json_integer(seen.after));
    json_object_set_new(entry, "serves", json_boolean(seen.serves));
    json_array_append_new(attempt->steps, entry);
    la_playbook_table_step(entry);
    free(done);
}

static void run_steps(struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->runbook.count; i++) {
        const struct la_runbook_step *step = &attempt->runbook.steps[i];
        if (!attempt->stopped && !la_interrupted()) {
            run_step(attempt, step);
            continue;
        }
        json_t *entry = step_json(step, LA_STEP_NOT_REACHED, "");
        json_array_append_new(attempt->steps, entry);
        la_playbook_table_step(entry);
    }
    bool serving = la_unit_wait_serving(&attempt->unit, 1000);
    attempt->kept = serving ? la_incident_count(&attempt->unit.address) : -1;
}

/* `why`: it could not be tried; NULL: it was. */
static json_t *result_of(const struct attempt *attempt, const char *why)
{
    const struct la_playbook *playbook = attempt->playbook;
    bool serves_at_end = attempt->kept >= 0;
    int left = serves_at_end ? attempt->kept : attempt->could;
    /* more than could be got back: then more could be than was thought of, and nothing is known of the rest */
    bool surprising = attempt->kept > attempt->at_first;
    why = why ? why : surprising ? "the server has more keys than any copy was seen to give back" : NULL;
    bool right = !why && serves_at_end && attempt->kept == attempt->at_first && !attempt->wrong_line;
    enum la_verdict verdict = why || la_interrupted() ? LA_INCONCLUSIVE : right ? LA_HOLDS : LA_VIOLATED;
    return json_pack("{s:i, s:s, s:o, s:s, s:s, s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:O, s:[s], s:b}",
                     "schema", LA_RESULT_SCHEMA, "lastack", LASTACK_VERSION, "runbook", la_json_text(playbook->runbook),
                     "incident", attempt->incident->name, "page", attempt->incident->page, "verdict",
                     la_verdict_name(verdict), "why", la_json_text(why), "keys", LA_PLAYBOOK_KEYS, "recoverable",
                     attempt->at_first, "kept", serves_at_end ? json_integer(attempt->kept) : json_null(),
                     "lost_by_fault", why ? json_null() : json_integer(LA_PLAYBOOK_KEYS - attempt->at_first),
                     "lost_by_runbook",
                     why ? json_null() : json_integer(left < attempt->at_first ? attempt->at_first - left : 0),
                     "rto_ms", la_json_real(serves_at_end ? attempt->serving_ms : NAN), "first_wrong_line",
                     attempt->wrong_line ? json_integer(attempt->wrong_line) : json_null(), "steps", attempt->steps,
                     "stand_ins", "sudo", "carried_on", playbook->carry_on);
}

static int report(const struct attempt *attempt, const char *why)
{
    struct la_error error;
    char path[LA_PATH_MAX];
    const struct la_playbook *playbook = attempt->playbook;
    json_t *result = result_of(attempt, why);
    enum la_verdict verdict = la_row_of(result).verdict;
    la_path(path, "%s/result.json", playbook->out);
    int failed = la_result_write(result, path, &error) ||
                 (playbook->json && la_result_hand_over(result, playbook->json, STDOUT_FILENO, &error));
    int status = verdict == LA_HOLDS ? LA_EXIT_HOLDS : verdict == LA_VIOLATED ? LA_EXIT_VIOLATED : LA_EXIT_INCONCLUSIVE;
    if (failed) {
        fprintf(stderr, "lastack: %s\n", error.text);
        status = LA_EXIT_USAGE;
    }
    la_playbook_table_end(result, playbook->out, status);
    json_decref(result);
    return status;
}

static void take_down(struct attempt *attempt)
{
    la_shell_close(&attempt->shell);
    la_unit_world_down(&attempt->unit);
    la_recoverable_free(&attempt->recoverable);
    la_unit_files_free(&attempt->files);
    la_runbook_free(&attempt->runbook);
    json_decref(attempt->steps);
}

static int try_it(struct attempt *attempt, const struct la_sandbox *sandbox)
{
    struct la_error error;
    char why[256];
    const char *missing = sandbox->box == LA_BOX_ROOT ? la_world_missing() : "a network of its own";
    snprintf(why, sizeof why, "it cannot be tried here without %s", missing ? missing : "");
    if (missing)
        return report(attempt, why);
    if (set_up(attempt, &error))
        return report(attempt, error.text);
    la_playbook_table_begin(attempt->incident->name, attempt->incident->page, attempt->at_first, LA_PLAYBOOK_KEYS);
    run_steps(attempt);
    return report(attempt, NULL);
}

int la_playbook_run(void *context, const struct la_sandbox *sandbox, struct la_strings *limits)
{
    struct la_error error = {""};
    struct la_playbook *playbook = context;
    struct attempt attempt = {.playbook = playbook,
                              .incident = la_incident_find(playbook->incident),
                              .unit.world = LA_WORLD_NONE,
                              .shell = {.terminal = -1, .orders = -1, .answers = -1},
                              .steps = json_array(),
                              .kept = -1,
                              .serving_ms = NAN};
    (void)limits;
    int made = -1;
    char names[256];
    la_incident_names(names, sizeof names);
    if (!attempt.incident)
        la_fail(&error, "--incident %s: no such incident; there are %s", playbook->incident, names);
    else if (la_runbook_read(&attempt.runbook, playbook->runbook, &error) == 0)
        made = la_new_folder(playbook->out, &error);
    int status = LA_EXIT_USAGE;
    if (made >= 0)
        status = try_it(&attempt, sandbox);
    else
        fprintf(stderr, "lastack: %s\n", error.text);
    if (made < 0 && playbook->made_out)
        rmdir(playbook->out);
    take_down(&attempt);
    return status;
}
