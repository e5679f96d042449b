/* Files that are written whole or not at all. */
#ifndef LASTACK_BASE_OUTPUT_H
#define LASTACK_BASE_OUTPUT_H

#include "base/util.h"

/*
 * Writes a text. A file is written beside its place and renamed into it; what is no file (a device, a FIFO) is written
 * to; "-" is the open file `stream`. -1 with `error` filled: a full disk, say.
 */
int la_output(const char *path, int stream, const char *text, size_t length, struct la_error *error);

/* Whether that can be done, as far as can be told without doing it: what is there stays as it is. */
int la_output_try(const char *path, struct la_error *error);

#endif
