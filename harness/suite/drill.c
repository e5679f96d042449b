#include "suite/drill.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "base/version.h"
#include "playbook/place.h"
#include "playbook/secrets.h"
#include "report/drill_table.h"
#include "report/result.h"
#include "report/row.h"
#include "world/person.h"

enum { TICK_MS = 250, ANSWER_MS = 500, COMMAND_MS = 5000, HINT_MS = 60000, COMMANDS_MAX = 10000 };

#define RC       "/lastack/bashrc"
#define HINT     LA_PLACE_PROGRAMS "/hint"
#define ASKED    "/run/lastack/hint"
#define UNLISTED "(not in the shell's history)"
#define NO_HINTS "there is nothing more in the runbook"

/* A command of the person's, and what was seen behind it. */
struct typed {
    char *text;
    double at_ms; /* since the page */
    double ms;
    int status;
    int before; /* keys that could be got back */
    int after;
    bool serves;
    char undone[200];
};

/* A drill that is being held. */
struct drill {
    const struct la_drill *asked;
    const struct la_incident *incident;
    struct la_runbook runbook;
    char runbook_file[LA_PATH_MAX];
    char server[LA_PATH_MAX]; /* empty: that of the unit */
    struct la_place place;
    struct la_person person;
    struct typed *typed;
    size_t count;
    int number;     /* of the last command in the shell's history */
    uint64_t paged; /* la_now_ns */
    double begun_ms;
    int hints;
    bool runs;          /* a command */
    bool serves;        /* the server, at the last look */
    int live_at_first;  /* keys that the server had when the page came; -1: none served */
    double detected_ms; /* NAN: never; so are the others */
    double mitigated_ms;
    double resolved_ms; /* begins anew when data is gone again */
    double down_ms;
    double looked_ms;  /* the last look at the server */
    double looking_ms; /* how long it was looked what could be got back: nobody's time */
    double ms;         /* of the whole drill */
    bool unknown;
    int kept;
    const char *ended_by;
};

/* The person's time. */
static double since_page(const struct drill *drill)
{
    return (double)(la_now_ns() - drill->paged) / 1e6 - drill->looking_ms;
}

static void look(struct drill *drill)
{
    uint64_t began = la_now_ns();
    la_place_look(&drill->place);
    drill->looking_ms += (double)(la_now_ns() - began) / 1e6;
}

/* ---- The clocks ---- */

/* Keys of a server that serves; -1: it does not. */
static int live_keys(const struct drill *drill)
{
    const struct la_address *address = &drill->place.unit.address;
    return la_address_serves(address, ANSWER_MS) ? la_incident_count(address) : -1;
}

static void see(struct drill *drill, int live)
{
    double now = since_page(drill);
    if (!drill->serves)
        drill->down_ms += now - drill->looked_ms;
    drill->serves = live >= 0;
    drill->looked_ms = now;
    if (isnan(drill->mitigated_ms) && live > drill->live_at_first)
        drill->mitigated_ms = now;
    if (live < drill->place.at_first)
        drill->resolved_ms = NAN;
    else if (isnan(drill->resolved_ms))
        drill->resolved_ms = now;
}

static void watch(struct drill *drill)
{
    see(drill, live_keys(drill));
}

/* ---- Hints ---- */

static bool is_asked(const struct drill *drill)
{
    struct stat st;
    int file = la_world_open(&drill->place.unit.world, ASKED, O_PATH | O_NOFOLLOW);
    bool asked = file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode);
    if (file >= 0)
        close(file);
    return asked;
}

/* The person has asked for one: it is written where the program waits for it. */
static void answer_hint(struct drill *drill)
{
    static const char command[] =
        "printf '%s\\n' \"$1\" >" ASKED ".part && mv " ASKED ".part " ASKED ".answer && rm -f " ASKED;
    struct la_world_done done;
    if (!is_asked(drill))
        return;
    bool any = (size_t)drill->hints < drill->runbook.count;
    const struct la_runbook_step *step = any ? &drill->runbook.steps[drill->hints] : NULL;
    char *text = any ? la_format("%d of %zu: %s%s%s", drill->hints + 1, drill->runbook.count, step->command,
                                 step->comment ? "   # " : "", step->comment ? step->comment : "")
                     : la_strdup(NO_HINTS);
    drill->hints += la_world_do(&drill->place.unit.world, command, text, COMMAND_MS, &done) == 0 && any;
    free(text);
}

