/* Lines that are taken from a document of the user's as they stand there. */
#ifndef LASTACK_PLAYBOOK_DOCUMENT_H
#define LASTACK_PLAYBOOK_DOCUMENT_H

#include "base/util.h"

enum { LA_SHA256_DIGITS = 64 };

/*
 * Lines `first` to `last`, 1 and up, of that file of `path` (a file, or a folder of at most 100, each of at most 4 MiB)
 * in which they have that sha256 (of the lines joined by newlines, without one at the end), to be freed. NULL with
 * `error` filled: it cannot be read, or the text is another one.
 */
char *la_document_lines(const char *path, unsigned int first, unsigned int last, const char *sha256,
                        struct la_error *error);

#endif
