/* The steps fill and reload: so much data, and how long a server takes to load it. */
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/recover.h"
#include "run/steps.h"
#include "run/wait.h"

enum { BATCH = 500, REPLY_TIMEOUT_MS = 60000, LOAD_TIMEOUT_MS = 120000 };

/* ---- fill ---- */

struct fill {
    char *node;
    unsigned int megabytes; /* of values and keys, added to what was filled in before */
    unsigned int size;      /* bytes of a value */
    unsigned int times;     /* that each key is written */
};

enum { KEY_LENGTH = 15 };

/* What no compression makes smaller, and a text all the same. */
static void draw_value(uint64_t *random, char *value, unsigned int size)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    for (unsigned int i = 0; i < size;) {
        uint64_t bits = la_random(random);
        for (int digit = 0; digit < 10 && i < size; digit++, bits >>= 6)
            value[i++] = digits[bits & 63];
    }
}

static int take_replies(struct la_run *run, redisContext *client, unsigned int count)
{
    for (; count; count--) {
        redisReply *reply = la_client_reply(client);
        bool ok = reply && reply->type != REDIS_REPLY_ERROR;
        char why[128];
        snprintf(why, sizeof why, "%.120s", reply && reply->str ? reply->str : client->errstr);
        freeReplyObject(reply);
        if (!ok)
            return la_run_doubt(run, "fill: %s", why);
    }
    return 0;
}

static int write_keys(struct la_run *run, const struct la_node *node, const struct fill *step, uint64_t from,
                      uint64_t to)
{
    struct la_error error;
    uint64_t random = run->options->seed + from + 1;
    redisContext *client = la_client_connect(&node->address, REPLY_TIMEOUT_MS, &error);
    if (!client)
        return la_run_doubt(run, "fill: %s", error.text);
    char *value = la_alloc(step->size + 1, 1);
    unsigned int open = 0;
    int bad = 0;
    for (uint64_t key = from; key < to && !bad; key++) {
        draw_value(&random, value, step->size);
        redisAppendCommand(client, "SET fill:%010llu %b", (unsigned long long)key, value, (size_t)step->size);
        if (++open == BATCH || key + 1 == to) {
            bad = la_client_flush(client) ? la_run_doubt(run, "fill: %s", client->errstr)
                                          : take_replies(run, client, open);
            open = 0;
            la_run_pump(run);
        }
    }
    free(value);
    la_client_close(client);
    return bad;
}

static int run_fill(struct la_run *run, const struct la_spec *spec)
{
    const struct fill *step = (const struct fill *)spec;
    struct la_node *node = la_run_node(run, step->node);
    uint64_t from = node->filled_keys;
    uint64_t more = ((uint64_t)step->megabytes << 20) / (step->size + KEY_LENGTH) + 1;
    for (unsigned int i = 0; i < step->times; i++)
        if (write_keys(run, node, step, from, from + more))
            return -1;
    node->filled_keys += more;
    node->filled_bytes += more * (step->size + KEY_LENGTH);
    la_run_event(run, node->spec->name, "%llu MiB are in", (unsigned long long)(node->filled_bytes >> 20));
    return 0;
}

static void fill_defaults(struct la_spec *spec)
{
    struct fill *step = (struct fill *)spec;
    la_fill_in(&step->size, 1000);
    la_fill_in(&step->times, 1);
}

static int check_fill(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct fill *step = (const struct fill *)spec;
    (void)index;
    return step->megabytes < 1 || step->megabytes > 100000 || step->size > (64 << 20)
               ? la_check_wrong(check, "'fill' takes 1 to 100000 megabytes, of values of at most 67108864 bytes")
               : 0;
}

static const cyaml_schema_field_t fill_fields[] = {
    LA_TEXT("node", LA_OPTIONAL, struct fill, node), LA_NEEDED("megabytes", struct fill, megabytes),
    LA_NUMBER("size", struct fill, size), LA_NUMBER("times", struct fill, times), LA_END};

const struct la_step_kind la_step_fill = {
    .form = {"fill", fill_fields, sizeof(struct fill)},
    .set_defaults = fill_defaults,
    .check = check_fill,
    .keys = "fill:",
    .run = run_fill,
};

/* ---- reload ---- */