/* ---- What the person does ---- */

static void note_command(struct drill *drill, const struct la_person_command *command)
{
    struct la_place *place = &drill->place;
    bool listed = command->number > 0 && command->number != drill->number;
    bool typed_any = drill->runs || listed;
    drill->runs = false;
    drill->number = command->number;
    if (!typed_any || drill->count == COMMANDS_MAX)
        return;
    watch(drill);
    drill->typed = la_realloc(drill->typed, drill->count + 1, sizeof *drill->typed);
    struct typed *typed = &drill->typed[drill->count++];
    *typed = (struct typed){.text = la_strdup(listed ? command->text : UNLISTED),
                            .at_ms = drill->begun_ms,
                            .ms = since_page(drill) - drill->begun_ms,
                            .status = command->status,
                            .before = place->could};
    la_place_undone(place, typed->undone, sizeof typed->undone);
    drill->unknown = drill->unknown || *typed->undone;
    typed->serves = drill->serves;
    look(drill);
    typed->after = place->could;
}

/* What has happened in the shell. False: it is closed. */
static bool take_event(struct drill *drill, enum la_person_event event, const struct la_person_command *command)
{
    switch (event) {
    case LA_PERSON_BEGINS:
        drill->runs = true;
        drill->begun_ms = since_page(drill);
        if (isnan(drill->detected_ms))
            drill->detected_ms = drill->begun_ms;
        return true;
    case LA_PERSON_ENDED:
        note_command(drill, command);
        la_person_go_on(&drill->person, command->prompt);
        return true;
    case LA_PERSON_GONE: drill->ended_by = "you have left the shell"; return false;
    case LA_PERSON_NONE: return true;
    }
    return true;
}

static void hold(struct drill *drill)
{
    struct la_person_command *command = la_alloc(1, sizeof *command);
    drill->paged = la_now_ns();
    drill->live_at_first = live_keys(drill);
    drill->serves = drill->live_at_first >= 0;
    while (!drill->ended_by) {
        if (!take_event(drill, la_person_relay(&drill->person, TICK_MS, command), command))
            break;
        if (since_page(drill) - drill->looked_ms >= TICK_MS)
            watch(drill);
        answer_hint(drill);
        if (la_interrupted())
            drill->ended_by = "it was interrupted";
        else if (since_page(drill) >= drill->asked->time_ms)
            drill->ended_by = "the time is up";
    }
    drill->ms = since_page(drill);
    la_person_close(&drill->person);
    look(drill); /* what goes on in the background has its share */
    drill->kept = la_place_kept(&drill->place);
    see(drill, drill->kept);
    free(command);
}

/* ---- What is said of it ---- */

static const char *was(const struct typed *typed)
{
    return la_step_was_name(*typed->undone                 ? LA_STEP_UNKNOWN
                            : typed->after < typed->before ? LA_STEP_DESTRUCTIVE
                            : typed->status                ? LA_STEP_FAILED
                                                           : LA_STEP_RIGHT);
}

static json_t *commands_json(const struct drill *drill)
{
    json_t *array = json_array();
    for (size_t i = 0; i < drill->count; i++) {
        const struct typed *typed = &drill->typed[i];
        json_array_append_new(array, json_pack("{s:f, s:f, s:o, s:i, s:s, s:o, s:i, s:b}", "at_ms", typed->at_ms, "ms",
                                               typed->ms, "command", la_json_text(typed->text), "status", typed->status,
                                               "was", was(typed), "undone", la_json_text(typed->undone), "recoverable",
                                               typed->after, "serves", typed->serves));
    }
    return array;
}

/* The same words, whatever is said behind them. */
static bool is_the_same(const char *typed, const char *command)
{
    size_t length = strlen(command);
    if (strncmp(typed, command, length) != 0)
        return false;
    typed += length + strspn(typed + length, " ");
    return !*typed || *typed == '#';
}

