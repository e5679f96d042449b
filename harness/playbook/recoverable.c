#include "playbook/recoverable.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/copy.h"
#include "playbook/incident.h"

enum {
    PORT = 7399,
    ANSWER_MS = 1000,
    START_MS = 10000,
    FILE_MAX = 64 << 20,
    COPIES_MAX = 32,
    LOOKS = 2,
    SETTLE_MS = 300
};

/* Where an operator keeps copies. */
static const char *const places[] = {"/var/lib", "/backup", "/root", "/tmp", "/var/tmp", "/srv", "/mnt"};

/* Things to be loaded: snapshots, and folders with a manifest. */
struct copies {
    struct la_strings snapshots;
    struct la_strings logs;  /* manifests */
    struct la_strings plain; /* append-only files of one piece */
    char *seen;              /* all of them, with sizes and times */
};

static bool begins(const char *path, const char *magic)
{
    char text[16] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = file >= 0 ? read(file, text, strlen(magic)) : 0;
    if (file >= 0)
        close(file);
    return got == (ssize_t)strlen(magic) && !memcmp(text, magic, strlen(magic));
}

static bool ends(const char *name, const char *ending)
{
    size_t length = strlen(name);
    return length >= strlen(ending) && !strcmp(name + length - strlen(ending), ending);
}

