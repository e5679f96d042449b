/* The steps of a scenario with a world: shell, stage, cut, count. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "playbook/document.h"
#include "playbook/place.h"
#include "playbook/restorable.h"
#include "run/steps.h"

enum { STAGE_MS = 60000, COMMAND_MS = 60000, EDITED_MAX = 8000 };

#define TEXT "/lastack/text"

/* ---- shell ---- */

struct shell {
    char *node;
    char *name;
    char *run;    /* the text itself, */
    char *lines;  /* or where it stands in the document: "FIRST-LAST" */
    char *sha256; /* which it has there */
    char *edit;   /* a script of sed -E for it; NULL: as it is */
    char *to;     /* a file of the world's that the text becomes, executable, in place of being run; NULL: it is run */
    bool carry_on;
    unsigned int within_ms; /* each of its commands; 0: a minute */
};

/* What a text comes to, step after step. */
struct course {
    struct la_run *run;
    const struct shell *step;
    bool from_document;
    bool stopped;
    char *first_wrong; /* in words; NULL: none yet */
    char early[128];   /* the last start of a server that has less than could be got back, in words; empty: none */
    char *output;      /* of all */
    char last[256];    /* line of it */
    double ms;
};

static bool read_range(const char *lines, unsigned int *first, unsigned int *last)
{
    char behind;
    int read = sscanf(lines, "%u-%u%c", first, last, &behind);
    if (read == 1 && !lines[strspn(lines, "0123456789")])
        *last = *first;
    else if (read != 2)
        return false;
    return *first >= 1 && *first <= *last && *last - *first < 1000;
}

static int check_shell(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct shell *step = (const struct shell *)spec;
    unsigned int first;
    unsigned int last;
    (void)index;
    if (!step->run == !step->lines)
        return la_check_wrong(check, "shell: 'run' or 'lines', one of them");
    if (step->lines && !read_range(step->lines, &first, &last))
        return la_check_wrong(check, "shell: lines: '%s' is not FIRST-LAST, 1 and up, at most 1000 lines", step->lines);
    if (!step->lines != !step->sha256)
        return la_check_wrong(check, "shell: 'lines' and 'sha256' go together");
    if (step->sha256 &&
        (strlen(step->sha256) != LA_SHA256_DIGITS || step->sha256[strspn(step->sha256, "0123456789abcdefABCDEF")]))
        return la_check_wrong(check, "shell: sha256: 64 hexadecimal digits");
    if (step->to && (*step->to != '/' || strstr(step->to, "..")))
        return la_check_wrong(check, "shell: to: an absolute path, without ..");
    return 0;
}

/* A text as a file of the world's. */
static int send_text(const struct la_world *world, const char *text, const char *path, const char *mode,
                     struct la_error *error)
{
    int file = memfd_create("text", MFD_CLOEXEC);
    size_t length = strlen(text);
    int failed = file >= 0 && write(file, text, length) == (ssize_t)length && lseek(file, 0, SEEK_SET) == 0
                     ? la_world_send(world, file, path, mode, error)
                     : la_fail(error, "%s: %m", path);
    if (file >= 0)
        close(file);
    return failed;
}

/* As sed leaves it; takes the text over. NULL: there is a doubt. */
static char *edited(struct la_run *run, char *text, const char *script)
{
    struct la_error error;
    struct la_world_done done;
    const struct la_world *world = &run->place->unit.world;
    const char *const argv[] = {"sed", "-E", script, TEXT, NULL};
    int failed = send_text(world, text, TEXT, "644", &error);
    free(text);
    if (failed) {
        la_run_doubt(run, "%s", error.text);
        return NULL;
    }
    la_world_run(world, argv, STAGE_MS, &done);
    if (!done.status && strlen(done.output) < EDITED_MAX)
        return la_strdup(done.output);
    la_run_doubt(run, "edit: sed: status %d: %.200s", done.status, done.status ? done.output : "the text is too long");
    return NULL;
}

static char *text_of(struct la_run *run, const struct shell *step, unsigned int *first)
{
    struct la_error error;
    unsigned int last;
    *first = 1;
    char *text = step->run ? la_strdup(step->run) : NULL;
    if (step->lines && read_range(step->lines, first, &last))
        text = la_document_lines(run->options->document, *first, last, step->sha256, &error);
    if (!text)
        la_run_doubt(run, "%s", error.text);
    return text && step->edit ? edited(run, text, step->edit) : text;
}

static int save_text(struct la_run *run, const struct shell *step, const char *text)
{
    struct la_error error;
    char *whole = la_format("%s\n", text);
    int failed = send_text(&run->place->unit.world, whole, step->to, "755", &error);
    free(whole);
    if (failed)
        return la_run_doubt(run, "%s", error.text);
    la_run_event(run, NULL, "%s has %s%s", step->to, step->lines ? "lines " : "a text of the scenario's",
                 step->lines ? step->lines : "");
    return 0;
}