static bool has_typed(const struct drill *drill, const char *command)
{
    for (size_t i = 0; i < drill->count; i++)
        if (is_the_same(drill->typed[i].text, command))
            return true;
    return false;
}

static json_t *runbook_json(const struct drill *drill)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < drill->runbook.count; i++) {
        const struct la_runbook_step *step = &drill->runbook.steps[i];
        json_array_append_new(steps, json_pack("{s:i, s:o, s:b}", "line", step->line, "command",
                                               la_json_text(step->command), "typed", has_typed(drill, step->command)));
    }
    return json_pack("{s:o, s:o}", "file", la_json_text(drill->runbook_file), "steps", steps);
}

/* Passwords are nobody's business, wherever they stand: what is one in a command is one in the transcript too. */
static void hide_secrets(struct drill *drill)
{
    struct la_strings secrets = {0};
    struct la_person *person = &drill->person;
    la_config_secrets(&drill->place.unit.settings, &secrets);
    la_secrets_hide(person->transcript, person->length, &secrets);
    for (size_t i = 0; i < drill->count; i++)
        la_secrets_hide(drill->typed[i].text, strlen(drill->typed[i].text), &secrets);
    la_secrets_hide(person->transcript, person->length, &secrets);
    la_strings_free(&secrets);
}

static int write_transcript(const struct drill *drill, struct la_error *error)
{
    char path[LA_PATH_MAX];
    la_path(path, "%s/transcript", drill->asked->out);
    return la_output(path, STDOUT_FILENO, drill->person.transcript, drill->person.length, error);
}

/* What is known of a drill that was held. */
static void add_held(json_t *result, struct drill *drill)
{
    json_t *runbook = runbook_json(drill); /* of what was typed, before anything in it is hidden */
    hide_secrets(drill);
    int at_first = drill->place.at_first;
    int left = drill->kept >= 0 ? drill->kept : drill->place.could;
    json_t *held = json_pack(
        "{s:s, s:s, s:s, s:i, s:i, s:o, s:i, s:i, s:i, s:f, s:o, s:o, s:o, s:f, s:i, s:i, s:o, s:o, s:o, s:b}", "page",
        drill->incident->page, "alarm", drill->incident->alarm, "ended_by", drill->ended_by, "keys", LA_PLAYBOOK_KEYS,
        "recoverable", at_first, "kept", drill->kept >= 0 ? json_integer(drill->kept) : json_null(), "in_files",
        drill->place.in_files, "lost_by_fault", LA_PLAYBOOK_KEYS - at_first, "lost_by_operator",
        left < at_first ? at_first - left : 0, "ms", drill->ms, "detected_ms", la_json_real(drill->detected_ms),
        "mitigated_ms", la_json_real(drill->mitigated_ms), "resolved_ms", la_json_real(drill->resolved_ms), "down_ms",
        drill->down_ms, "hints", drill->hints, "hint_price_ms", HINT_MS, "counted_ms",
        la_json_real(drill->resolved_ms + drill->hints * (double)HINT_MS), "commands", commands_json(drill), "runbook",
        runbook, "transcript_cut", drill->person.cut);
    json_object_update(result, held);
    json_decref(held);
}

/* `why`: it could not be held; NULL: it was. */
static int report(struct drill *drill, const char *why)
{
    struct la_error error;
    const struct la_drill *asked = drill->asked;
    bool held = !why;
    int at_first = drill->place.at_first;
    why = why                      ? why
          : drill->kept > at_first ? "the server has more keys than any copy was seen to give back"
          : drill->unknown         ? "a stand-in does not do what was asked of it"
                                   : NULL;
    enum la_verdict verdict = why ? LA_INCONCLUSIVE : drill->kept == at_first ? LA_HOLDS : LA_VIOLATED;
    json_t *result = json_pack("{s:i, s:s, s:s, s:I, s:s, s:o}", "schema", LA_RESULT_SCHEMA, "lastack", LASTACK_VERSION,
                               "incident", drill->incident->name, "seed", (json_int_t)asked->seed, "verdict",
                               la_verdict_name(verdict), "why", la_json_text(why));
    if (held)
        add_held(result, drill);
    int status = la_result_leave(result, asked->out, asked->json);
    if (held && write_transcript(drill, &error)) {
        fprintf(stderr, "lastack: %s\n", error.text);
        status = LA_EXIT_USAGE;
    }
    la_drill_table_end(result, asked->out, status);
    json_decref(result);
    return status;
}

