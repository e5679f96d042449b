/*
 * One bash in a world, on a terminal, in which commands follow each other as an operator types them: folder, variables
 * and functions stay. It may do what root may, and nothing to the machine (la_world_start). Standard input is the
 * terminal, and nobody types.
 */
#ifndef LASTACK_WORLD_SHELL_H
#define LASTACK_WORLD_SHELL_H

#include "world/bash.h"

struct la_shell {
    const struct la_world *world;
    const char *path;
    struct la_bash bash;
};

struct la_shell_done {
    int status;         /* of the command; -1: it did not come to its end */
    bool asks;          /* it waits for somebody to type, and was interrupted */
    bool late;          /* it took longer than it may, and was interrupted */
    double ms;          /* how long it took */
    char output[32768]; /* cut off where there is more; without the last newline */
};

/* `path`: the PATH of its commands. -1 with `error` filled. */
int la_shell_open(struct la_shell *shell, const struct la_world *world, const char *path, struct la_error *error);

/* Runs a command, for at most so long. A shell that it has ended is opened again by the next one. */
void la_shell_run(struct la_shell *shell, const char *command, unsigned int timeout_ms, struct la_shell_done *done);

void la_shell_close(struct la_shell *shell);

#endif
