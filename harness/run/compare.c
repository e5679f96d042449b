#include "run/compare.h"

#include <stdlib.h>
#include <string.h>

#include "redis/digest.h"
#include "redis/keyscan.h"

enum { TIMEOUT_MS = 30000, TTL_TOLERANCE_MS = 20, SHORT_MS = 1000 };

/* One side of the comparison. */
struct side {
    struct la_node *node;
    redisContext *client;
    struct la_strings names; /* DATABASE:NAME, sorted */
    size_t next;
};

static int open_side(struct la_run *run, struct side *side, struct la_node *node)
{
    struct la_error error;
    side->node = node;
    side->client = la_client_connect(&node->address, TIMEOUT_MS, &error);
    if (!side->client || la_keyscan_names(side->client, &node->address, &side->names, &error))
        return la_run_doubt(run, "%s was not read: %s", node->spec->name, error.text);
    return 0;
}

static void close_side(struct side *side)
{
    if (side->client)
        la_client_close(side->client);
    la_strings_free(&side->names);
}

/* Deadlines, each as early and as late as it can be. */
static bool same_deadline(const struct la_digest *a, const struct la_digest *b, unsigned int ttl_ms)
{
    if (a->ttl_ms < 0 || b->ttl_ms < 0)
        return a->ttl_ms == b->ttl_ms;
    double early_a = (double)a->asked_ns / 1e6 + (double)a->ttl_ms;
    double early_b = (double)b->asked_ns / 1e6 + (double)b->ttl_ms;
    double late_a = (double)a->answered_ns / 1e6 + (double)a->ttl_ms;
    double late_b = (double)b->answered_ns / 1e6 + (double)b->ttl_ms;
    double tolerated = TTL_TOLERANCE_MS + (double)ttl_ms;
    return early_a <= late_b + tolerated && early_b <= late_a + tolerated;
}

/* It may end between two looks at it, or has ended by now. */
static bool fleeting(const struct la_digest *digest)
{
    double since_ms = (double)(la_now_ns() - digest->asked_ns) / 1e6;
    return digest->ttl_ms >= 0 && (digest->ttl_ms < SHORT_MS || (double)digest->ttl_ms < since_ms + TTL_TOLERANCE_MS);
}

static void compare_key(struct la_run *run, const char *name, const struct la_digest *primary,
                        const struct la_digest *replica, unsigned int ttl_ms)
{
    const char *what = NULL;
    bool lasts =
        primary->ttl_ms == -1 || replica->ttl_ms == -1; /* on one side: then it is to be on the other as well */
    if (!lasts && (fleeting(primary) || fleeting(replica)))
        return;
    if (primary->ttl_ms != -2 && replica->ttl_ms == -2)
        what = "is missing";
    else if (primary->ttl_ms == -2 && replica->ttl_ms != -2)
        what = "is there, and not on its primary";
    else if (primary->content != replica->content)
        what = "holds something else than on its primary";
    else if (!same_deadline(primary, replica, ttl_ms))
        la_findings_add(&run->findings, LA_DIVERGED, name,
                        "a key has another time to live than on its primary: %lld ms, there %lld ms %.0f ms earlier",
                        replica->ttl_ms, primary->ttl_ms,
                        ((double)replica->answered_ns - (double)primary->answered_ns) / 1e6);
    if (what)
        la_findings_add(&run->findings, LA_DIVERGED, name, "a key %s", what);
}

static int compare_batch(struct la_run *run, struct side sides[2], char *const *names, size_t count,
                         unsigned int ttl_ms)
{
    struct la_digest digests[2][LA_DIGEST_BATCH];
    for (int i = 0; i < 2; i++)
        if (la_digest_keys(sides[i].client, &sides[i].node->address, names, count, digests[i]))
            return la_run_doubt(run, "%s did not answer", sides[i].node->spec->name);
    for (size_t i = 0; i < count; i++)
        compare_key(run, names[i], &digests[0][i], &digests[1][i], ttl_ms);
    return 0;
}

/* Goes through both sorted lists at once, each name once. */
static char *next_name(struct side sides[2])
{
    char *names[2];
    for (int i = 0; i < 2; i++)
        names[i] = sides[i].next < sides[i].names.count ? sides[i].names.items[sides[i].next] : NULL;
    if (!names[0] && !names[1])
        return NULL;
    int order = !names[0] ? 1 : !names[1] ? -1 : strcmp(names[0], names[1]);
    sides[0].next += order <= 0;
    sides[1].next += order >= 0;
    return order <= 0 ? names[0] : names[1];
}

static size_t next_names(struct side sides[2], char **names)
{
    size_t count = 0;
    while (count < LA_DIGEST_BATCH && (names[count] = next_name(sides)))
        count++;
    return count;
}

int la_identical(struct la_run *run, struct la_node *primary, struct la_node *replica, unsigned int ttl_ms)
{
    struct side sides[2] = {{0}};
    char *names[LA_DIGEST_BATCH];
    size_t keys = 0;
    run->findings.node = replica->spec->name;
    int bad = open_side(run, &sides[0], primary) || open_side(run, &sides[1], replica) ? -1 : 0;
    for (size_t count; !bad && (count = next_names(sides, names)); keys += count)
        bad = compare_batch(run, sides, names, count, ttl_ms);
    close_side(&sides[0]);
    close_side(&sides[1]);
    if (!bad && !keys)
        return la_run_doubt(run, "%s and %s are both empty: that says nothing", primary->spec->name,
                            replica->spec->name);
    if (!bad)
        la_run_event(run, replica->spec->name, "compared with %s: %zu keys, %llu differ", primary->spec->name, keys,
                     (unsigned long long)run->findings.count[LA_DIVERGED]);
    return bad;
}
