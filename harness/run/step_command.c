/* The step command. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "run/steps.h"
#include "run/wait.h"

enum { COMMAND_TIMEOUT_MS = 30000 };

struct command {
    char *node;
    char *send;
    char *expect; /* the reply must contain this; NULL: any reply but an error */
};

redisReply *la_step_send(struct la_node *node, const char *line, struct la_error *error)
{
    redisContext *client = la_client_connect(&node->address, COMMAND_TIMEOUT_MS, error);
    if (!client)
        return NULL;
    redisReply *reply = la_client_send(client, &node->address, line);
    if (!reply)
        la_fail(error, "%s: %s", line, client->errstr);
    la_client_close(client);
    return reply;
}

/* A text, a number, or one of several of them. */
static bool says(const redisReply *reply, const char *text)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", reply->integer);
    if (reply->type == REDIS_REPLY_INTEGER)
        return !strcmp(number, text);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        if (says(reply->element[i], text))
            return true;
    return reply->str && strstr(reply->str, text);
}

/* A fault that the command has led to may end the server before its reply: that is what was asked for. */
static int unanswered(struct la_run *run, const struct la_node *node, const struct command *step, unsigned int exits,
                      const char *why)
{
    if (!strncasecmp(step->send, "SHUTDOWN", 8)) /* answered by the end of the connection */
        return la_wait_end(run, node, exits);
    if (step->expect || !la_wait_struck(run, node, exits))
        return la_run_doubt(run, "%s", why);
    la_run_event(run, node->spec->name, "%s -> no reply: the fault came first", step->send);
    return 0;
}

static int run_command(struct la_run *run, const struct la_spec *spec)
{
    const struct command *step = (const struct command *)spec;
    struct la_error error;
    struct la_node *node = la_run_node(run, step->node);
    unsigned int exits = node->exits;
    redisReply *reply = la_step_send(node, step->send, &error);
    if (!reply)
        return unanswered(run, node, step, exits, error.text);
    bool failed = reply->type == REDIS_REPLY_ERROR;
    char text[200];
    la_reply_words(reply, text, sizeof text);
    la_run_event(run, node->spec->name, "%s -> %.100s", step->send, text);
    int result = 0;
    if (step->expect && !says(reply, step->expect))
        la_run_broken(run, false, "%s: expected a reply with '%s', got '%.100s'", step->send, step->expect, text);
    else if (!step->expect && failed)
        result = la_run_doubt(run, "%s: %.200s", step->send, text);
    freeReplyObject(reply);
    return result;
}

static const char *line_of(const struct la_spec *spec)
{
    return ((const struct command *)spec)->send;
}

static const cyaml_schema_field_t command_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct command, node),
                                                      LA_TEXT("send", LA_REQUIRED, struct command, send),
                                                      LA_TEXT("expect", LA_OPTIONAL, struct command, expect), LA_END};

const struct la_step_kind la_step_command = {
    .form = {"command", command_fields, sizeof(struct command)},
    .run = run_command,
    .command = line_of,
};
