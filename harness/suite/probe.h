/* A first look at the server under test: does it run, is it a Redis, what is its configuration? */
#ifndef LASTACK_SUITE_PROBE_H
#define LASTACK_SUITE_PROBE_H

#include "load/mix.h"
#include "nodes/node.h"

struct la_probe {
    char name[32]; /* "redis", "valkey", ... */
    char version[32];
    pid_t pid;                  /* of the server that answered */
    bool preloaded;             /* it has loaded libfaultinject.so */
    struct la_lacks lacks;      /* what it can be loaded with */
    struct la_strings settings; /* pairs of CONFIG GET *, empty where the server does not tell */
    struct la_strings users;    /* lines of ACL LIST, without passwords and but for our own; empty likewise */
    bool of_commands; /* it is asked for its write commands as well: whoever probes says so, since it takes time */
    json_t *subjects; /* the program that ran is added there; NULL: nowhere; not the probe's */
};

/*
 * Within `timeout_ms` (0: 20 s) starts the server once in `dir`, asks, and ends it. 0, or -1 with `error` filled:
 * not a Redis, or its own words when it refuses the configuration. What `probe` held is gone, but for `of_commands` and
 * `subjects`.
 */
int la_probe_server(struct la_probe *probe, const struct la_server *server, const char *dir, unsigned int timeout_ms,
                    struct la_error *error);
void la_probe_free(struct la_probe *probe);

/* Waits until a node that was spawned answers PING; NULL with `error` filled when it ends, or the time has passed. */
redisContext *la_probe_reach(struct la_node *node, unsigned int timeout_ms, struct la_error *error);

/* Adds what `settings` and `users` of a probe hold. */
void la_probe_ask_settings(redisContext *client, const struct la_address *address, struct la_strings *settings);
void la_probe_ask_users(redisContext *client, const struct la_address *address, struct la_strings *users);

/* A setting as the server itself reports it; NULL: it does not, or has none of that name. */
const char *la_probe_setting(const struct la_probe *probe, const char *name);

#endif