static void take_file(struct copies *copies, const FTSENT *entry)
{
    const struct stat *st = entry->fts_statp;
    char *longer = la_format("%s%s %lld %lld.%09ld\n", copies->seen, entry->fts_path, (long long)st->st_size,
                             (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    free(copies->seen);
    copies->seen = longer;
    struct la_strings *list = ends(entry->fts_name, ".manifest") ? &copies->logs
                              : begins(entry->fts_path, "REDIS") ? &copies->snapshots
                              : begins(entry->fts_path, "*")     ? &copies->plain
                                                                 : NULL;
    if (list && list->count < COPIES_MAX)
        la_strings_add(list, la_strdup(entry->fts_path));
}

static void find_copies(struct copies *copies, const struct la_world *world)
{
    *copies = (struct copies){.seen = la_strdup("")};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char place[LA_PATH_MAX];
        la_path(place, "/proc/%d/root%s", (int)world->init, places[i]); /* with what is mounted there */
        char *const roots[] = {place, NULL};
        FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
        for (FTSENT *entry; tree && (entry = fts_read(tree));)
            if (entry->fts_info == FTS_F && entry->fts_statp->st_size <= FILE_MAX)
                take_file(copies, entry);
        if (tree)
            fts_close(tree);
    }
}

static void free_copies(struct copies *copies)
{
    la_strings_free(&copies->snapshots);
    la_strings_free(&copies->logs);
    la_strings_free(&copies->plain);
    free(copies->seen);
}

static int wait_for(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* Keys that a second server has of the scratch folder. `log`: what its append-only file is called; NULL: it has none.
 */
static int load(const struct la_recoverable *recoverable, const char *log)
{
    const struct la_address address = {.port = PORT};
    uint64_t deadline = la_now_ns() + START_MS * UINT64_C(1000000);
    int keys = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        char port[16];
        snprintf(port, sizeof port, "%d", PORT);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execl(recoverable->server, recoverable->server, "--port", port, "--bind", "127.0.0.1", "--dir",
              recoverable->scratch, "--save", "", "--appendonly", log ? "yes" : "no", "--appendfilename",
              log ? log : "appendonly.aof", (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && la_now_ns() < deadline) {
        if (la_address_serves(&address, ANSWER_MS)) {
            keys = la_incident_count(&address);
            break;
        }
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return 0;
        la_sleep_ms(5);
    }
    if (pid > 0) {
        kill(pid, SIGKILL);
        wait_for(pid);
    }
    return keys > 0 ? keys : 0;
}

static int load_snapshot(const struct la_recoverable *recoverable, const char *path)
{
    char to[LA_PATH_MAX];
    struct la_error ignored;
    la_empty_folder(recoverable->scratch);
    la_path(to, "%s/dump.rdb", recoverable->scratch);
    return la_copy_file(path, to, &ignored) ? 0 : load(recoverable, NULL);
}

/* The whole command that holds the last byte before `at` begins there: at the "*N" of its line. */
static size_t command_begins(const char *text, size_t at)
{
    while (at > 0 && !(text[at] == '*' && (at == 1 || text[at - 1] == '\n')))
        at--;
    return at;
}

/* Cuts a file off before the first FLUSHALL or FLUSHDB that was logged in it. False: there is none. */
static bool cut_flush(const char *path)
{
    static const char *const words[] = {"\r\n$8\r\nflushall\r\n", "\r\n$7\r\nflushdb\r\n"};
    struct la_error ignored;
    size_t length = 0;
    char *text = la_read_file(path, FILE_MAX, &length, &ignored);
    size_t cut = length;
    for (size_t w = 0; text && w < sizeof words / sizeof *words; w++) {
        size_t size = strlen(words[w]);
        for (size_t i = 0; i + size <= cut; i++)
            if (!strncasecmp(text + i, words[w], size))
                cut = command_begins(text, i);
    }
    bool found = text && cut < length;
    free(text);
    return found && truncate(path, (off_t)cut) == 0;
}

static void repair(const struct la_recoverable *recoverable, const char *path)
{
    char tool[LA_PATH_MAX];
    int yes[2];
    const char *slash = strrchr(recoverable->server, '/');
    la_path(tool, "%.*s/redis-check-aof", (int)(slash - recoverable->server), recoverable->server);
    if (pipe2(yes, O_CLOEXEC))
        return;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(yes[0], STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execl(tool, tool, "--fix", path, (char *)NULL);
        _exit(127);
    }
    ssize_t written = write(yes[1], "y\ny\n", 4);
    (void)written; /* one that does not ask does not read */
    close(yes[0]);
    close(yes[1]);
    if (pid > 0)
        wait_for(pid);
}

/* The folder of a manifest, or an append-only file of one piece, copied to where a server looks for it. */
static bool copy_log(const struct la_recoverable *recoverable, const char *path, bool manifest)
{
    char from[LA_PATH_MAX];
    char to[LA_PATH_MAX];
    struct la_error ignored;
    la_empty_folder(recoverable->scratch);
    la_path(from, "%.*s", (int)(strrchr(path, '/') - path), path);
    la_path(to, "%s/%s", recoverable->scratch, manifest ? "appendonlydir" : "appendonly.aof");
    return manifest ? la_make_dirs(to, &ignored) == 0 && la_copy_tree(from, to, &ignored) == 0
                    : la_copy_file(path, to, &ignored) == 0;
}

static bool cut_flushes(const struct la_recoverable *recoverable)
{
    char folder[LA_PATH_MAX];
    bool cut = false;
    la_path(folder, "%s", recoverable->scratch);
    char *const roots[] = {folder, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; tree && (entry = fts_read(tree));)
        cut = (entry->fts_info == FTS_F && cut_flush(entry->fts_path)) || cut;
    if (tree)
        fts_close(tree);
    return cut;
}

static int best(int one, int other)
{
    return one > other ? one : other;
}

/* As it is, repaired, and without the bad command. */
static int load_log(const struct la_recoverable *recoverable, const char *path, bool manifest)
{
    char log[256] = "appendonly.aof";
    char repaired[LA_PATH_MAX];
    const char *name = strrchr(path, '/') + 1;
    if (manifest)
        snprintf(log, sizeof log, "%.*s", (int)(strlen(name) - strlen(".manifest")), name);
    int keys = copy_log(recoverable, path, manifest) ? load(recoverable, log) : 0;
    if (keys == LA_PLAYBOOK_KEYS)
        return keys;
    if (copy_log(recoverable, path, manifest) && cut_flushes(recoverable))
        keys = best(keys, load(recoverable, log));
    if (copy_log(recoverable, path, manifest)) {
        la_path(repaired, "%s/%s", recoverable->scratch, manifest ? "appendonlydir" : "appendonly.aof");
        if (manifest)
            la_path(repaired, "%s/appendonlydir/%s", recoverable->scratch, name);
        repair(recoverable, repaired);
        cut_flushes(recoverable);
        keys = best(keys, load(recoverable, log));
    }
    return keys;
}

/* The most of all copies that are there now. False: none has changed since the last look. */
static bool look_once(struct la_recoverable *recoverable, const struct la_world *world)
{
    struct la_error ignored;
    struct copies copies;
    find_copies(&copies, world);
    if (recoverable->seen && !strcmp(recoverable->seen, copies.seen)) {
        free_copies(&copies);
        return false;
    }
    la_make_dirs(recoverable->scratch, &ignored);
    int keys = 0;
    for (size_t i = 0; i < copies.logs.count && keys < LA_PLAYBOOK_KEYS; i++)
        keys = best(keys, load_log(recoverable, copies.logs.items[i], true));
    for (size_t i = 0; i < copies.plain.count && keys < LA_PLAYBOOK_KEYS; i++)
        keys = best(keys, load_log(recoverable, copies.plain.items[i], false));
    for (size_t i = 0; i < copies.snapshots.count && keys < LA_PLAYBOOK_KEYS; i++)
        keys = best(keys, load_snapshot(recoverable, copies.snapshots.items[i]));
    la_empty_folder(recoverable->scratch);
    free(recoverable->seen);
    recoverable->seen = la_strdup(copies.seen);
    recoverable->keys = keys;
    free_copies(&copies);
    return true;
}

int la_recoverable_look(struct la_recoverable *recoverable, const struct la_world *world)
{
    int before = recoverable->keys;
    /* a copy may be made while a server writes the original, and be worth less than it */
    for (int looks = 0; looks < LOOKS && look_once(recoverable, world) && recoverable->keys < before; looks++) {
        la_sleep_ms(SETTLE_MS);
        free(recoverable->seen);
        recoverable->seen = NULL;
    }
    return recoverable->keys;
}

void la_recoverable_free(struct la_recoverable *recoverable)
{
    free(recoverable->seen);
    recoverable->seen = NULL;
}
