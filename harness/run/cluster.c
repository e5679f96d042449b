#include "run/cluster.h"

#include <hiredis/sds.h>
#include <stdio.h>
#include <string.h>

#include "run/steps.h"
#include "run/wait.h"

enum { SLOTS = 16384, JOIN_TIMEOUT_MS = 30000 };

/* What a node answers, in words; false: an error, or nothing. */
static bool ask(struct la_node *node, const char *line, struct la_error *said)
{
    redisReply *reply = la_step_send(node, line, said);
    bool good = reply && reply->type != REDIS_REPLY_ERROR;
    if (reply)
        la_fail(said, "%.1000s", reply->str ? reply->str : "");
    freeReplyObject(reply);
    return good;
}

static struct la_node *first_of_cluster(struct la_run *run)
{
    struct la_node *node = run->nodes;
    while (!node->spec->cluster)
        node++;
    return node;
}

/* Sends a line until it is accepted: the node may have been started just now, or not have heard of another yet. */
static int send_until(struct la_run *run, struct la_node *node, const char *line)
{
    struct la_error said = {""};
    struct la_deadline deadline = la_wait_until(JOIN_TIMEOUT_MS);
    while (!ask(node, line, &said)) {
        if (!node->pid)
            return la_wait_ended_unasked(run, node, "it was of the cluster");
        if (!la_wait_turn(run, &deadline))
            return la_run_doubt(run, "%s: %.40s: %s", node->spec->name, line, said.text);
    }
    return 0;
}

static int take_all_slots(struct la_run *run, struct la_node *node)
{
    sds line = sdsnew("CLUSTER ADDSLOTS");
    for (int slot = 0; slot < SLOTS; slot++)
        line = sdscatfmt(line, " %i", slot);
    int result = send_until(run, node, line);
    sdsfree(line);
    return result;
}

static int meet(struct la_run *run, struct la_node *node, const struct la_node *other)
{
    char line[64];
    snprintf(line, sizeof line, "CLUSTER MEET 127.0.0.1 %d", other->address.port);
    return send_until(run, node, line);
}

static int replicate(struct la_run *run, struct la_node *node)
{
    struct la_error id;
    char line[128];
    struct la_node *primary = la_run_node(run, node->spec->replicates);
    if (!ask(primary, "CLUSTER MYID", &id))
        return la_run_doubt(run, "%s: CLUSTER MYID: %s", primary->spec->name, id.text);
    snprintf(line, sizeof line, "CLUSTER REPLICATE %.64s", id.text);
    return send_until(run, node, line);
}

int la_cluster_join(struct la_run *run, struct la_node *node)
{
    struct la_error info = {""};
    struct la_node *first = first_of_cluster(run);
    if (node == first ? take_all_slots(run, node) : meet(run, node, first))
        return -1;
    if (node->spec->replicates && replicate(run, node))
        return -1;
    struct la_deadline deadline = la_wait_until(JOIN_TIMEOUT_MS);
    while (!ask(node, "CLUSTER INFO", &info) || !strstr(info.text, "cluster_state:ok"))
        if (!la_wait_turn(run, &deadline))
            return la_run_doubt(run, "%s does not find its cluster well: %.200s", node->spec->name, info.text);
    la_run_event(run, node->spec->name, "is of the cluster");
    return 0;
}
