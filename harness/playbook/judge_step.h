/* What one step of a runbook was. */
#ifndef LASTACK_PLAYBOOK_JUDGE_STEP_H
#define LASTACK_PLAYBOOK_JUDGE_STEP_H

#include "playbook/runbook.h"
#include "world/shell.h"

enum la_step_was {
    LA_STEP_RIGHT,
    LA_STEP_WRONG,       /* it reports success, and what was to be seen is not there */
    LA_STEP_FAILED,      /* it says so, or takes too long */
    LA_STEP_IMPOSSIBLE,  /* no such command, or a file that it names is not there */
    LA_STEP_WAITING,     /* it asks, and nobody is there */
    LA_STEP_DESTRUCTIVE, /* after it, less can be got back than before */
    LA_STEP_NOT_REACHED,
    LA_STEP_UNKNOWN, /* a stand-in does not do what it asks for */
};

const char *la_step_was_name(enum la_step_was was);

/* Whoever works through a runbook stops there. */
bool la_step_stops(enum la_step_was was);

/* What was seen of a step besides its output. */
struct la_step_seen {
    int before;                /* keys that could be got back before it, */
    int after;                 /* and after it */
    char missing[LA_PATH_MAX]; /* a file that it names and that was not there before; empty: none */
    bool starts;               /* it is to start the server */
    bool serves;               /* which serves after it */
    int live;                  /* keys that it has then; 0: it does not say */
    char undone[200];          /* what it asked a stand-in for in vain; empty: nothing */
};

/* `why`, in words where it was not right. */
enum la_step_was la_step_judge(const struct la_runbook_step *step, const struct la_shell_done *done,
                               const struct la_step_seen *seen, char *why, size_t size);

/* Fills `missing` and `starts` of a step that is about to run. */
void la_step_expect(const struct la_runbook_step *step, const struct la_world *world, struct la_step_seen *seen);

#endif
