/* The steps script and restored: a backup by the user's own script, and what it is worth. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "playbook/place.h"
#include "run/steps.h"

enum { SCRIPT_MS = 120000, ORDER_MS = 30000, SERVE_MS = 10000 };

#define USER    "/lastack/user"
#define MARK    USER "/began"
#define BACKUP  USER "/backup"
#define RESTORE USER "/restore"

static int do_in_world(struct la_run *run, const char *command)
{
    struct la_world_done done;
    const char *const argv[] = {"sh", "-c", command, NULL};
    la_world_run(&run->place->unit.world, argv, ORDER_MS, &done);
    return done.status ? la_run_doubt(run, "%.200s: status %d: %.200s", command, done.status, done.output) : 0;
}

/* A copy of the user's script, executable. -1 with a doubt. */
static int bring(struct la_run *run, const char *script, const char *path)
{
    struct la_error error;
    int file = open(script, O_RDONLY | O_CLOEXEC);
    int failed = file >= 0 ? la_world_send(&run->place->unit.world, file, path, "755", &error)
                           : la_fail(&error, "%s: %m", script);
    if (file >= 0)
        close(file);
    return failed ? la_run_doubt(run, "%s", error.text) : 0;
}

/* One command in the shell; what it was, in words, to be freed. */
static char *run_there(struct la_run *run, const char *command)
{
    struct la_place_step *came = la_alloc(1, sizeof *came);
    const struct la_runbook_step step = {.line = 1, .command = (char *)command};
    la_place_step(run->place, &step, SCRIPT_MS, came);
    const char *line = strrchr(came->done.output, '\n');
    bool right = came->done.status == 0; /* that what it leaves is too little is found out otherwise */
    if (came->was == LA_STEP_UNKNOWN)
        la_run_doubt(run, "%s", came->why);
    char *said = right ? la_format("right: %s", line ? line + 1 : came->done.output)
                       : la_format("failed: %s", *came->why ? came->why : came->done.output);
    la_printable(said);
    la_run_event(run, NULL, "%s: %.300s", command, said);
    free(came);
    return said;
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
    /* a change of the same tick as the mark would not be newer than it */
    if (do_in_world(run, "touch " MARK " && sleep 0.05"))
        return -1;
    char *said = run_there(run, BACKUP);
    la_measures_note(&run->measures, step->name, said);
    free(said);
    return 0;
}

static bool script_measures(const struct la_spec *spec, const char *name)
{
    return !strcmp(((const struct script *)spec)->name, name);
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

/* By the user's own script, on a server that has nothing any more. -1: it does not serve then. */
static int by_script(struct la_run *run)
{
    struct la_place *place = run->place;
    const struct la_recoverable *own = &place->recoverable;
    if (bring(run, run->options->restore, RESTORE))
        return -1;
    char *wipe = la_format("systemctl kill -s KILL redis; systemctl stop redis; rm -rf '%s/%s' '%s/%s'", own->folder,
                           own->snapshot, own->folder, own->log);
    int failed = do_in_world(run, wipe);
    free(wipe);
    if (failed)
        return -1;
    free(run_there(run, RESTORE));
    (void)la_unit_do(&place->unit, "start", NULL, 0);
    return la_unit_wait_serving(&place->unit, SERVE_MS) ? la_incident_count(&place->unit.address) : -1;
}

static int run_restored(struct la_run *run, const struct la_spec *spec)
{
    const struct restored *step = (const struct restored *)spec;
    char text[128];
    bool scripted = run->options->restore && !step->below;
    int keys = scripted ? by_script(run) : la_recoverable_since(&run->place->recoverable, MARK, step->below);
    if (keys < 0)
        snprintf(text, sizeof text, "%s", scripted ? "no server serves" : "there is no backup that a server loads");
    else
        snprintf(text, sizeof text, "%d of %d keys", keys, LA_PLAYBOOK_KEYS);
    la_measures_note(&run->measures, step->name, text);
    la_measures_add(&run->measures, step->name, "keys", (struct la_sample){.value = keys < 0 ? 0 : keys});
    la_run_event(run, NULL, "restored: %s", text);
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
