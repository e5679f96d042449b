/* The steps script and restored: a backup by the user's own script, and what it is worth. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "playbook/place.h"
#include "playbook/restorable.h"
#include "run/steps.h"

enum { SCRIPT_MS = 120000, ORDER_MS = 30000 };

#define USER    "/lastack/user"
#define AFTER   "-server" /* the figure: keys that the server has when the script has ended */
#define BACKUP  USER "/backup"
#define RESTORE USER "/restore"

static int do_in_world(struct la_run *run, const char *command)
{
    struct la_world_done done;
    return la_world_do(&run->place->unit.world, command, NULL, ORDER_MS, &done)
               ? la_run_doubt(run, "%.200s: status %d: %.200s", command, done.status, done.output)
               : 0;
}

/* A copy of the user's script, executable. -1 with a doubt. */
static int bring(struct la_run *run, const char *script, const char *path)
{
    struct la_error error;
    return la_world_bring(&run->place->unit.world, script, path, "755", &error) ? la_run_doubt(run, "%s", error.text)
                                                                                : 0;
}

/* One command in the shell: whether it succeeds, and in words, to be freed. */
static bool run_there(struct la_run *run, const char *command, char **said)
{
    struct la_place_step *came = la_alloc(1, sizeof *came);
    const struct la_runbook_step step = {.line = 1, .command = (char *)command};
    la_place_run(run->place, &step, SCRIPT_MS, came); /* what it leaves is found out otherwise */
    const char *line = strrchr(came->done.output, '\n');
    bool right = came->done.status == 0;
    if (came->was == LA_STEP_UNKNOWN)
        la_run_doubt(run, "%s", came->why);
    if (came->done.late || came->done.asks) /* it has not said how it went, and was ended */
        la_run_doubt(run, "%s: %.300s", command, came->why);
    *said = right ? la_format("right: %s", line ? line + 1 : came->done.output)
                  : la_format("failed: %s", *came->why ? came->why : came->done.output);
    la_printable(*said);
    la_run_event(run, NULL, "%s: %.300s", command, *said);
    free(came);
    return right;
}

/* ---- script ---- */

struct script {
    char *node;
    char *name;
};

static int run_script(struct la_run *run, const struct la_spec *spec)
{
    const struct script *step = (const struct script *)spec;
    if (bring(run, run->options->backup, BACKUP))
        return -1;
    if (do_in_world(run, "mkdir -p /lastack/s3 && touch /lastack/s3/.any") ||
        la_restorable_mark(&run->place->recoverable, LA_PLACE_BACKUPS))
        return la_run_doubt(run, "the script's beginning could not be marked");
    char *said;
    char *after = la_format("%s" AFTER, step->name); /* a backup takes nothing from the server that it is of */
    run_there(run, BACKUP, &said);
    la_measures_note(&run->measures, step->name, said);
    la_note_keys(run, after, la_place_kept(run->place), "no server serves");
    free(after);
    free(said);
    return 0;
}

static bool script_measures(const struct la_spec *spec, const char *name)
{
    static const char *const endings[] = {"", AFTER};
    return LA_IS_FIGURE_OF(((const struct script *)spec)->name, name, endings);
}

static const cyaml_schema_field_t script_fields[] = {LA_TEXT("name", LA_REQUIRED, struct script, name), LA_END};

const struct la_step_kind la_step_script = {
    .form = {"script", script_fields, sizeof(struct script)},
    .run = run_script,
    .measures = script_measures,
    .in_world = true,
};

/* ---- restored ---- */

struct restored {
    char *node;
    char *name;
    char *below; /* where the backup lies; NULL: wherever the script has put it */
};

/* Of a disk that was cut nothing else is of use: whether there was a backup beside it, which is gone then. */
static bool forget_elsewhere(const struct la_place *place)
{
    struct la_restored elsewhere;
    la_restorable_since(&place->recoverable, place->unit.folder, NULL, &elsewhere);
    const bool is_kept = elsewhere.keys > 0 || *elsewhere.unread;
    if (is_kept)
        la_restorable_forget(&place->recoverable, place->unit.folder);
    return is_kept;
}

/* By the user's own script, on a server that has nothing any more. */
static int by_script(struct la_run *run, const char *below, struct la_restored *restored, char none[128])
{
    struct la_place *place = run->place;
    const bool elsewhere = below && forget_elsewhere(place);
    char *wipe = la_format("systemctl kill -s KILL redis; systemctl stop redis; find '%s' -mindepth 1 -delete%s%s%s",
                           place->unit.folder, below ? "; mkdir -p " LA_PLACE_BACKUPS " && cp -a " : "",
                           below ? below : "", below ? "/. " LA_PLACE_BACKUPS "/" : "");
    int failed = bring(run, run->options->restore, RESTORE) || do_in_world(run, wipe);
    free(wipe);
    if (failed)
        return -1;
    char *said;
    if (run_there(run, RESTORE, &said)) {
        (void)la_unit_do(&place->unit, "start", NULL, 0);
        restored->keys = la_place_kept(place);
    }
    if (restored->keys < 0)
        snprintf(none, 128, "the restore: %.100s", said);
    free(said);
    if (elsewhere && restored->keys < LA_PLAYBOOK_KEYS)
        return la_run_doubt(run, "the backup is not kept on " LA_PLACE_BACKUPS " alone, whose power was cut");
    return 0;
}

/* By a second server. What it cannot read, or what is on no disk that was cut, is for nobody to judge. */
static int by_server(struct la_run *run, const char *below, struct la_restored *restored)
{
    const struct la_recoverable *recoverable = &run->place->recoverable;
    la_restorable_since(recoverable, run->place->unit.folder, below, restored);
    if (restored->keys == LA_PLAYBOOK_KEYS)
        return 0;
    if (*restored->unread)
        return la_run_doubt(run, "%s cannot be read here: --restore says how it is brought back", restored->unread);
    struct la_restored elsewhere = {.keys = -1};
    if (below)
        la_restorable_since(recoverable, run->place->unit.folder, NULL, &elsewhere);
    if (elsewhere.keys > restored->keys || *elsewhere.unread)
        return la_run_doubt(run, "the backup is not kept on " LA_PLACE_BACKUPS ", whose power was cut");
    return 0;
}

static int run_restored(struct la_run *run, const struct la_spec *spec)
{
    const struct restored *step = (const struct restored *)spec;
    char none[128] = "there is no backup that a server loads";
    struct la_restored restored = {.keys = -1};
    if (run->options->restore ? by_script(run, step->below, &restored, none) : by_server(run, step->below, &restored))
        return -1;
    la_note_keys(run, step->name, restored.keys, none);
    return 0;
}

static bool restored_measures(const struct la_spec *spec, const char *name)
{
    return !strcmp(((const struct restored *)spec)->name, name);
}

static const cyaml_schema_field_t restored_fields[] = {LA_TEXT("name", LA_REQUIRED, struct restored, name),
                                                       LA_TEXT("below", LA_OPTIONAL, struct restored, below), LA_END};

const struct la_step_kind la_step_restored = {
    .form = {"restored", restored_fields, sizeof(struct restored)},
    .run = run_restored,
    .measures = restored_measures,
    .in_world = true,
};
