#include "run/reference.h"

#include <stdlib.h>

enum { START_TIMEOUT_MS = 20000, REPLY_TIMEOUT_MS = 1000 };

static bool serves(const struct la_node *node)
{
    struct la_error ignored;
    redisContext *client = la_client_connect(&node->address, REPLY_TIMEOUT_MS, &ignored);
    bool yes = client && la_client_serving(client, &node->address);
    if (client)
        la_client_close(client);
    return yes;
}

static bool has(const struct la_node *node, const char *directive)
{
    char *value = la_config_get(&node->config, directive);
    free(value);
    return value != NULL;
}

/* As the node that is judged, but that it keeps nothing, and takes all that is sent to it. */
static int create(struct la_run *run, struct la_reference *reference, struct la_error *error)
{
    static char name[] = "reference";
    struct la_scenario bare = {.settings = run->scenario->settings, .tune = run->scenario->tune};
    const char *own = run->scenario->nodes[0].config;
    reference->server = run->options->server;
    reference->server.shim = NULL;
    reference->server.outside = false;
    reference->spec = (struct la_node_spec){.name = name};
    /* given data can be in an append-only file: it is loaded as the node has loaded it */
    reference->config =
        la_format("%s\n%s%s%ssave \"\"", own ? own : "", reference->server.data ? "" : "appendonly no\n",
                  has(&run->nodes[0], "maxmemory") ? "maxmemory 0\n" : "",
                  has(&run->nodes[0], "min-replicas-to-write") ? "min-replicas-to-write 0\n" : "");
    reference->spec.config = reference->config;
    return la_node_create(&reference->node, &reference->spec, &reference->server, &bare, run->dir, NULL, error);
}

int la_reference_start(struct la_run *run, struct la_reference *reference)
{
    struct la_node *node = &reference->node;
    struct la_error error;
    if (create(run, reference, &error) || la_node_spawn(node, &error))
        return la_run_doubt(run, "the server to compare with: %s", error.text);
    for (uint64_t deadline = la_now_ns() + START_TIMEOUT_MS * UINT64_C(1000000); !serves(node); la_sleep_ms(LA_POLL_MS))
        if (la_now_ns() > deadline)
            return la_run_doubt(run, "the server to compare with does not serve");
    la_run_event(run, node->spec->name, "serves, for comparison");
    return 0;
}

void la_reference_end(struct la_reference *reference)
{
    la_node_free(&reference->node);
    free(reference->config);
}
