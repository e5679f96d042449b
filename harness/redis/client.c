#include "redis/client.h"

#include <hiredis/sds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "redis/replies.h"

const char *la_address_command(const struct la_address *address, const char *name)
{
    const struct la_strings *renamed = address->renamed;
    for (size_t i = 0; renamed && i + 1 < renamed->count; i += 2)
        if (!strcasecmp(renamed->items[i], name))
            return renamed->items[i + 1][0] ? renamed->items[i + 1] : NULL;
    return name;
}

const char *la_command_name(const struct la_address *address, const char *name)
{
    const char *sent = la_address_command(address, name);
    return sent ? sent : name;
}

static int authenticate(redisContext *client, const struct la_address *address, struct la_error *error)
{
    const char *auth = la_address_command(address, "AUTH");
    if (!address->password || !auth)
        return 0;
    const char *words[3] = {auth, address->user ? address->user : address->password, address->password};
    redisReply *reply = la_client_words(client, address->user ? 3 : 2, words, NULL);
    /* A server that is still loading lets nobody in yet; that is not a wrong password. */
    bool ok = reply && (reply->type != REDIS_REPLY_ERROR || !strncmp(reply->str, "LOADING", 7));
    if (!ok)
        la_fail(error, "AUTH failed: %s", reply ? reply->str : client->errstr);
    freeReplyObject(reply);
    return ok ? 0 : -1;
}

void la_client_close(redisContext *client)
{
    struct la_bounded *bounded = client->reader->privdata;
    bool owned = bounded && bounded->owned;
    redisFree(client);
    if (owned)
        free(bounded);
}

void la_client_allow(redisContext *client, size_t bytes)
{
    struct la_bounded *bounded = client->reader->privdata;
    bounded->bytes = bytes;
}

static int broken(redisContext *client, const char *why)
{
    client->err = REDIS_ERR_OTHER;
    snprintf(client->errstr, sizeof client->errstr, "%s", why);
    return -1;
}

int la_client_read(redisContext *client, size_t *unread)
{
    const struct la_bounded *bounded = client->reader->privdata;
    size_t before = client->reader->len;
    if (redisBufferRead(client) != REDIS_OK)
        return -1;
    *unread += client->reader->len > before ? client->reader->len - before : 0;
    return *unread > bounded->bytes ? broken(client, "the reply is longer than any that can be meant") : 0;
}

static uint64_t timeout_ns(const redisContext *client)
{
    struct timeval timeout = {0};
    socklen_t size = sizeof timeout;
    getsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &size);
    return (uint64_t)timeout.tv_sec * 1000000000 + (uint64_t)timeout.tv_usec * 1000;
}

/* hiredis' name for too many elements would send people looking for memory. */
static redisReply *unreadable(redisContext *client)
{
    if (client->err == REDIS_ERR_OOM)
        broken(client, "the reply has too many elements");
    return NULL;
}

redisReply *la_client_reply(redisContext *client)
{
    void *reply = NULL;
    size_t unread = 0;
    if (redisGetReplyFromReader(client, &reply) != REDIS_OK)
        return unreadable(client);
    if (reply)
        return reply;
    uint64_t deadline = la_now_ns() + timeout_ns(client);
    if (la_client_flush(client))
        return NULL;
    while (!reply) {
        if (la_now_ns() > deadline)
            broken(client, "the reply does not come to its end");
        if (client->err || la_client_read(client, &unread))
            return NULL;
        if (redisGetReplyFromReader(client, &reply) != REDIS_OK)
            return unreadable(client);
    }
    return reply;
}

redisReply *la_client_words(redisContext *client, int count, const char **words, const size_t *lengths)
{
    return redisAppendCommandArgv(client, count, words, lengths) == REDIS_OK ? la_client_reply(client) : NULL;
}

static int ask_for_reads(redisContext *client, const struct la_address *address, struct la_error *error)
{
    redisReply *reply = address->cluster ? la_client_send(client, address, "READONLY") : NULL;
    bool lost = address->cluster && !reply; /* one that refuses will refuse reads, too, by their names */
    freeReplyObject(reply);
    return lost ? la_fail(error, "READONLY: %s", client->errstr) : 0;
}

redisContext *la_client_connect(const struct la_address *address, int timeout_ms, struct la_error *error)
{
    struct timeval timeout = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
    redisContext *client = address->socket ? redisConnectUnixWithTimeout(address->socket, timeout)
                                           : redisConnectWithTimeout("127.0.0.1", address->port, timeout);
    if (!client || client->err) {
        la_fail(error, "cannot connect to %s:%d: %s", address->socket ? address->socket : "127.0.0.1", address->port,
                client ? client->errstr : "no memory");
        if (client)
            redisFree(client);
        return NULL;
    }
    struct la_bounded *bounded = la_alloc(1, sizeof *bounded);
    bounded->owned = true;
    bounded->bytes = LA_REPLY_BYTES;
    la_bounded_attach(bounded, client->reader, LA_REPLY_ELEMENTS);
    redisSetTimeout(client, timeout);
    if (authenticate(client, address, error) || ask_for_reads(client, address, error)) {
        la_client_close(client);
        return NULL;
    }
    return client;
}