/* ---- From the beginning to the end ---- */

static int send_program(const struct drill *drill, const char *name, const char *to, const char *mode,
                        struct la_error *error)
{
    char from[LA_PATH_MAX];
    la_path(from, "%s/drill/%s", drill->asked->parts.fixtures, name);
    return la_world_bring(&drill->place.unit.world, from, to, mode, error);
}

static int stage(struct drill *drill, struct la_error *error)
{
    char folder[LA_PATH_MAX];
    const struct la_drill *asked = drill->asked;
    const struct la_place_with with = {.fixtures = asked->parts.fixtures,
                                       .incident = drill->incident,
                                       .seed = asked->seed,
                                       .server = *drill->server ? drill->server : NULL,
                                       .config = asked->config,
                                       .data = asked->data};
    la_path(folder, "%s/world", asked->out);
    printf("something is about to happen (about 5 s) ...\n");
    fflush(stdout);
    return la_place_up(&drill->place, folder, &with, error) || send_program(drill, "bashrc", RC, "644", error) ||
                   send_program(drill, "hint", HINT, "755", error)
               ? -1
               : 0;
}

static int drill_it(struct drill *drill, const struct la_sandbox *sandbox)
{
    struct la_error error;
    const char *missing = la_sandbox_lacks_world(sandbox);
    if (missing) {
        la_fail(&error, "it cannot be held here without %s", missing);
        return report(drill, error.text);
    }
    if (stage(drill, &error))
        return report(drill, error.text);
    drill->place.unit.world.foreign = true;
    la_drill_table_page(drill->incident->alarm, drill->asked->time_ms, HINT_MS);
    if (la_person_open(&drill->person, &drill->place.unit.world, LA_PLACE_PATH, RC, &error))
        return report(drill, error.text);
    hold(drill);
    return report(drill, NULL);
}

static int prepare(struct drill *drill, struct la_error *error)
{
    char names[256];
    const struct la_drill *asked = drill->asked;
    la_incident_names(names, sizeof names);
    if (!drill->incident)
        return la_fail(error, "drill %s: no such incident; there are " LA_DRILL_ANY ", %s", asked->incident, names);
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return la_fail(error, "a drill takes a terminal as standard input and output");
    la_path(drill->runbook_file, "%s/%s.md", asked->parts.playbooks, drill->incident->name);
    return (asked->server && la_parts_program(asked->server, drill->server, error)) ||
                   la_runbook_read(&drill->runbook, drill->runbook_file, error)
               ? -1
               : 0;
}

static void clear(struct drill *drill)
{
    la_person_free(&drill->person);
    la_place_down(&drill->place);
    la_runbook_free(&drill->runbook);
    for (size_t i = 0; i < drill->count; i++)
        free(drill->typed[i].text);
    free(drill->typed);
}

int la_drill_run(void *context, const struct la_sandbox *sandbox, struct la_strings *limits)
{
    struct la_error error = {""};
    struct la_drill *asked = context;
    bool any = !strcmp(asked->incident, LA_DRILL_ANY);
    struct drill drill = {.asked = asked,
                          .incident = any ? la_incident_draw(asked->seed) : la_incident_find(asked->incident),
                          .place = LA_PLACE_NONE,
                          .person = LA_PERSON_NOBODY,
                          .detected_ms = NAN,
                          .mitigated_ms = NAN,
                          .resolved_ms = NAN,
                          .kept = -1};
    (void)limits;
    bool ready = prepare(&drill, &error) == 0 && la_new_folder(asked->out, &error) >= 0;
    int status = LA_EXIT_USAGE;
    if (ready)
        status = drill_it(&drill, sandbox);
    else
        fprintf(stderr, "lastack: %s\n", error.text);
    if (!ready && asked->made_out)
        rmdir(asked->out);
    clear(&drill);
    return status;
}
