/*
 * A redis.conf for a node: somebody's file with its includes, in their order and each
 * in a file of its own, made safe, with the scenario's and the harness's own lines on
 * top. Each directive of the user's that had to change is listed, without secrets.
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
    unsigned int part;  /* the file in which it is written: 0 is redis.conf itself */
    unsigned int opens; /* an include: the part that is read here; 0: any other directive */
};

struct la_config {
    struct la_directive *items;
    size_t count;
    unsigned int parts;        /* files that have been read */
    char *began;               /* the folder where the server is taken to be started */
    char *folder;              /* its data: `dir`, or that folder */
    struct la_strings changed; /* "directive: what became of it and why", the user's only */
    struct la_strings renamed; /* pairs for la_address.renamed */
    char *user;                /* how the harness logs in; NULL: without a name */
    char *password;            /* NULL: none needed */
    bool from_user;            /* there is a user's file below */
    bool tls;                  /* which asks for TLS */
    bool says_slaveof;         /* the server's word for replicaof, which it need not know: before Redis 5.0 */
};

/*
 * Reads `path` with its includes, as the server would that is started in the working directory; or, when names are
 * missing there, in the folder of the file. Errors name file and line.
 */
int la_config_read(struct la_config *config, const char *path, struct la_error *error);

/* Reads what la_config_write has written to a folder, which may have been moved since. */
int la_config_read_back(struct la_config *config, const char *folder, struct la_error *error);

/* Adds redis.conf lines from a scenario; `what` names them in errors. They replace directives of the same name. */
int la_config_overlay(struct la_config *config, const char *text, const char *what, struct la_error *error);

/* The same with directives that have been read; takes them over and leaves `over` empty. */
void la_config_replace(struct la_config *config, struct la_config *over);

/* Adds lines without replacing anything. */
int la_config_append(struct la_config *config, const char *text, const char *what, struct la_error *error);

/* Adds a directive like another, but for its first argument. */
void la_config_add(struct la_config *config, const struct la_directive *like, const char *first);

/* The value of a directive, as CONFIG GET would have it: the save points of all lines; to be freed. NULL: it is not
 * there. */
char *la_config_all(const struct la_config *config, const char *name);

/* Sets one directive; NULL removes it. */
void la_config_set(struct la_config *config, const char *name, const char *value);

/*
 * Moves every path into `dir` (files that the server reads are copied to dir/files),
 * and neutralises what could reach the outside world, escape supervision or give a
 * secret away. Once per config, before la_config_overlay.
 */
int la_config_sandbox(struct la_config *config, const char *dir, struct la_error *error);

/*
 * Copies the files that a server is to have of its own (ACL, modules) and names the copies, and sets `dir`. Those that
 * lay in `dir` lie in `data`, where they lay; the others beside the configuration, in `folder`.
 */
int la_config_own_files(struct la_config *config, const char *folder, const char *data, struct la_error *error);

/* Of a bundle, which may have been moved since: names its own, where `data` is what was kept. -1: one is not there. */
int la_config_rebase(struct la_config *config, const char *folder, const char *data, struct la_error *error);

/* How to log in to a server that runs with what was read back: fills user, password, renamed. */
void la_config_find_login(struct la_config *config);

/* The line of an ACL that lets config->user in with config->password; to be freed. */
char *la_config_login(const struct la_config *config);

/* Whether what a directive of that name says is, or may hold, a secret. */
bool la_config_is_secret(const char *name);

/* Whether it names a file that the server reads. */
bool la_config_names_file(const struct la_directive *item);

/* Adds every word of it that is a secret, as the user wrote it. */
void la_config_secrets(const struct la_config *config, struct la_strings *secrets);

/* The same of a line of an ACL. */
void la_config_acl_secrets(const char *line, struct la_strings *secrets);

/* Whether a copy may have another value there: la_config_sandbox sets it, or has listed it. */
bool la_config_may_differ(const struct la_config *config, const char *name);

/* After la_config_overlay, which may have named commands anew or given the default user a password. */
void la_config_renew_login(struct la_config *config);

/* The last value of a directive, its arguments joined by blanks, to be freed; NULL when it is not set. */
char *la_config_get(const struct la_config *config, const char *name);

/* Writes redis.conf and what it includes into a folder, which the server is to find as `seen`. */
int la_config_write(const struct la_config *config, const char *folder, const char *seen, struct la_error *error);

/* A deep copy, to be released like any. */
void la_config_copy(struct la_config *to, const struct la_config *from);
void la_config_free(struct la_config *config);

#endif
