/*
 * A place in which runbooks are tried: a world with a server under systemd, filled, to which an incident has happened,
 * and a shell. Used by one process.
 */
#ifndef LASTACK_PLAYBOOK_PLACE_H
#define LASTACK_PLAYBOOK_PLACE_H

#include <math.h>

#include "crash/loop_disk.h"
#include "playbook/incident.h"
#include "playbook/judge_step.h"
#include "playbook/recoverable.h"
#include "world/shell.h"

#define LA_PLACE_BACKUPS "/backup/redis"
#define LA_PLACE_CUT     "/cut"

struct la_place_with {
    const char *fixtures;               /* folder of the units and stand-ins */
    const struct la_incident *incident; /* NULL: nothing has happened */
    uint64_t seed;                      /* of what chance has a part in; 0: nothing is left to chance */
    const char *server;                 /* a program in place of that which the unit starts; NULL: that */
    const char *config;                 /* a redis.conf in place of the host's; NULL: that */
    const char *data;                   /* a folder that the server begins with; NULL: none */
    bool disk;                          /* LA_PLACE_BACKUPS is a disk of its own, whose power can be cut */
    const char *settings;               /* redis.conf lines below all others, those of the incident too; NULL: none */
};

struct la_place {
    struct la_unit_files files;
    struct la_unit_world unit;
    struct la_recoverable recoverable;
    struct la_shell shell;
    struct la_disk disk; /* of the backups; its image is empty: there is none */
    int at_first;        /* keys that could be got back when the incident had happened */
    int could;           /* keys that could be got back at the last look, */
    int live;            /* those that its server had; 0: it does not say, */
    int in_files;        /* and those that one of the files gave back */
    double ms;           /* that all steps took so far */
    double serving_ms;   /* until the server served, and did so at the last look; NAN: it does not */
};

#define LA_PLACE_NONE ((struct la_place){.unit.world = LA_WORLD_NONE, .shell.bash = LA_BASH_NONE, .serving_ms = NAN})

/* What came of a step. */
struct la_place_step {
    enum la_step_was was;
    char why[600]; /* where it was not right */
    struct la_step_seen seen;
    double ms; /* that it took, with the wait for the server that it starts */
    struct la_shell_done done;
};

/*
 * In `folder`, which is made, and in a network of its own, which the calling process enters: several may be tried at a
 * time. -1 with `error` filled; in either case la_place_down.
 */
int la_place_up(struct la_place *place, const char *folder, const struct la_place_with *with, struct la_error *error);
void la_place_down(struct la_place *place);

/* The PATH of commands in it: stand-ins first. */
#define LA_PLACE_PATH     LA_PLACE_PROGRAMS ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define LA_PLACE_PROGRAMS "/lastack/bin"

/* Opens the shell in which la_place_run and la_place_step run commands. -1 with `error` filled. */
int la_place_open(struct la_place *place, struct la_error *error);

/*
 * Whether stand-ins were asked for what they do not do since the last call; `out` has the first, empty: none was.
 */
void la_place_undone(const struct la_place *place, char *out, size_t size);

/* Runs one command, for at most so long: what it says of itself. */
void la_place_run(struct la_place *place, const struct la_runbook_step *step, unsigned int timeout_ms,
                  struct la_place_step *came);

/* The same, and looks at what it has done. */
void la_place_step(struct la_place *place, const struct la_runbook_step *step, unsigned int timeout_ms,
                   struct la_place_step *came);

/*
 * Cuts the power of the disk of the backups: what it has kept lies in LA_PLACE_CUT from now on. -1 with `error` filled.
 */
int la_place_cut(struct la_place *place, struct la_error *error);

/* What could be got back now: of the files, or of the server, if it runs. */
int la_place_look(struct la_place *place);

/* How many of the keys its server has; -1: none serves. */
int la_place_kept(const struct la_place *place);

/* Adds the names of the programs that stand in for others. */
void la_place_stand_ins(const char *fixtures, struct la_strings *names);

#endif
