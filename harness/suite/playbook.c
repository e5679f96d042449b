#include "suite/playbook.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"
#include "base/version.h"
#include "playbook/place.h"
#include "report/playbook_table.h"
#include "report/result.h"
#include "report/row.h"

enum { TEXT_MAX = 4096, STEP_MS = 60000 };

/* A runbook in the course of being tried. */
struct attempt {
    const struct la_playbook *playbook;
    const struct la_incident *incident;
    struct la_runbook runbook;
    struct la_place place;
    char server[LA_PATH_MAX]; /* empty: that of the unit */
    json_t *steps;
    int kept;       /* keys that the server has at the end; -1: none serves */
    int wrong_line; /* of the first step that was not right; 0: there was none */
    int short_step; /* index of the last one that has started a server with less than could be got back; -1: none has */
    bool unknown;   /* a step of which nothing can be said */
    bool stopped;   /* after a step that failed */
};

static json_t *step_json(const struct la_runbook_step *step, enum la_step_was was, const char *why)
{
    static const char *const wanted[] = {"", "literal", "comparison", "not judged"};
    return json_pack("{s:i, s:o, s:o, s:s, s:s, s:o}", "line", step->line, "command", la_json_text(step->command),
                     "comment", la_json_text(step->comment), "comment_is", wanted[step->wanted], "was",
                     la_step_was_name(was), "why", la_json_text(why));
}

static void run_step(struct attempt *attempt, const struct la_runbook_step *step)
{
    struct la_place_step *came = la_alloc(1, sizeof *came);
    la_place_step(&attempt->place, step, STEP_MS, came);
    enum la_step_was was = came->was;
    if (was != LA_STEP_RIGHT && !attempt->wrong_line)
        attempt->wrong_line = step->line;
    attempt->unknown = attempt->unknown || was == LA_STEP_UNKNOWN;
    if (was == LA_STEP_RIGHT && came->seen.starts && came->seen.live < came->seen.before)
        attempt->short_step = (int)json_array_size(attempt->steps);
    attempt->stopped = !attempt->playbook->carry_on && la_step_stops(was);
    came->done.output[TEXT_MAX] = '\0';
    json_t *entry = step_json(step, was, came->why);
    json_object_set_new(entry, "status", json_integer(came->done.status));
    json_object_set_new(entry, "ms", json_real(came->ms));
    json_object_set_new(entry, "output", la_json_text(came->done.output));
    json_object_set_new(entry, "recoverable", json_integer(came->seen.after));
    json_object_set_new(entry, "serves", json_boolean(came->seen.serves));
    json_array_append_new(attempt->steps, entry);
    la_playbook_table_step(entry);
    free(came);
}

/* Each step reports success, and the server lacks keys: it is the last start that was too early. */
static void blame_start(struct attempt *attempt)
{
    json_t *step = attempt->short_step < 0 ? NULL : json_array_get(attempt->steps, (size_t)attempt->short_step);
    if (!step || attempt->wrong_line || attempt->kept >= attempt->place.at_first)
        return;
    char *why = la_format("it reports success, and the server that it starts has not all of the %d keys that could be "
                          "got back",
                          attempt->place.at_first);
    attempt->wrong_line = la_json_whole(step, "line");
    json_object_set_new(step, "was", json_string(la_step_was_name(LA_STEP_WRONG)));
    json_object_set_new(step, "why", la_json_text(why));
    free(why);
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
    attempt->kept = la_place_kept(&attempt->place);
    blame_start(attempt);
}

static json_t *stand_ins(const struct la_playbook *playbook)
{
    struct la_strings names = {0};
    la_place_stand_ins(playbook->parts.fixtures, &names);
    json_t *array = la_json_texts(&names);
    la_strings_free(&names);
    return array;
}

