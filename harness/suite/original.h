/*
 * What the server itself makes of the user's configuration, as it lies: it is started once with the file that the user
 * named, asked for its settings and users, and ended. So nobody has to believe that the copy that everything else runs
 * with means the same.
 *
 * It sees the user's files where they lie and can write none of them (nodes/view.h); it begins with an empty data
 * folder, on a port of 127.0.0.1 in the run's own network. Lines that say where it writes, by what it is reached, and
 * what would keep it from telling, are left out of what it sees.
 */
#ifndef LASTACK_SUITE_ORIGINAL_H
#define LASTACK_SUITE_ORIGINAL_H

#include "nodes/config.h"
#include "suite/probe.h"

struct la_original {
    struct la_strings settings; /* pairs of CONFIG GET * */
    struct la_strings users;    /* lines of ACL LIST, without passwords; empty where there are none */
    char *refused;              /* the server does not start with it: its last words; NULL: it does */
    char *unasked;              /* why it could not be asked; NULL: it was, or refused */
};

/*
 * `config` has been read from `path`, and nothing of it is changed; `copy` is what la_config_sandbox has made of it.
 * `dir` is a folder of ours that is there, and is removed. Takes at most `timeout_ms` (0: 20 s). -1 with `error`
 * filled: a file of the configuration cannot be read, or nothing written to `dir`.
 */
int la_original_ask(struct la_original *original, const char *server, const char *path, const struct la_config *config,
                    const struct la_config *copy, const char *dir, unsigned int timeout_ms, struct la_error *error);

/* What the copy has otherwise than the original without a word in `copy->changed`: one line each. */
void la_original_compare(const struct la_original *original, const struct la_config *copy, const struct la_probe *probe,
                         struct la_strings *differences);

void la_original_free(struct la_original *original);

#endif
