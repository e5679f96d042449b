#include "suite/probe.h"

#include <hiredis/sds.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>

#include "suite/subjects.h"

enum { START_TIMEOUT_MS = 20000, REPLY_TIMEOUT_MS = 5000 };

static bool has_ended(struct la_node *node)
{
    int status;
    if (waitpid(node->pid, &status, WNOHANG) != node->pid)
        return false;
    la_node_ended(node, status);
    return true;
}

/* An answer that is none, in words; it may hold anything. */
static const char *said(redisReply *reply, redisContext *client)
{
    if (!reply)
        return client->errstr;
    if (!reply->str)
        return "a reply of another kind";
    la_printable(reply->str);
    return reply->str;
}

redisContext *la_probe_reach(struct la_node *node, unsigned int timeout_ms, struct la_error *error)
{
    timeout_ms = timeout_ms ? timeout_ms : START_TIMEOUT_MS;
    uint64_t deadline = la_now_ns() + timeout_ms * UINT64_C(1000000);
    struct la_error last = {""};
    while (la_now_ns() < deadline && !la_interrupted()) {
        if (la_node_floods(node)) {
            la_fail(error, "%s floods its log: more than %d MiB before it serves", node->server->path,
                    LA_LOG_MAX >> 20);
            return NULL;
        }
        if (has_ended(node)) {
            char words[700];
            la_node_last_words(node, words, sizeof words);
            la_fail(error, "the server ends at once; its last words: %s", words);
            return NULL;
        }
        redisContext *client = la_client_connect(&node->address, REPLY_TIMEOUT_MS, &last);
        if (client) {
            redisReply *reply = la_client_send(client, &node->address, "PING");
            bool serving = reply && reply->type == REDIS_REPLY_STATUS;
            if (!serving)
                la_fail(&last, "PING: %s", said(reply, client));
            freeReplyObject(reply);
            if (serving)
                return client;
            la_client_close(client);
        }
        la_sleep_ms(2);
    }
    if (la_interrupted())
        la_fail(error, "interrupted");
    else
        la_fail(error, "%s does not speak Redis on its port within %g s: %.400s", node->server->path,
                timeout_ms / 1000.0, last.text);
    return NULL;
}

static int identify(struct la_probe *probe, redisContext *client, const struct la_node *node, struct la_error *error)
{
    char *info = la_client_info(client, &node->address);
    if (!info || !la_info_field(info, "redis_version", probe->version, sizeof probe->version)) {
        free(info);
        return la_fail(error, "%s answers, but its INFO has no redis_version: not a Redis", node->server->path);
    }
    long long pid = la_info_number(info, "process_id", 0);
    probe->pid = pid > 1 ? (pid_t)pid : node->pid;
    char run_id[64];
    if (!la_info_field(info, "run_id", run_id, sizeof run_id)) {
        free(info);
        return la_fail(error, "%s lacks what lastack needs: run_id in INFO, to tell a new process from the old one",
                       node->server->path);
    }
    snprintf(probe->name, sizeof probe->name, "redis");
    la_info_field(info, "server_name", probe->name, sizeof probe->name);
    if (la_info_field(info, "valkey_version", probe->version, sizeof probe->version))
        snprintf(probe->name, sizeof probe->name, "valkey");
    free(info);
    static const char *const needed[] = {"GET la:probe", "SET la:probe x", "LRANGE la:no 0 -1", "HGETALL la:no",
                                         "SCAN 0",       "DBSIZE",         "DEL la:probe"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        redisReply *reply = la_client_send(client, &node->address, needed[i]);
        bool ok = reply && reply->type != REDIS_REPLY_ERROR;
        if (!ok)
            la_fail(error, "%s lacks what lastack needs: %s -> %.400s", node->server->path, needed[i],
                    said(reply, client));
        freeReplyObject(reply);
        if (!ok)
            return -1;
    }
    return 0;
}

/* The texts of a list that a command answers, to be freed; NULL, too, where it answers anything else. */
static redisReply *ask_list(redisContext *client, const struct la_address *address, const char *line)
{
    redisReply *reply = la_client_send(client, address, line);
    bool texts = reply && reply->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; texts && i < reply->elements; i++)
        texts = reply->element[i]->str != NULL;
    if (texts)
        return reply;
    freeReplyObject(reply);
    return NULL;
}

void la_probe_ask_settings(redisContext *client, const struct la_address *address, struct la_strings *settings)
{
    redisReply *reply = ask_list(client, address, "CONFIG GET *");
    for (size_t i = 0; reply && i < reply->elements; i++)
        la_strings_add(settings, la_strdup(reply->element[i]->str));
    freeReplyObject(reply);
}

void la_probe_ask_users(redisContext *client, const struct la_address *address, struct la_strings *users)
{
    redisReply *reply = ask_list(client, address, "ACL LIST");
    for (size_t i = 0; reply && i < reply->elements; i++) {
        char *rest = reply->element[i]->str;
        sds line = sdsempty();
        for (char *word; (word = strsep(&rest, " "));)
            if (*word != '#')
                line = sdscatfmt(line, *line ? " %s" : "%s", word);
        if (strncmp(line, "user lastack ", 13) != 0)
            la_strings_add(users, la_strdup(line));
        sdsfree(line);
    }
    freeReplyObject(reply);
}

static int ask(struct la_probe *probe, struct la_node *node, const struct la_strings *renamed, unsigned int timeout_ms,
               struct la_error *error)
{
    redisContext *client = la_node_spawn(node, error) ? NULL : la_probe_reach(node, timeout_ms, error);
    int result = client ? identify(probe, client, node, error) : -1;
    if (!result) {
        la_probe_ask_settings(client, &node->address, &probe->settings);
        la_probe_ask_users(client, &node->address, &probe->users);
        la_lacks_ask(&probe->lacks, client, renamed, probe->of_commands);
    }
    if (!result && probe->subjects)
        la_subjects_add_running(probe->subjects, probe->pid);
    if (!result && node->server->shim)
        probe->preloaded = la_node_preloaded(node, probe->pid);
    if (client)
        la_client_close(client);
    return result;
}

int la_probe_server(struct la_probe *probe, const struct la_server *server, const char *dir, unsigned int timeout_ms,
                    struct la_error *error)
{
    static const struct la_scenario bare;
    static char name[] = "probe";
    static const struct la_node_spec spec = {.name = name};
    struct la_node node;
    struct la_server asked = *server;
    struct la_config open;
    *probe = (struct la_probe){.of_commands = probe->of_commands, .subjects = probe->subjects};
    la_config_copy(&open, server->base);
    la_config_set(&open, "rename-command", NULL); /* CONFIG may be renamed away, and is needed only here */
    la_strings_free(&open.renamed);
    asked.base = &open;
    asked.data = NULL;
    int result = la_node_create(&node, &spec, &asked, &bare, dir, NULL, error);
    if (!result)
        result = ask(probe, &node, &server->base->renamed, timeout_ms, error);
    la_node_free(&node);
    la_config_free(&open);
    return result;
}

void la_probe_free(struct la_probe *probe)
{
    la_strings_free(&probe->settings);
    la_strings_free(&probe->users);
    la_lacks_free(&probe->lacks);
}

const char *la_probe_setting(const struct la_probe *probe, const char *name)
{
    for (size_t i = 0; i + 1 < probe->settings.count; i += 2)
        if (!strcasecmp(probe->settings.items[i], name))
            return probe->settings.items[i + 1];
    return NULL;
}