/* `why`: it could not be tried; NULL: it was. */
static json_t *result_of(const struct attempt *attempt, const char *why)
{
    const struct la_playbook *playbook = attempt->playbook;
    bool serves_at_end = attempt->kept >= 0;
    int at_first = attempt->place.at_first;
    int left = serves_at_end ? attempt->kept : attempt->place.could;
    /* more than could be got back: then more could be than was thought of, and nothing is known of the rest */
    bool surprising = attempt->kept > at_first;
    why = why                ? why
          : surprising       ? "the server has more keys than any copy was seen to give back"
          : attempt->unknown ? "a stand-in does not do what a step asks for"
                             : NULL;
    bool right = !why && serves_at_end && attempt->kept == at_first && !attempt->wrong_line;
    enum la_verdict verdict = why || la_interrupted() ? LA_INCONCLUSIVE : right ? LA_HOLDS : LA_VIOLATED;
    return json_pack("{s:i, s:s, s:o, s:s, s:s, s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:O, s:o, s:b}", "schema",
                     LA_RESULT_SCHEMA, "lastack", LASTACK_VERSION, "runbook", la_json_text(playbook->runbook),
                     "incident", attempt->incident->name, "page", attempt->incident->page, "verdict",
                     la_verdict_name(verdict), "why", la_json_text(why), "keys", LA_PLAYBOOK_KEYS, "recoverable",
                     at_first, "kept", serves_at_end ? json_integer(attempt->kept) : json_null(), "lost_by_fault",
                     why ? json_null() : json_integer(LA_PLAYBOOK_KEYS - at_first), "lost_by_runbook",
                     why ? json_null() : json_integer(left < at_first ? at_first - left : 0), "rto_ms",
                     la_json_real(serves_at_end ? attempt->place.serving_ms : NAN), "first_wrong_line",
                     attempt->wrong_line ? json_integer(attempt->wrong_line) : json_null(), "steps", attempt->steps,
                     "stand_ins", stand_ins(playbook), "carried_on", playbook->carry_on);
}

static int report(const struct attempt *attempt, const char *why)
{
    const struct la_playbook *playbook = attempt->playbook;
    json_t *result = result_of(attempt, why);
    int status = la_result_leave(result, playbook->out, playbook->json);
    la_playbook_table_end(result, playbook->out, status);
    json_decref(result);
    return status;
}

static void take_down(struct attempt *attempt)
{
    la_place_down(&attempt->place);
    la_runbook_free(&attempt->runbook);
    json_decref(attempt->steps);
}

static int try_it(struct attempt *attempt, const struct la_sandbox *sandbox)
{
    struct la_error error;
    char why[256];
    char folder[LA_PATH_MAX];
    const char *missing = la_sandbox_lacks_world(sandbox);
    snprintf(why, sizeof why, "it cannot be tried here without %s", missing ? missing : "");
    if (missing)
        return report(attempt, why);
    const struct la_playbook *playbook = attempt->playbook;
    la_path(folder, "%s/world", playbook->out);
    const struct la_place_with with = {.fixtures = playbook->parts.fixtures,
                                       .incident = attempt->incident,
                                       .server = *attempt->server ? attempt->server : NULL,
                                       .config = playbook->config,
                                       .data = playbook->data,
                                       .seed = playbook->seed};
    if (la_place_up(&attempt->place, folder, &with, &error) || la_place_open(&attempt->place, &error))
        return report(attempt, error.text);
    la_playbook_table_begin(attempt->incident->name, attempt->incident->page, attempt->place.at_first,
                            LA_PLAYBOOK_KEYS);
    run_steps(attempt);
    return report(attempt, NULL);
}

int la_playbook_run(void *context, const struct la_sandbox *sandbox, struct la_strings *limits)
{
    struct la_error error = {""};
    struct la_playbook *playbook = context;
    struct attempt attempt = {.playbook = playbook,
                              .incident = la_incident_find(playbook->incident),
                              .place = LA_PLACE_NONE,
                              .steps = json_array(),
                              .kept = -1,
                              .short_step = -1};
    (void)limits;
    int made = -1;
    char names[256];
    la_incident_names(names, sizeof names);
    if (!attempt.incident)
        la_fail(&error, "--incident %s: no such incident; there are %s", playbook->incident, names);
    else if (playbook->server && la_parts_program(playbook->server, attempt.server, &error))
        made = -1;
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