static void join(char **all, const char *text)
{
    char *longer = la_format("%s%s%s", *all, **all && *text ? "\n" : "", text);
    free(*all);
    *all = longer;
}

static void take_step(struct course *course, const struct la_runbook_step *step)
{
    struct la_run *run = course->run;
    struct la_place_step *came = la_alloc(1, sizeof *came);
    char where[32] = "";
    la_place_step(run->place, step, course->step->within_ms ? course->step->within_ms : COMMAND_MS, came);
    bool right = came->was == LA_STEP_RIGHT;
    if (course->from_document)
        snprintf(where, sizeof where, "line %d: ", step->line);
    la_run_event(run, NULL, "%s%.*s: %s%s%s", where, (int)strcspn(step->command, "\n"), step->command,
                 la_step_was_name(came->was), right ? "" : ": ", came->why);
    course->ms += came->ms;
    join(&course->output, came->done.output);
    const char *line = strrchr(course->output, '\n');
    snprintf(course->last, sizeof course->last, "%s", line ? line + 1 : course->output);
    if (right && came->seen.starts && came->seen.live < came->seen.before)
        snprintf(course->early, sizeof course->early, "; %sthe server has %d of the %d keys that could be got back",
                 where, came->seen.live, came->seen.before);
    if (!right && !course->first_wrong)
        course->first_wrong = la_format("%s: %s%s", la_step_was_name(came->was), where, came->why);
    course->stopped = !course->step->carry_on && la_step_stops(came->was);
    if (came->was == LA_STEP_UNKNOWN)
        la_run_doubt(run, "%s%s", where, came->why);
    free(came);
}

/* NAME has what it was, NAME-output what it printed, NAME-ms how long it took, NAME-keys what can be got back since. */
static void note_course(struct la_run *run, const struct shell *step, const struct course *course)
{
    char name[128];
    char *right = la_format("right: %s%s", course->last, course->early);
    snprintf(name, sizeof name, "%.100s", step->name ? step->name : step->lines ? step->lines : step->run);
    la_measures_note(&run->measures, name, course->first_wrong ? course->first_wrong : right);
    free(right);
    if (!step->name)
        return;
    snprintf(name, sizeof name, "%.100s-output", step->name);
    la_measures_note(&run->measures, name, course->output);
    snprintf(name, sizeof name, "%.100s-ms", step->name);
    la_measures_add(&run->measures, name, "ms", (struct la_sample){.value = course->ms});
    snprintf(name, sizeof name, "%.100s-keys", step->name);
    la_measures_add(&run->measures, name, "keys", (struct la_sample){.value = run->place->could});
}

static int run_shell(struct la_run *run, const struct la_spec *spec)
{
    const struct shell *step = (const struct shell *)spec;
    unsigned int first;
    char *text = text_of(run, step, &first);
    if (!text)
        return -1;
    int failed = step->to ? save_text(run, step, text) : 0;
    struct la_runbook runbook = {0};
    struct course course = {.run = run, .step = step, .from_document = step->lines, .output = la_strdup("")};
    if (!step->to)
        la_runbook_add(&runbook, text, (int)first);
    for (size_t i = 0; i < runbook.count && !course.stopped && !la_interrupted(); i++)
        take_step(&course, &runbook.steps[i]);
    if (runbook.count)
        note_course(run, step, &course);
    else if (!step->to)
        failed = la_run_doubt(run, "shell: there is no command in the text");
    la_runbook_free(&runbook);
    free(course.first_wrong);
    free(course.output);
    free(text);
    return failed;
}

static bool shell_measures(const struct la_spec *spec, const char *name)
{
    static const char *const endings[] = {"", "-output", "-ms", "-keys"};
    const struct shell *step = (const struct shell *)spec;
    return step->name && *step->name && !step->to && LA_IS_FIGURE_OF(step->name, name, endings);
}

static const cyaml_schema_field_t shell_fields[] = {LA_TEXT("name", LA_OPTIONAL, struct shell, name),
                                                    LA_TEXT("run", LA_OPTIONAL, struct shell, run),
                                                    LA_TEXT("lines", LA_OPTIONAL, struct shell, lines),
                                                    LA_TEXT("sha256", LA_OPTIONAL, struct shell, sha256),
                                                    LA_TEXT("edit", LA_OPTIONAL, struct shell, edit),
                                                    LA_TEXT("to", LA_OPTIONAL, struct shell, to),
                                                    LA_FLAG("carry_on", struct shell, carry_on),
                                                    LA_NUMBER("within_ms", struct shell, within_ms),
                                                    LA_END};

