#include "run/given_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/digest.h"
#include "redis/keyscan.h"

enum { TIMEOUT_MS = 30000 };

/* False, with a doubt: the server did not answer. */
static bool read_one(struct la_run *run, redisContext *client, const struct la_address *address, char *name,
                     struct la_digest *digest)
{
    if (!la_digest_keys(client, address, &name, 1, digest))
        return true;
    la_run_doubt(run, "the key '%.60s' of the given data was not read", name);
    return false;
}

/* 0: not to be judged, since it may expire. */
static uint64_t lasting_digest(struct la_run *run, redisContext *client, const struct la_address *address, char *name)
{
    struct la_digest digest;
    return read_one(run, client, address, name, &digest) && digest.ttl_ms < 0 ? digest.content : 0;
}

static void compare_one(struct la_run *run, redisContext *client, const struct la_address *address, char *name,
                        uint64_t before)
{
    struct la_digest now;
    if (!read_one(run, client, address, name, &now))
        return;
    if (now.ttl_ms == -2)
        la_findings_add(&run->findings, LA_LOST, name, "a key of the given data is gone");
    else if (now.content != before)
        la_findings_add(&run->findings, LA_CORRUPT, name, "a key of the given data is not what it was");
    else if (now.ttl_ms >= 0)
        la_findings_add(&run->findings, LA_WRONG_TTL, name, "a key of the given data has a time to live now");
}

/* Names of the load's own kind would be taken for its keys. */
static int check_names(struct la_run *run)
{
    size_t given = 0;
    for (size_t i = 0; i < run->base_keys.count; i++) {
        const char *name = strchr(run->base_keys.items[i], ':') + 1;
        if (!strcmp(name, LA_RECOVERY_KEY))
            continue;
        given++;
        if (!strncmp(name, "la:", 3))
            return la_run_doubt(run, "the given data has a key '%.60s': names that begin with la: are the load's own",
                                name);
    }
    return given ? 0
                 : la_run_doubt(run, "the server loaded nothing of the given data (--data): does it fit the "
                                     "configuration (appendonly, dbfilename, appenddirname)?");
}

static void forget(struct la_strings *names, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) != 0)
            names->items[kept++] = names->items[i];
        else
            free(names->items[i]);
    }
    names->count = kept;
}

int la_basekeys_remember(struct la_run *run, struct la_node *node)
{
    struct la_error error;
    redisContext *client = la_client_connect(&node->address, TIMEOUT_MS, &error);
    if (!client)
        return la_run_doubt(run, "reading the data that was there: %s", error.text);
    if (la_keyscan_names(client, &node->address, &run->base_keys, &error)) {
        bool lost = client->err;
        la_client_close(client); /* where it only refuses, its own keys can be read back all the same */
        la_run_doubt(run, "reading the data that was there: %s", error.text);
        return lost || run->options->server.data ? -1 : 0;
    }
    if (!run->options->server.data) {
        la_client_close(client);
        forget(&run->base_keys, "0:" LA_RECOVERY_KEY);
        return 0;
    }
    run->base_digests = la_alloc(run->base_keys.count, sizeof *run->base_digests);
    for (size_t i = 0; i < run->base_keys.count; i++)
        run->base_digests[i] = lasting_digest(run, client, &node->address, run->base_keys.items[i]);
    la_client_close(client);
    return check_names(run);
}

void la_basekeys_check(struct la_run *run, struct la_node *node)
{
    struct la_error error;
    bool given = run->base_digests && run->base_keys.count;
    redisContext *client = given ? la_client_connect(&node->address, TIMEOUT_MS, &error) : NULL;
    for (size_t i = 0; client && i < run->base_keys.count; i++) {
        char *key = run->base_keys.items[i];
        if (!strcmp(strchr(key, ':') + 1, LA_RECOVERY_KEY) || !run->base_digests[i])
            continue;
        compare_one(run, client, &node->address, key, run->base_digests[i]);
    }
    if (client)
        la_client_close(client);
    else if (given)
        la_run_doubt(run, "the given data was not read back: %s", error.text);
}
