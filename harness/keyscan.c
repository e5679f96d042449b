#include "keyscan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void visit(void *context, const redisReply *name);

/* Calls `take` for each key of database 0. */
static int each_key(redisContext *client, const struct la_address *address, visit *take, void *context, char *why,
                    size_t why_size)
{
    char cursor[32] = "0";
    do {
        char line[64];
        snprintf(line, sizeof line, "SCAN %s COUNT 1000", cursor);
        redisReply *reply = la_client_send(client, address, line);
        bool sound = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                     reply->element[0]->type == REDIS_REPLY_STRING && reply->element[1]->type == REDIS_REPLY_ARRAY;
        if (!sound) {
            snprintf(why, why_size, "SCAN: %s", reply && reply->str ? reply->str : client->errstr);
            freeReplyObject(reply);
            return -1;
        }
        snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        for (size_t i = 0; i < reply->element[1]->elements; i++)
            take(context, reply->element[1]->element[i]);
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ignored(const struct la_strings *names, const char *name)
{
    return names && names->count && bsearch(&name, names->items, names->count, sizeof *names->items, compare);
}

/* la:SESSION:KEY, and for transactions a letter behind. */
static bool ours(const struct la_keyscan *scan, const char *name)
{
    unsigned int session;
    unsigned int key;
    int used = 0;
    if (sscanf(name, "la:%u:%u%n", &session, &key, &used) != 2)
        return false;
    bool part = name[used] == ':' && name[used + 1] >= 'a' && name[used + 1] <= 'c' && !name[used + 2];
    return (!name[used] || part) && scan->written(scan->context, session, key);
}

static void take(void *context, const redisReply *name)
{
    struct la_keyscan *scan = context;
    if (!strcmp(name->str, LA_PROBE_KEY) || ignored(scan->ignore, name->str))
        return;
    scan->keys++;
    if (!ours(scan, name->str))
        la_findings_add(scan->findings, LA_PHANTOM, name->str, "a key that nobody wrote");
}

/* Keys in other databases: the load writes to database 0 only. */
static void other_databases(struct la_keyscan *scan, const char *info)
{
    if (scan->ignore && scan->ignore->count)
        return; /* the user's own data may use them */
    for (const char *line = strstr(info, "# Keyspace"); line;
         line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        int database;
        long long keys;
        if (sscanf(line, "db%d:keys=%lld", &database, &keys) != 2 || database == 0)
            continue;
        scan->keys += (uint64_t)keys;
        la_findings_add(scan->findings, LA_PHANTOM, NULL, "%lld keys in database %d, which nobody used", keys,
                        database);
    }
}

int la_keyscan(struct la_keyscan *scan)
{
    char *info = la_client_info(scan->client, scan->address);
    if (!info) {
        snprintf(scan->why, sizeof scan->why, "INFO: no reply");
        return -1;
    }
    other_databases(scan, info);
    free(info);
    return each_key(scan->client, scan->address, take, scan, scan->why, sizeof scan->why);
}

static void collect(void *context, const redisReply *name)
{
    la_strings_add(context, la_strdup(name->str));
}

int la_keyscan_names(redisContext *client, const struct la_address *address, struct la_strings *names,
                     struct la_error *error)
{
    if (each_key(client, address, collect, names, error->text, sizeof error->text))
        return -1;
    if (names->count)
        qsort(names->items, names->count, sizeof *names->items, compare);
    return 0;
}