const struct la_step_kind la_step_shell = {
    .form = {"shell", shell_fields, sizeof(struct shell)},
    .check = check_shell,
    .run = run_shell,
    .measures = shell_measures,
    .in_world = true,
};

bool la_scenario_quotes(const struct la_scenario *scenario)
{
    for (unsigned int i = 0; i < scenario->step_count; i++)
        if (scenario->steps[i].kind == &la_step_shell && ((const struct shell *)scenario->steps[i].spec)->lines)
            return true;
    return false;
}

/* ---- stage ---- */

struct stage {
    char *node;
    char *name;
    char *run;
};

static int run_stage(struct la_run *run, const struct la_spec *spec)
{
    const struct stage *step = (const struct stage *)spec;
    struct la_world_done done;
    const char *const argv[] = {"bash", "-c", step->run, NULL};
    la_world_run(&run->place->unit.world, argv, STAGE_MS, &done);
    la_run_event(run, NULL, "staged: %.*s -> %d", (int)strcspn(step->run, "\n"), step->run, done.status);
    if (done.status)
        return la_run_doubt(run, "it could not be staged: %.200s: status %d: %.200s", step->run, done.status,
                            done.output);
    if (step->name)
        la_measures_read(&run->measures, step->name, "", done.output, (struct la_sample){.at = 0}, 0);
    la_place_look(run->place);
    return 0;
}

static bool stage_measures(const struct la_spec *spec, const char *name)
{
    const struct stage *step = (const struct stage *)spec;
    return step->name && !strcmp(step->name, name);
}

static const cyaml_schema_field_t stage_fields[] = {LA_TEXT("name", LA_OPTIONAL, struct stage, name),
                                                    LA_TEXT("run", LA_REQUIRED, struct stage, run), LA_END};

const struct la_step_kind la_step_stage = {
    .form = {"stage", stage_fields, sizeof(struct stage)},
    .run = run_stage,
    .measures = stage_measures,
    .in_world = true,
};

/* ---- cut ---- */

static int run_cut(struct la_run *run, const struct la_spec *spec)
{
    struct la_error error;
    (void)spec;
    if (la_place_cut(run->place, &error))
        return la_run_doubt(run, "%s", error.text);
    la_run_event(run, NULL, "the power of " LA_PLACE_BACKUPS " is cut: what is left of it lies in " LA_PLACE_CUT);
    return 0;
}

static int check_cut(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    (void)spec;
    (void)index;
    return check->scenario->world->disk ? 0 : la_check_wrong(check, "cut: it takes 'world: {disk: true}'");
}

const struct la_step_kind la_step_cut = {
    .form = {"cut", la_spec_fields, sizeof(struct la_spec)},
    .check = check_cut,
    .run = run_cut,
    .in_world = true,
};

/* ---- count ---- */

struct count {
    char *node;
    char *name;
    char *in; /* glob of the world's: the newest file of these, restored on a second server; NULL: of the server */
};

void la_note_keys(struct la_run *run, const char *name, int keys, const char *none)
{
    char text[128];
    if (keys < 0)
        snprintf(text, sizeof text, "%s", none);
    else
        snprintf(text, sizeof text, "%d of %d keys", keys, LA_PLAYBOOK_KEYS);
    la_measures_note(&run->measures, name, text);
    la_measures_add(&run->measures, name, "keys", (struct la_sample){.value = keys < 0 ? 0 : keys});
    la_run_event(run, NULL, "%s: %s", name, text);
}

static int run_count(struct la_run *run, const struct la_spec *spec)
{
    const struct count *step = (const struct count *)spec;
    struct la_restored restored = {.unread = ""};
    if (step->in)
        la_restorable_newest(&run->place->recoverable, step->in, &restored);
    if (*restored.unread)
        return la_run_doubt(run, "%s: %s cannot be read here", step->name, restored.unread);
    int keys = step->in ? restored.keys : la_place_kept(run->place);
    la_note_keys(run, step->name, keys, step->in ? "no such file, or no server loads it" : "no server serves");
    return 0;
}

static int check_count(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct count *step = (const struct count *)spec;
    (void)index;
    return step->in && (*step->in != '/' || strpbrk(step->in, "'\n"))
               ? la_check_wrong(check, "count: in: a glob that begins with /, without quotes")
               : 0;
}

static bool count_measures(const struct la_spec *spec, const char *name)
{
    return !strcmp(((const struct count *)spec)->name, name);
}

static const cyaml_schema_field_t count_fields[] = {LA_TEXT("name", LA_REQUIRED, struct count, name),
                                                    LA_TEXT("in", LA_OPTIONAL, struct count, in), LA_END};

const struct la_step_kind la_step_count = {
    .form = {"count", count_fields, sizeof(struct count)},
    .check = check_count,
    .run = run_count,
    .measures = count_measures,
    .in_world = true,
};
