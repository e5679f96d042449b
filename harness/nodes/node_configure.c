/* What a node is started with: a port, and the configuration that it has for its part in the run. */

#include <arpa/inet.h>
#include <hiredis/sds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nodes/node.h"

enum {
    PORT_END = 30000,    /* below 32768, where Linux takes the ports of outgoing connections from: */
    PORT_FIRST = 22752,  /* a client that knocks at a dead server's port must not be given that port itself */
    CLUSTER_END = 22752, /* nodes of a cluster have ports of their own, so that ... */
    CLUSTER_FIRST = 20000,
    BUS_OFFSET = 10000, /* ... the port of their bus, so far above, lies below 32768, too */
    PORTS_EACH = 16,    /* for the nodes of one run, and a reference */
};

static bool port_is_free(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool free = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return free;
}

/*
 * A free TCP port on 127.0.0.1, outside the range that outgoing connections use; 0: none found. Ports are given out by
 * process and slot, for what was given to another, here or beside us, may not be bound yet.
 */
static int free_port(unsigned int slot, bool cluster)
{
    int first = cluster ? CLUSTER_FIRST : PORT_FIRST;
    unsigned int count = (unsigned int)((cluster ? CLUSTER_END : PORT_END) - first);
    unsigned int start = (unsigned int)getpid() * PORTS_EACH + slot;
    for (unsigned int i = 0; i < count; i += PORTS_EACH) {
        int port = first + (int)((start + i) % count);
        if (port_is_free(port) && (!cluster || port_is_free(port + BUS_OFFSET)))
            return port;
    }
    return 0;
}

/* Of the nodes of one run each has its own; the last is for a server that is none of them. */
static unsigned int slot_of(const struct la_node_spec *spec, const struct la_scenario *scenario)
{
    for (unsigned int i = 0; i < scenario->node_count; i++)
        if (&scenario->nodes[i] == spec)
            return i;
    return PORTS_EACH - 1;
}

static void set_number(struct la_config *config, const char *name, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    la_config_set(config, name, text);
}

/* What keeps every node in its sandbox; its port, or 0 with `error` filled. */
static int keep_in(struct la_node *node, const struct la_scenario *scenario, struct la_error *error)
{
    struct la_config *config = &node->config;
    int port = free_port(slot_of(node->spec, scenario), node->spec->cluster);
    if (!port)
        la_fail(error, "no free port on 127.0.0.1 between %d and %d", CLUSTER_FIRST, PORT_END);
    set_number(config, "port", port);
    la_config_set(config, "bind", "127.0.0.1");
    la_config_set(config, "daemonize", "no");
    return port;
}

static unsigned int sentinels_of(const struct la_scenario *scenario, const char *name)
{
    unsigned int count = 0;
    for (unsigned int i = 0; i < scenario->node_count; i++)
        count += scenario->nodes[i].sentinel_of && !strcmp(scenario->nodes[i].sentinel_of, name);
    return count;
}

/* Lines that begin with `sentinel`, of which the last of its kind counts: the node's own come last. */
static char *sentinel_lines(const struct la_node_spec *spec, const struct la_scenario *scenario,
                            const struct la_node *primary)
{
    const char *name = primary->spec->name;
    const struct la_config *theirs = &primary->config;
    sds text = sdscatprintf(sdsempty(),
                            "sentinel monitor %s 127.0.0.1 %d %u\nsentinel down-after-milliseconds %s 1000\n"
                            "sentinel failover-timeout %s 10000\n",
                            name, primary->address.port, sentinels_of(scenario, name) / 2 + 1, name, name);
    if (theirs->user)
        text = sdscatprintf(text, "sentinel auth-user %s %s\n", name, theirs->user);
    if (theirs->password)
        text = sdscatprintf(text, "sentinel auth-pass %s %s\n", name, theirs->password);
    for (size_t i = 0; i + 1 < theirs->renamed.count; i += 2)
        if (*theirs->renamed.items[i + 1] && strcmp(theirs->renamed.items[i + 1], "SLAVEOF") != 0) /* by itself */
            text = sdscatprintf(text, "sentinel rename-command %s %s %s\n", name, theirs->renamed.items[i],
                                theirs->renamed.items[i + 1]);
    char *lines = la_format("%s%s", text, spec->config ? spec->config : "");
    sdsfree(text);
    return lines;
}

