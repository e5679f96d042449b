/* The step reload: how long a server takes to load what was filled in. */
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/recover.h"
#include "run/steps.h"
#include "run/wait.h"

enum { LOAD_TIMEOUT_MS = 120000 };

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
    int held = la_wait_written(run, node, "it was to be started again");
    if (held)
        return held < 0 ? -1 : la_run_doubt(run, "%s is down: it cannot be killed", node->spec->name);
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
