/*
 * The write commands of a server, as it describes them itself: COMMAND says which write, COMMAND DOCS (Redis 7.0) what
 * arguments they take. Some write without saying so, and are listed here by hand.
 */
#ifndef LASTACK_COMMANDS_COMMANDS_H
#define LASTACK_COMMANDS_COMMANDS_H

#include <jansson.h>

#include "redis/client.h"

struct la_command {
    const char *name;        /* lower case, a subcommand as CONTAINER|NAME */
    const char *group;       /* of the documentation: string, list, ...; "" where it does not say */
    const json_t *arguments; /* as COMMAND DOCS has them; NULL: none */
};

enum { LA_COMMANDS_MAX = 1024, LA_DUMPS = 4 };

struct la_commands {
    struct la_command *items; /* sorted by name */
    size_t count;
    char *why;                   /* nothing is known of them, and why; NULL: something is */
    json_t *list;                /* COMMAND: owns the names */
    json_t *docs;                /* COMMAND DOCS: owns groups and arguments */
    redisReply *dumps[LA_DUMPS]; /* DUMP of a few values, as this server makes it */
    redisReply *functions;       /* FUNCTION DUMP of a library; NULL: the server has none */
};

/* Asks a server that has nothing to lose: keys and libraries are made on it, and removed. */
void la_commands_ask(struct la_commands *commands, redisContext *client);
void la_commands_free(struct la_commands *commands);

/* The command of that name; NULL: there is none. */
const struct la_command *la_commands_find(const struct la_commands *commands, const char *name);

/* The value of a field of what was a map; NULL: there is none. And what it says, where it is a text. */
const json_t *la_described(const json_t *map, const char *name);
const char *la_described_text(const json_t *text);

/* Which of them is sent by these words: "XGROUP", "CREATE", ...; NULL: none, it does not write. */
const struct la_command *la_commands_sent(const struct la_commands *commands, const redisReply *words);

#endif
