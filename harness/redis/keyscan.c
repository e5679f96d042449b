#include "redis/keyscan.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ask(struct la_keyscan *scan, const char *cursor)
{
    redisAppendCommand(scan->client, "%s %s COUNT 4000", la_command_name(scan->address, "SCAN"), cursor);
    la_client_flush(scan->client);
}

/* Goes to the next database that INFO says has keys; false: there is none. */
static bool next_database(struct la_keyscan *scan)
{
    char select[32];
    for (; scan->line; scan->line = strchr(scan->line, '\n')) {
        scan->line += *scan->line == '\n';
        if (sscanf(scan->line, "db%d:keys=", &scan->database) != 1)
            continue;
        snprintf(select, sizeof select, "SELECT %d", scan->database);
        redisReply *reply = scan->database == scan->here ? NULL : la_client_send(scan->client, scan->address, select);
        scan->astray = scan->database != scan->here && (!reply || reply->type == REDIS_REPLY_ERROR);
        scan->here = scan->database;
        freeReplyObject(reply);
        ask(scan, "0");
        scan->line = strchr(scan->line, '\n');
        return true;
    }
    return false;
}

int la_keyscan_begin(struct la_keyscan *scan, struct la_error *error)
{
    scan->info = la_client_info(scan->client, scan->address);
    if (!scan->info && scan->client->err)
        return la_fail(error, "INFO: no reply");
    scan->blind = !scan->info;
    scan->line = scan->info ? strstr(scan->info, "# Keyspace") : NULL;
    scan->line = scan->line ? scan->line : "db0:keys=?"; /* it does not say: there is one at least */
    scan->database = next_database(scan) ? scan->database : -1;
    return 0;
}

static bool sound(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
           reply->element[0]->type == REDIS_REPLY_STRING && reply->element[1]->type == REDIS_REPLY_ARRAY;
}

/* The next reply, or NULL: none has come yet, or (with `failed`) none will. */
static redisReply *receive(struct la_keyscan *scan, bool wait, bool *failed)
{
    void *reply = NULL;
    struct pollfd readable = {.fd = scan->client->fd, .events = POLLIN};
    if (wait) {
        reply = la_client_reply(scan->client);
        *failed = !reply;
        scan->unread = 0;
        return reply;
    }
    *failed = redisGetReplyFromReader(scan->client, &reply) != REDIS_OK;
    while (!reply && !*failed && poll(&readable, 1, 0) > 0)
        *failed =
            la_client_read(scan->client, &scan->unread) || redisGetReplyFromReader(scan->client, &reply) != REDIS_OK;
    if (reply)
        scan->unread = 0;
    return reply;
}

/* A cursor that never comes to its end, or names without end: a server may answer so for ever. */
static bool endless(struct la_keyscan *scan, size_t names)
{
    scan->seen += names + 1;
    return scan->seen > LA_KEYSCAN_MAX;
}

int la_keyscan_step(struct la_keyscan *scan, bool wait, struct la_error *error)
{
    bool failed = false;
    if (scan->database < 0)
        return 0;
    if (scan->astray)
        return la_fail(error, "SELECT %d is refused: its keys cannot be read", scan->database);
    redisReply *reply = receive(scan, wait, &failed);
    if (!reply && !failed)
        return 1;
    if (!sound(reply)) {
        la_fail(error, "SCAN: %s", reply && reply->str ? reply->str : scan->client->errstr);
        freeReplyObject(reply);
        return -1;
    }
    if (endless(scan, reply->element[1]->elements)) {
        freeReplyObject(reply);
        return la_fail(error, "SCAN does not end: more than %d names and replies", LA_KEYSCAN_MAX);
    }
    int database = scan->database;
    bool more = strcmp(reply->element[0]->str, "0") != 0;
    if (more)
        ask(scan, reply->element[0]->str);
    for (size_t i = 0; i < reply->element[1]->elements; i++)
        if (reply->element[1]->element[i]->type == REDIS_REPLY_STRING)
            scan->visit(scan->context, database, reply->element[1]->element[i]);
    freeReplyObject(reply);
    if (!more)
        scan->database = next_database(scan) ? scan->database : -1;
    return scan->database >= 0;
}

void la_keyscan_end(struct la_keyscan *scan)
{
    free(scan->info);
    scan->info = NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool la_keyscan_find(const struct la_strings *names, int database, const char *name)
{
    if (!names || !names->count)
        return false;
    char *full = la_format("%d:%s", database, name);
    bool found = bsearch(&full, names->items, names->count, sizeof *names->items, compare) != NULL;
    free(full);
    return found;
}

struct collection {
    struct la_strings *names;
    bool binary; /* one of them has a zero byte, and cannot be told by a text */
};

static void collect(void *context, int database, const redisReply *name)
{
    struct collection *collection = context;
    collection->binary = collection->binary || strlen(name->str) != (size_t)name->len;
    la_strings_add(collection->names, la_format("%d:%s", database, name->str));
}

/* Of a sorted list: what is there twice stays once. */
static void unite(struct la_strings *names)
{
    size_t kept = 0;
    for (size_t i = 0; i < names->count; i++) {
        if (kept && !strcmp(names->items[i], names->items[kept - 1]))
            free(names->items[i]);
        else
            names->items[kept++] = names->items[i];
    }
    names->count = kept;
}

int la_keyscan_names(redisContext *client, const struct la_address *address, struct la_strings *names,
                     struct la_error *error)
{
    struct collection collection = {.names = names};
    struct la_keyscan scan = {.client = client, .address = address, .visit = collect, .context = &collection};
    int left = la_keyscan_begin(&scan, error) ? -1 : 1;
    while (left > 0)
        left = la_keyscan_step(&scan, true, error);
    if (!left && collection.binary)
        left = la_fail(error, "a key has a zero byte in its name: such names are not compared");
    la_keyscan_end(&scan);
    freeReplyObject(la_client_send(client, address, "SELECT 0"));
    if (names->count)
        qsort(names->items, names->count, sizeof *names->items, compare);
    unite(names);
    return left;
}
