/*
 * A redis.conf for a node: somebody's file, flattened with its includes and made
 * safe, with the scenario's and the harness's own lines on top. Each directive of
 * the user's that had to change is listed, without secrets.
 */
#ifndef LASTACK_NODES_CONFIG_H
#define LASTACK_NODES_CONFIG_H

#include "base/util.h"

struct la_directive {
    char *name; /* lower case */
    char **args;
    int count;  /* of args */
    char *file; /* where it stands; NULL: the harness's own */
    int line;
};

struct la_config {
    struct la_directive *items;
    size_t count;
    unsigned int files;        /* that have been read */
    struct la_strings changed; /* "directive: what became of it and why", the user's only */
    struct la_strings renamed; /* pairs for la_address.renamed */
    char *user;                /* how the harness logs in; NULL: without a name */
    char *password;            /* NULL: none needed */
    bool from_user;            /* there is a user's file below */
    bool tls;                  /* which asks for TLS */
};

/* Reads `path` with its includes. Errors name file and line. */
int la_config_read(struct la_config *config, const char *path, struct la_error *error);

/* Adds redis.conf lines from a scenario; `what` names them in errors. They replace directives of the same name. */
int la_config_overlay(struct la_config *config, const char *text, const char *what, struct la_error *error);

/* The same with directives that have been read; takes them over and leaves `over` empty. */
void la_config_replace(struct la_config *config, struct la_config *over);

/* Adds lines without replacing anything. */
int la_config_append(struct la_config *config, const char *text, const char *what, struct la_error *error);

/* Sets one directive; NULL removes it. */
void la_config_set(struct la_config *config, const char *name, const char *value);

/*
 * Moves every path into `dir` (files that the server reads are copied to dir/files),
 * and neutralises what could reach the outside world, escape supervision or give a
 * secret away. Once per config, before la_config_overlay.
 */
int la_config_sandbox(struct la_config *config, const char *dir, struct la_error *error);

/*
 * Files that a server is to have of its own (ACL, modules) lie beside its configuration in `folder`: those of a bundle,
 * which may have been moved since. -1: one is not there.
 */
int la_config_rebase(struct la_config *config, const char *folder, struct la_error *error);

/* The other way: copies them into `folder`, and names the copies. */
int la_config_own_files(struct la_config *config, const char *folder, struct la_error *error);

/* How to log in to a server that runs with a configuration that la_config_sandbox made: fills user, password, renamed.
 */
int la_config_find_login(struct la_config *config, struct la_error *error);

/* After la_config_overlay, which may have named commands anew or given the default user a password. */
void la_config_renew_login(struct la_config *config);

/* The last value of a directive, its arguments joined by blanks, to be freed; NULL when it is not set. */
char *la_config_get(const struct la_config *config, const char *name);

int la_config_write(const struct la_config *config, const char *path, struct la_error *error);

/* A deep copy, to be released like any. */
void la_config_copy(struct la_config *to, const struct la_config *from);
void la_config_free(struct la_config *config);

#endif