static int configure_sentinel(struct la_node *node, const struct la_scenario *scenario, const struct la_node *primary,
                              struct la_error *error)
{
    int port = keep_in(node, scenario, error);
    la_config_set(&node->config, "dir", node->data);
    node->address = (struct la_address){.port = port, .renamed = &node->config.renamed};
    char *lines = sentinel_lines(node->spec, scenario, primary);
    int result = port ? la_config_append(&node->config, lines, node->spec->name, error) : -1;
    free(lines);
    return result;
}

static int replicate(struct la_node *node, const struct la_node *primary, struct la_error *error)
{
    char line[64];
    const char *word = node->config.says_slaveof ? "slaveof" : "replicaof";
    snprintf(line, sizeof line, "%s 127.0.0.1 %d", word, primary->address.port);
    return la_config_overlay(&node->config, line, word, error);
}

/* A file of users where ACL SAVE is under injection, and where what it leaves suffers with the data. */
static int keep_users(struct la_node *node, struct la_error *error)
{
    struct la_config *config = &node->config;
    char path[LA_PATH_MAX];
    char *own = la_config_get(config, "aclfile");
    bool has_users = own || config->user;
    free(own);
    if (has_users)
        return 0;
    la_path(path, "%s/users.acl", node->data);
    FILE *file = fopen(path, "we");
    bool failed = !file || fprintf(file, "user default on %s%s ~* &* +@all\n", config->password ? ">" : "nopass",
                                   config->password ? config->password : "") < 0;
    failed = (file && fclose(file)) || failed;
    la_config_set(config, "aclfile", path);
    return failed ? la_fail(error, "%s: %m", path) : 0;
}

/* The scenario's configuration, then the node's own lines, then what keeps it in its sandbox. */
static int configure(struct la_node *node, const struct la_scenario *scenario, const struct la_node *primary,
                     struct la_error *error)
{
    struct la_config *config = &node->config;
    la_config_copy(config, node->server->base);
    if (la_config_own_files(config, node->dir, node->data, error)) /* ACL SAVE writes, and a bundle is to be whole */
        return -1;
    if (node->spec->config && la_config_overlay(config, node->spec->config, node->spec->name, error))
        return -1;
    la_config_renew_login(config);
    if (node->spec->config_file && config->password) /* its file would have that of another run */
        return la_fail(error, "%s: config_file: it goes without a password", node->spec->name);
    int port = keep_in(node, scenario, error);
    if (!port || (node->spec->acl_file && keep_users(node, error)))
        return -1;
    if (node->spec->cluster) /* who replicates whom is told to its nodes when they serve: run/cluster.h */
        la_config_set(config, "cluster-enabled", "yes");
    else if (primary && replicate(node, primary, error))
        return -1;
    if (config->password) { /* whose replica it may be one day, and how a bundle is opened */
        la_config_set(config, "masterauth", config->password);
        la_config_set(config, "masteruser", config->user);
    }
    node->address = (struct la_address){.port = port,
                                        .user = config->user,
                                        .password = config->password,
                                        .cluster = node->spec->cluster,
                                        .renamed = &config->renamed};
    if (!scenario->load || !scenario->load->unix_socket)
        return 0;
    if (snprintf(node->socket, sizeof node->socket, "%s/redis.sock", node->dir) >= (int)sizeof node->socket)
        return la_fail(error, "%s: too long a path for a unix socket: choose a shorter --out", node->dir);
    la_config_set(config, "unixsocket", node->socket);
    return 0;
}

int la_node_configure(struct la_node *node, const struct la_scenario *scenario, const struct la_node *primary,
                      struct la_error *error)
{
    if (node->spec->sentinel_of && primary)
        return configure_sentinel(node, scenario, primary, error);
    return configure(node, scenario, primary, error);
}
