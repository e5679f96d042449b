/*
 * A runbook: the commands of a Markdown file, in order. They are those of its fenced blocks marked sh, bash, shell or
 * console; of a console block, the lines behind a prompt.
 */
#ifndef LASTACK_PLAYBOOK_RUNBOOK_H
#define LASTACK_PLAYBOOK_RUNBOOK_H

#include "base/util.h"

/* What a comment behind a command says that is to be seen. */
enum la_wanted {
    LA_WANTS_NOTHING, /* there is no comment */
    LA_WANTS_LITERAL, /* a reply: the last line of the output is this */
    LA_WANTS_NUMBER,  /* a comparison: with the first number in the last line of the output */
    LA_WANTS_OTHER,   /* it is not in the grammar: not judged */
};

struct la_runbook_step {
    int line;      /* of the file, 1 and up */
    char *command; /* of a shell, may have several lines */
    char *comment; /* behind it; NULL: none */
    enum la_wanted wanted;
    char comparison[3]; /* < > <= >= == != */
    double number;
};

struct la_runbook {
    struct la_runbook_step *steps;
    size_t count;
    unsigned int judged; /* of them, those that say what is to be seen */
};

/* -1 with `error` filled: it cannot be read, or has no commands. */
int la_runbook_read(struct la_runbook *runbook, const char *path, struct la_error *error);
/* Adds the commands of a shell text, whose first line has that number. */
void la_runbook_add(struct la_runbook *runbook, const char *text, int line);

void la_runbook_free(struct la_runbook *runbook);

/* Whether a step's output shows what its comment says. True where it says nothing that is judged. */
bool la_runbook_seen(const struct la_runbook_step *step, const char *output);

#endif
