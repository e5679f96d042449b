#include "keyscan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called with each key; `database` is its number. */
typedef void visit(void *context, int database, const redisReply *name);

static int scan_database(redisContext *client, const struct la_address *address, int database, visit *take,
                         void *context, struct la_error *error)
{
    char line[64];
    char cursor[32] = "0";
    snprintf(line, sizeof line, "SELECT %d", database);
    freeReplyObject(la_client_send(client, address, line));
    do {
        snprintf(line, sizeof line, "SCAN %s COUNT 1000", cursor);
        redisReply *reply = la_client_send(client, address, line);
        bool sound = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                     reply->element[0]->type == REDIS_REPLY_STRING && reply->element[1]->type == REDIS_REPLY_ARRAY;
        if (!sound) {
            la_fail(error, "SCAN: %s", reply && reply->str ? reply->str : client->errstr);
            freeReplyObject(reply);
            return -1;
        }
        snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        for (size_t i = 0; i < reply->element[1]->elements; i++)
            take(context, database, reply->element[1]->element[i]);
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    return 0;
}

/* Every database that INFO says has keys. */
static int each_key(redisContext *client, const struct la_address *address, visit *take, void *context,
                    struct la_error *error)
{
    char *info = la_client_info(client, address);
    if (!info)
        return la_fail(error, "INFO: no reply");
    int failed = 0;
    const char *line = strstr(info, "# Keyspace");
    for (; line && !failed; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        int database;
        if (sscanf(line, "db%d:keys=", &database) == 1)
            failed = scan_database(client, address, database, take, context, error);
    }
    free(info);
    freeReplyObject(la_client_send(client, address, "SELECT 0"));
    return failed;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ignored(const struct la_strings *names, int database, const char *name)
{
    if (!names || !names->count)
        return false;
    char *full = la_format("%d:%s", database, name);
    bool found = bsearch(&full, names->items, names->count, sizeof *names->items, compare) != NULL;
    free(full);
    return found;
}

/* la:SESSION:KEY, and for transactions a letter behind. */
static bool ours(const struct la_keyscan *scan, int database, const char *name)
{
    char *end = NULL;
    if (strncmp(name, "la:", 3) != 0)
        return false;
    uint32_t session = (uint32_t)strtoul(name + 3, &end, 10);
    if (*end != ':')
        return false;
    uint32_t key = (uint32_t)strtoul(end + 1, &end, 10);
    bool part = *end == ':' && end[1] >= 'a' && end[1] <= 'c' && !end[2];
    return (!*end || part) && scan->written(scan->context, (uint32_t)database, session, key);
}

static void take(void *context, int database, const redisReply *name)
{
    struct la_keyscan *scan = context;
    if (ignored(scan->ignore, database, name->str) || (database == 0 && !strcmp(name->str, LA_PROBE_KEY)))
        return;
    scan->keys++;
    if (!ours(scan, database, name->str))
        la_findings_add(scan->findings, LA_PHANTOM, name->str, "a key in database %d that nobody wrote", database);
}

int la_keyscan(struct la_keyscan *scan, struct la_error *error)
{
    return each_key(scan->client, scan->address, take, scan, error);
}

static void collect(void *context, int database, const redisReply *name)
{
    la_strings_add(context, la_format("%d:%s", database, name->str));
}

int la_keyscan_names(redisContext *client, const struct la_address *address, struct la_strings *names,
                     struct la_error *error)
{
    if (each_key(client, address, collect, names, error))
        return -1;
    if (names->count)
        qsort(names->items, names->count, sizeof *names->items, compare);
    return 0;
}
