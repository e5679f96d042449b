/*
 * One blocking connection to a node, for everything but the load: commands, INFO fields, readiness.
 *
 * A reply is bounded: in bytes (LA_REPLY_BYTES, or as la_client_allow says), in elements (LA_REPLY_ELEMENTS), and as a
 * whole in time (the timeout that the connection was made with), whatever the server claims or streams.
 */
#ifndef LASTACK_REDIS_CLIENT_H
#define LASTACK_REDIS_CLIENT_H

#include <hiredis/hiredis.h>

#include "base/util.h"

/* Most bytes of one reply: of what is asked of a server itself, and where values of keys are read. */
enum { LA_REPLY_BYTES = 32 << 20, LA_VALUES_BYTES = 1 << 30 };

/* How to reach and talk to a node. Names of commands are as the server knows them. */
struct la_address {
    int port;
    const char *socket;               /* path of a unix socket to come by; NULL: 127.0.0.1 and the port */
    const char *user;                 /* NULL: none */
    const char *password;             /* NULL: none */
    bool cluster;                     /* a replica of a cluster gives its data to who says READONLY */
    const struct la_strings *renamed; /* pairs: original name, name to use ("" where it is disabled) */
};

/* The name to send for a command; NULL where the server's configuration disables it. */
const char *la_address_command(const struct la_address *address, const char *name);

/* The same for where a command must have some name: that of the disabled one, which the server will refuse. */
const char *la_command_name(const struct la_address *address, const char *name);

/* Connected and authenticated, or NULL with `error` filled. `timeout_ms` holds for each later reply too. */
redisContext *la_client_connect(const struct la_address *address, int timeout_ms, struct la_error *error);

void la_client_close(redisContext *client);

/* From now on its replies may have so many bytes. */
void la_client_allow(redisContext *client, size_t bytes);

/* Reads what has come, once. `unread` counts bytes since the last whole reply: the caller's, 0 after each. -1: lost. */
int la_client_read(redisContext *client, size_t *unread);

/* The next reply to what was appended (redisAppendCommand), the caller's; NULL: connection lost, client->errstr. */
redisReply *la_client_reply(redisContext *client);

/* Sends words. The reply is the caller's; NULL: connection lost. */
redisReply *la_client_words(redisContext *client, int count, const char **words, const size_t *lengths);

/* Sends a whole command line (blank-separated, quotes allowed). The reply is the caller's; NULL: connection lost. */
redisReply *la_client_send(redisContext *client, const struct la_address *address, const char *line);

/* A reply in words, at most `size` bytes: texts as they are, numbers, (nil), [lists]. */
void la_reply_words(const redisReply *reply, char *out, size_t size);

/* The same by a connection of its own. NULL with `error` filled: there is no reply. */
redisReply *la_address_send(const struct la_address *address, int timeout_ms, const char *line, struct la_error *error);

/* True when the server does more than accept: it lets commands through (it is not loading, say). */
bool la_client_serving(redisContext *client, const struct la_address *address);

/* The same by a connection of its own. */
bool la_address_serves(const struct la_address *address, int timeout_ms);

/* Puts everything that is to be sent into the socket. -1: the connection is lost. */
int la_client_flush(redisContext *client);

/* INFO's text by a connection of its own, to be freed; NULL when it cannot be had in this time. */
char *la_address_info(const struct la_address *address, int timeout_ms);

/* INFO's text, to be freed; NULL when it cannot be had. */
char *la_client_info(redisContext *client, const struct la_address *address);

/* A field of INFO's text as a string in `out`; false when it is not there. */
bool la_info_field(const char *info, const char *name, char *out, size_t size);
/* The same as a number, `missing` when it is not there. */
long long la_info_number(const char *info, const char *name, long long missing);

/* Over all databases; -1 when INFO (NULL: none was had) says nothing of databases. */
struct la_keyspace {
    long long keys;
    long long expires; /* of them, those with a time to live */
};
struct la_keyspace la_info_keyspace(const char *info);

#endif
