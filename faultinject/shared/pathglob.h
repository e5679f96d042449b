/*
 * Path globs for rules. fnmatch(3) is not used: depending on the locale it
 * allocates, and rules are matched between a server's call and the system call.
 */
#ifndef FAULTINJECT_SHARED_PATHGLOB_H
#define FAULTINJECT_SHARED_PATHGLOB_H

#include <stdbool.h>

/* `?` is one character and `*` any run of them, neither a `/`; `**` is any run at all. */
bool fi_glob_match(const char *glob, const char *path);

#endif