struct reload {
    char *node;
    char *name;
    unsigned int rounds;
    bool cold;  /* the page cache has nothing of its files */
    bool apart; /* what is measured is to be foretold from the other sizes */
};

/* Pages of a file that are in memory. */
static size_t resident(int fd, size_t size)
{
    size_t pages = (size + 4095) / 4096;
    size_t count = 0;
    void *map = size ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (map == MAP_FAILED)
        return 0;
    unsigned char *in = la_alloc(pages, 1);
    if (mincore(map, size, in) == 0)
        for (size_t i = 0; i < pages; i++)
            count += in[i] & 1;
    munmap(map, size);
    free(in);
    return count;
}

/* -1: some of it has stayed. */
static int drop_file(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool dropped = fd >= 0 && fstat(fd, &st) == 0 && fsync(fd) == 0 &&
                   posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0 &&
                   resident(fd, (size_t)st.st_size) <= (size_t)st.st_size / 4096 / 100;
    if (fd >= 0)
        close(fd);
    return dropped ? 0 : -1;
}

static int make_cold(struct la_run *run, const struct la_node *node)
{
    char *const roots[] = {(char *)node->data, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int bad = tree ? 0 : -1;
    for (FTSENT *entry; tree && (entry = fts_read(tree));)
        if (entry->fts_info == FTS_F && drop_file(entry->fts_path))
            bad = -1;
    if (tree)
        fts_close(tree);
    return bad ? la_run_doubt(run, "the page cache keeps files of %s (a file system in memory?)", node->spec->name) : 0;
}

static int reload_once(struct la_run *run, struct la_node *node, const struct reload *step)
{
    struct la_error error;
    struct la_recovery recovery = {0};
    unsigned int exits = node->exits;
    node->killed_ns = la_now_ns();
    la_node_signal(node, LA_SCOPE_GROUP, SIGKILL);
    if (la_wait_end(run, node, exits))
        return -1;
    node->recovered = node->exits;
    if (step->cold && make_cold(run, node))
        return -1;
    if (la_node_spawn(node, &error))
        return la_run_doubt(run, "%s", error.text);
    recovery.spawn_ns = node->spawn_ns;
    if (la_recover_follow(run, node, &recovery, LOAD_TIMEOUT_MS))
        return -1;
    if (recovery.keys >= 0 && (uint64_t)recovery.keys < node->filled_keys)
        return la_run_doubt(run, "%s came back with %lld of %llu keys: what it loaded is not what was filled in",
                            node->spec->name, recovery.keys, (unsigned long long)node->filled_keys);
    run->recovered = true;
    la_measures_add(&run->measures, step->name, "ms",
                    (struct la_sample){(double)(recovery.ready_ns - recovery.spawn_ns) / 1e6,
                                       (double)node->filled_bytes, step->apart});
    return 0;
}

static int run_reload(struct la_run *run, const struct la_spec *spec)
{
    const struct reload *step = (const struct reload *)spec;
    struct la_node *node = la_run_node(run, step->node);
    for (unsigned int i = 0; i < la_run_rounds(run, step->rounds); i++)
        if (reload_once(run, node, step))
            return -1;
    const struct la_measure *measure = la_measures_find(&run->measures, step->name);
    la_run_event(run, node->spec->name, "%s: ready in %.1f ms with %llu MiB", step->name,
                 measure->samples[measure->count - 1].value, (unsigned long long)(node->filled_bytes >> 20));
    return 0;
}

static void reload_defaults(struct la_spec *spec)
{
    la_fill_in(&((struct reload *)spec)->rounds, 3);
}

static bool measures(const struct la_spec *spec, const char *name)
{
    return !strcmp(((const struct reload *)spec)->name, name);
}

static const cyaml_schema_field_t reload_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct reload, node),
                                                     LA_TEXT("name", LA_REQUIRED, struct reload, name),
                                                     LA_NUMBER("rounds", struct reload, rounds),
                                                     LA_FLAG("cold", struct reload, cold),
                                                     LA_FLAG("apart", struct reload, apart),
                                                     LA_END};

const struct la_step_kind la_step_reload = {
    .form = {"reload", reload_fields, sizeof(struct reload)},
    .set_defaults = reload_defaults,
    .run = run_reload,
    .measures = measures,
};
