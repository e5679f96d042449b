/* The step command. */
#include <hiredis/sds.h>
#include <stdio.h>
#include <stdlib.h>
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
    return la_address_send(&node->address, COMMAND_TIMEOUT_MS, line, error);
}

/* The next word @NODE: its name, to be freed; NULL: there is none left. It stands at `at`, and `line` goes behind it.
 */
static char *next_node(const char **line, const char **at)
{
    for (const char *here = *line; *here; here++) {
        size_t length = *here == '@' && (here == *line || here[-1] == ' ') ? strcspn(here + 1, " ") : 0;
        if (!length)
            continue;
        *at = here;
        *line = here + 1 + length;
        return la_format("%.*s", (int)length, here + 1);
    }
    return NULL;
}

/* With host and port in place of each @NODE; to be freed by sdsfree. */
static sds with_addresses(struct la_run *run, const char *line)
{
    sds whole = sdsempty();
    const char *from = line;
    const char *at;
    for (char *node; (node = next_node(&line, &at)); from = line) {
        whole = sdscatlen(whole, from, (size_t)(at - from));
        whole = sdscatprintf(whole, "127.0.0.1 %d", la_run_node(run, node)->address.port);
        free(node);
    }
    return sdscat(whole, from);
}

static int check_command(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const char *line = ((const struct command *)spec)->send;
    const char *at;
    int result = 0;
    (void)index;
    for (char *node; !result && (node = next_node(&line, &at)); free(node))
        if (!la_scenario_node(check->scenario, node))
            result = la_check_wrong(
                check, "@%s: there is no node '%s'; for a word that begins with @ write \"\\x40...\"", node, node);
    return result;
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
    bool struck = !step->expect && la_wait_struck(run, node, exits);
    if (!struck && !la_run_carries_on(run))
        return la_run_doubt(run, "%s", why);
    la_run_event(run, node->spec->name, "%s -> no reply: %s", step->send, struck ? "the fault came first" : why);
    return 0;
}

static int run_command(struct la_run *run, const struct la_spec *spec)
{
    const struct command *step = (const struct command *)spec;
    struct la_error error;
    struct la_node *node = la_run_node(run, step->node);
    unsigned int exits = node->exits;
    sds line = with_addresses(run, step->send);
    redisReply *reply = la_step_send(node, line, &error);
    sdsfree(line);
    if (!reply)
        return unanswered(run, node, step, exits, error.text);
    bool failed = reply->type == REDIS_REPLY_ERROR;
    char text[200];
    la_reply_words(reply, text, sizeof text);
    la_run_event(run, node->spec->name, "%s -> %.100s", step->send, text);
    int result = 0;
    if (step->expect && !says(reply, step->expect))
        la_run_broken(run, false, "%s: expected a reply with '%s', got '%.100s'", step->send, step->expect, text);
    else if (!step->expect && failed && !la_run_carries_on(run))
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
    .check = check_command,
    .run = run_command,
    .command = line_of,
    .asks = true,
};
