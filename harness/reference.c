#include "reference.h"

#include <string.h>

enum { START_TIMEOUT_MS = 20000 };

static bool serves(const struct la_node *node)
{
    struct la_error ignored;
    redisContext *client = la_client_connect(&node->address, 1000, &ignored);
    redisReply *reply = client ? la_client_send(client, &node->address, "PING") : NULL;
    bool yes = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    if (client)
        redisFree(client);
    return yes;
}

int la_reference_start(struct la_run *run, struct la_node *node)
{
    static char settings[] = "appendonly no\nsave \"\"";
    static const struct la_scenario bare = {.tune = settings};
    static char name[] = "reference";
    static const struct la_node_spec spec = {.name = name};
    static struct la_server server; /* the node keeps a pointer to it */
    struct la_error error;
    server = run->options->server;
    server.shim = NULL;
    server.data = NULL;
    server.outside = false;
    if (la_node_create(node, &spec, &server, &bare, run->dir, NULL, &error) || la_node_spawn(node, &error))
        return la_run_doubt(run, "the server to compare with: %s", error.text);
    for (uint64_t deadline = la_now_ns() + START_TIMEOUT_MS * UINT64_C(1000000); !serves(node); la_sleep_ms(LA_POLL_MS))
        if (la_now_ns() > deadline)
            return la_run_doubt(run, "the server to compare with does not serve");
    la_run_event(run, name, "serves, for comparison");
    return 0;
}

void la_reference_end(struct la_node *node)
{
    la_node_destroy(node);
}