redisReply *la_client_send(redisContext *client, const struct la_address *address, const char *line)
{
    int count = 0;
    sds *words = sdssplitargs(line, &count);
    if (!words || count <= 0) {
        sdsfreesplitres(words, count);
        return NULL;
    }
    const char *name = la_address_command(address, words[0]);
    const char **argv = la_alloc((size_t)count, sizeof *argv);
    size_t *lengths = la_alloc((size_t)count, sizeof *lengths);
    for (int i = 0; i < count; i++) {
        argv[i] = words[i];
        lengths[i] = sdslen(words[i]);
    }
    if (name) {
        argv[0] = name;
        lengths[0] = strlen(name);
    }
    redisReply *reply = la_client_words(client, count, argv, lengths);
    free(argv);
    free(lengths);
    sdsfreesplitres(words, count);
    return reply;
}

/* What is left of a buffer. */
struct room {
    char *at;
    size_t left;
};

static void add_text(struct room *room, const char *text)
{
    size_t length = strnlen(text, room->left - 1);
    memcpy(room->at, text, length);
    room->at += length;
    room->left -= length;
    *room->at = '\0';
}

static void add_words(struct room *room, const redisReply *reply)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", reply->integer);
    if (reply->type != REDIS_REPLY_ARRAY) {
        bool nil = reply->type == REDIS_REPLY_NIL;
        add_text(room, nil ? "(nil)" : reply->type == REDIS_REPLY_INTEGER ? number : reply->str);
        return;
    }
    add_text(room, "[");
    for (size_t i = 0; i < reply->elements && room->left > 1; i++) {
        add_text(room, i ? ", " : "");
        add_words(room, reply->element[i]);
    }
    add_text(room, "]");
}

void la_reply_words(const redisReply *reply, char *out, size_t size)
{
    struct room room = {out, size};
    add_words(&room, reply);
}

bool la_client_serving(redisContext *client, const struct la_address *address)
{
    redisReply *reply = la_client_send(client, address, "PING");
    bool yes = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return yes;
}

int la_client_flush(redisContext *client)
{
    int done = 0;
    while (!done)
        if (redisBufferWrite(client, &done) != REDIS_OK)
            return -1;
    return 0;
}

redisReply *la_address_send(const struct la_address *address, int timeout_ms, const char *line, struct la_error *error)
{
    redisContext *client = la_client_connect(address, timeout_ms, error);
    if (!client)
        return NULL;
    redisReply *reply = la_client_send(client, address, line);
    if (!reply)
        la_fail(error, "%s: %s", line, client->errstr);
    la_client_close(client);
    return reply;
}

bool la_address_serves(const struct la_address *address, int timeout_ms)
{
    struct la_error ignored;
    redisContext *client = la_client_connect(address, timeout_ms, &ignored);
    bool serves = client && la_client_serving(client, address);
    if (client)
        la_client_close(client);
    return serves;
}

char *la_address_info(const struct la_address *address, int timeout_ms)
{
    struct la_error ignored;
    redisContext *client = la_client_connect(address, timeout_ms, &ignored);
    char *info = client ? la_client_info(client, address) : NULL;
    if (client)
        la_client_close(client);
    return info;
}

char *la_client_info(redisContext *client, const struct la_address *address)
{
    redisReply *reply = la_client_send(client, address, "INFO");
    char *text = reply && reply->type == REDIS_REPLY_STRING ? la_strdup(reply->str) : NULL;
    freeReplyObject(reply);
    return text;
}

bool la_info_field(const char *info, const char *name, char *out, size_t size)
{
    size_t length = strlen(name);
    for (const char *line = info; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        if (strncmp(line, name, length) != 0 || line[length] != ':')
            continue;
        const char *value = line + length + 1;
        snprintf(out, size, "%.*s", (int)strcspn(value, "\r\n"), value);
        return true;
    }
    return false;
}

long long la_info_number(const char *info, const char *name, long long missing)
{
    char value[64];
    return la_info_field(info, name, value, sizeof value) ? strtoll(value, NULL, 10) : missing;
}

struct la_keyspace la_info_keyspace(const char *info)
{
    struct la_keyspace sum = {0, 0};
    bool said = info && strstr(info, "# Keyspace");
    for (const char *line = info; line; line = strchr(line, '\n')) {
        long long keys = 0;
        long long expires = 0;
        line += *line == '\n';
        said = sscanf(line, "db%*u:keys=%lld,expires=%lld", &keys, &expires) > 0 || said;
        sum.keys += keys;
        sum.expires += expires;
    }
    return said ? sum : (struct la_keyspace){-1, -1};
}
