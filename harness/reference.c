#include "reference.h"

enum { START_TIMEOUT_MS = 20000, REPLY_TIMEOUT_MS = 1000 };

static bool serves(const struct la_node *node)
{
    struct la_error ignored;
    redisContext *client = la_client_connect(&node->address, REPLY_TIMEOUT_MS, &ignored);
    bool yes = client && la_client_serving(client, &node->address);
    if (client)
        redisFree(client);
    return yes;
}

int la_reference_start(struct la_run *run, struct la_reference *reference)
{
    static char settings[] = "appendonly no\nsave \"\"";
    static const struct la_scenario bare = {.tune = settings};
    static char name[] = "reference";
    static const struct la_node_spec spec = {.name = name};
    struct la_node *node = &reference->node;
    struct la_error error;
    reference->server = run->options->server;
    reference->server.shim = NULL;
    reference->server.data = NULL;
    reference->server.outside = false;
    if (la_node_create(node, &spec, &reference->server, &bare, run->dir, NULL, &error) || la_node_spawn(node, &error))
        return la_run_doubt(run, "the server to compare with: %s", error.text);
    for (uint64_t deadline = la_now_ns() + START_TIMEOUT_MS * UINT64_C(1000000); !serves(node); la_sleep_ms(LA_POLL_MS))
        if (la_now_ns() > deadline)
            return la_run_doubt(run, "the server to compare with does not serve");
    la_run_event(run, name, "serves, for comparison");
    return 0;
}

void la_reference_end(struct la_reference *reference)
{
    la_node_destroy(&reference->node);
}
