#include "commands/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* They change data, or may, and have no flag that says so. PUBLISH changes none. */
static const char *const unflagged[] = {"eval", "evalsha", "exec", "fcall", "pfcount"};

/* What moves keys to another server. */
static const char *const left_out[] = {"migrate"};

enum { FLAGS = 2, SUBCOMMANDS = 9 }; /* places in COMMAND's reply */

const char *la_described_text(const json_t *text)
{
    return json_string_value(json_is_object(text) ? json_object_get(text, "ok")
                                                  : text); /* a status is a table in Lua */
}

const json_t *la_described(const json_t *map, const char *name)
{
    for (size_t i = 0; i + 1 < json_array_size(map); i += 2) {
        const char *key = la_described_text(json_array_get(map, i));
        if (key && !strcasecmp(key, name))
            return json_array_get(map, i + 1);
    }
    return NULL;
}

static bool writes(const json_t *info, const char *name)
{
    const json_t *flags = json_array_get(info, FLAGS);
    bool yes = LA_IS_AMONG(name, unflagged);
    for (size_t i = 0; i < json_array_size(flags); i++) {
        const char *flag = la_described_text(json_array_get(flags, i));
        yes = yes || (flag && !strcmp(flag, "write"));
    }
    return yes && !LA_IS_AMONG(name, left_out);
}

/* `docs` is where this command, or subcommand, stands in the documentation. */
static void add(struct la_commands *commands, const json_t *info, const json_t *docs)
{
    const char *name = la_described_text(json_array_get(info, 0));
    if (!name || commands->count == LA_COMMANDS_MAX)
        return;
    const json_t *doc = la_described(docs, name);
    const json_t *parts = json_array_get(info, SUBCOMMANDS);
    for (size_t i = 0; i < json_array_size(parts); i++)
        add(commands, json_array_get(parts, i), la_described(doc, "subcommands"));
    if (json_array_size(parts) || !writes(info, name))
        return;
    const char *group = la_described_text(la_described(doc, "group"));
    commands->items[commands->count++] =
        (struct la_command){.name = name, .group = group ? group : "", .arguments = la_described(doc, "arguments")};
}

static int by_name(const void *a, const void *b)
{
    return strcasecmp(((const struct la_command *)a)->name, ((const struct la_command *)b)->name);
}

static redisReply *ask(redisContext *client, const char *line)
{
    static const struct la_address plain = {0};
    redisReply *reply = la_client_send(client, &plain, line);
    if (reply && reply->type != REDIS_REPLY_ERROR)
        return reply;
    freeReplyObject(reply);
    return NULL;
}

/* What only the server itself can make: serialised values, and libraries. */
static void ask_payloads(struct la_commands *commands, redisContext *client)
{
    static const char *const makers[LA_DUMPS] = {"SET la:probe value", "RPUSH la:probe a b c", "HSET la:probe f 1 g 2",
                                                 "ZADD la:probe 1 a 2.5 b"};
    for (size_t i = 0; i < LA_DUMPS; i++) {
        freeReplyObject(ask(client, "DEL la:probe"));
        freeReplyObject(ask(client, makers[i]));
        commands->dumps[i] = ask(client, "DUMP la:probe");
    }
    freeReplyObject(ask(client, "DEL la:probe"));
    freeReplyObject(ask(client, "FUNCTION LOAD \"#!lua name=w_restored\\n"
                                "redis.register_function('w_restored', function() return 1 end)\""));
    commands->functions = ask(client, "FUNCTION DUMP");
    freeReplyObject(ask(client, "FUNCTION FLUSH"));
}

/*
 * Descriptions are nested more deeply than hiredis reads: the server is asked for them as JSON, which its scripts can
 * make. NULL: it cannot.
 */
static json_t *ask_json(redisContext *client, const char *command)
{
    static const char *const words[] = {"EVAL", "return cjson.encode(redis.call(unpack(ARGV)))", "0", "COMMAND",
                                        "DOCS"};
    redisReply *reply = la_client_words(client, strcmp(command, "DOCS") ? 4 : 5, (const char **)words, NULL);
    bool told = reply && reply->type == REDIS_REPLY_STRING;
    json_t *json = told ? json_loadb(reply->str, (size_t)reply->len, 0, NULL) : NULL;
    freeReplyObject(reply);
    return json;
}

void la_commands_ask(struct la_commands *commands, redisContext *client)
{
    *commands = (struct la_commands){.list = ask_json(client, ""), .docs = ask_json(client, "DOCS")};
    if (!json_is_array(commands->list) || !json_is_array(commands->docs)) {
        commands->why = la_strdup("the server does not describe its commands (COMMAND DOCS)");
        return;
    }
    commands->items = la_alloc(LA_COMMANDS_MAX, sizeof *commands->items);
    for (size_t i = 0; i < json_array_size(commands->list); i++)
        add(commands, json_array_get(commands->list, i), commands->docs);
    qsort(commands->items, commands->count, sizeof *commands->items, by_name);
    if (commands->count)
        ask_payloads(commands, client);
    else
        commands->why = la_strdup("the server says of none of its commands that it writes");
}

void la_commands_free(struct la_commands *commands)
{
    for (size_t i = 0; i < LA_DUMPS; i++)
        freeReplyObject(commands->dumps[i]);
    freeReplyObject(commands->functions);
    json_decref(commands->list);
    json_decref(commands->docs);
    free(commands->items);
    free(commands->why);
    *commands = (struct la_commands){0};
}

const struct la_command *la_commands_find(const struct la_commands *commands, const char *name)
{
    const struct la_command wanted = {.name = name};
    return commands->count ? bsearch(&wanted, commands->items, commands->count, sizeof wanted, by_name) : NULL;
}

const struct la_command *la_commands_sent(const struct la_commands *commands, const redisReply *words)
{
    char name[64];
    const struct la_command *whole = la_commands_find(commands, words->element[0]->str);
    if (whole || words->elements < 2)
        return whole;
    snprintf(name, sizeof name, "%.30s|%.30s", words->element[0]->str, words->element[1]->str);
    return la_commands_find(commands, name);
}
