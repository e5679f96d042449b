/*
 * A bash in a world, on a terminal of its own: what a shell without anybody (world/shell.h) and one with a person
 * (world/person.h) are made of. It is confined, and finds orders to read at descriptor 3, and where to answer at 4.
 */
#ifndef LASTACK_WORLD_BASH_H
#define LASTACK_WORLD_BASH_H

#include "world/world.h"

struct la_bash {
    pid_t pid;       /* 0: it has ended */
    int terminal;    /* our end of it; -1, as the two below: there is none */
    int orders;      /* to be written to */
    int answers;     /* to be read */
    uint64_t device; /* number of its terminal, by which a process that reads from it is known */
};

#define LA_BASH_NONE ((struct la_bash){.terminal = -1, .orders = -1, .answers = -1})

/* `argv` ends with NULL; `path`: the PATH that it has. -1 with `error` filled; in either case la_bash_close. */
int la_bash_open(struct la_bash *bash, const struct la_world *world, const char *path, const char *const *argv,
                 struct la_error *error);

/* Ends it, not what it has left in the background. */
void la_bash_close(struct la_bash *bash);

#endif
