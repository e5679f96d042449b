/*
 * A person's bash in a world, on the person's own terminal: what is typed goes to it, Ctrl-C included, and what it and
 * its commands print comes back, and is kept. The terminal is as it was when it is closed. Used by one thread.
 */
#ifndef LASTACK_WORLD_PERSON_H
#define LASTACK_WORLD_PERSON_H

#include <termios.h>

#include "world/bash.h"

enum { LA_TRANSCRIPT_MAX = 4 << 20 };

enum la_person_event {
    LA_PERSON_NONE,
    LA_PERSON_BEGINS, /* a command has been typed, and runs */
    LA_PERSON_ENDED,  /* it has ended, or nothing was typed; no prompt comes before la_person_go_on */
    LA_PERSON_GONE,   /* the shell, or the terminal, has been closed */
};

struct la_person {
    struct la_bash bash;
    struct termios before; /* of the person's own terminal */
    bool raw;              /* which is not as it was */
    char heard[8192];      /* answers that are not taken yet */
    size_t heard_length;
    bool skipping;    /* the rest of an answer that was too long */
    char typed[1024]; /* keys that the terminal has not taken yet */
    size_t typed_length;
    char *transcript; /* what came to the terminal, escape sequences and all; LA_TRANSCRIPT_MAX bytes at most */
    size_t length;
    bool cut; /* there was more */
};

#define LA_PERSON_NOBODY ((struct la_person){.bash = LA_BASH_NONE})

/* What a command was. */
struct la_person_command {
    int prompt; /* that waits for la_person_go_on */
    int number; /* in the history of the shell; -1: that is empty */
    int status;
    char text[4096]; /* cut off where there is more */
};

/*
 * `rc`: the file of the world that the shell begins with (fixtures/drill/bashrc). Standard input and output are a
 * terminal. -1 with `error` filled; in either case la_person_close.
 */
int la_person_open(struct la_person *person, const struct la_world *world, const char *path, const char *rc,
                   struct la_error *error);

/* Passes on what is typed and printed, for at most so long, until something happens; fills `command` where one ended.
 */
enum la_person_event la_person_relay(struct la_person *person, int ms, struct la_person_command *command);

/* The prompt of that number may come. */
void la_person_go_on(struct la_person *person, int prompt);

/* Ends the shell, not what it has left in the background, and gives the terminal back. The transcript stays. */
void la_person_close(struct la_person *person);

void la_person_free(struct la_person *person);

#endif
