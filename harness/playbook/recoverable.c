#include "playbook/recoverable.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "playbook/incident.h"

enum {
    ANSWER_MS = 1000,
    START_MS = 10000,
    COPY_MS = 20000,
    LOOK_MS = 60000, /* for all copies together */
    LIST_MAX = 1 << 20,
    FILE_MAX = 64 << 20,
    COPIES_MAX = 32,
    LOOKS = 2,
    SETTLE_MS = 300,
    HEAD = 263, /* bytes that tell what a file is */
};

#define SCRATCH LA_SCRATCH
#define LOG     SCRATCH "/appendonlydir"
#define PLAIN   SCRATCH "/appendonly.aof"

/* Things to be loaded. */
struct copies {
    struct la_strings snapshots;
    struct la_strings logs;  /* manifests */
    struct la_strings plain; /* append-only files of one piece */
    bool packed;
};

/* All files of the world that may be copies, a line each: path, size, times, inode. To be freed; NULL: no answer. */
static char *list_files(const struct la_world *world)
{
    static const char *const argv[] = {"find",  "/",     "/tmp",   "/run", "/dev/shm", "-xdev",
                                       "(",     "-path", "/usr",   "-o",   "-path",    "/opt",
                                       "-o",    "-path", "/units", "-o",   "-path",    "/run/systemd",
                                       "-o",    "-path", SCRATCH,  ")",    "-prune",   "-o",
                                       "-type", "f",     "-size",  "+0",   "-printf",  "%p\t%s %T@ %C@ %i\n",
                                       NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return NULL;
    pid_t pid = la_world_start(
        world, &(struct la_world_start){
                   .argv = argv, .in = -1, .out = ends[1], .orders = -1, .answers = -1, .confined = true});
    close(ends[1]);
    char *text = la_alloc(LIST_MAX + 1, 1);
    size_t length = 0;
    for (ssize_t got; length < LIST_MAX && (got = read(ends[0], text + length, LIST_MAX - length)) > 0;)
        length += (size_t)got;
    close(ends[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return text;
}

static bool is_packed(const char *head, ssize_t length)
{
    static const char *const magics[] = {"\x1f\x8b", "\x28\xb5\x2f\xfd", "\xfd\x37\x7a\x58", "BZh", "PK\x03\x04"};
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (length > 4 && !memcmp(head, magics[i], strlen(magics[i])))
            return true;
    return length >= HEAD - 1 && !memcmp(head + 257, "ustar", 5);
}

static void take_file(struct copies *copies, const struct la_world *world, const char *path)
{
    char head[HEAD] = "";
    int file = la_world_open(world, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    ssize_t length = file >= 0 ? read(file, head, sizeof head) : 0;
    if (file >= 0)
        close(file);
    struct la_strings *list = la_ends_with(path, ".manifest")           ? &copies->logs
                              : length > 5 && !memcmp(head, "REDIS", 5) ? &copies->snapshots
                              : length > 4 && *head == '*'              ? &copies->plain
                                                                        : NULL;
    copies->packed = copies->packed || is_packed(head, length);
    if (list && list->count < COPIES_MAX)
        la_strings_add(list, la_strdup(path));
}

static void find_copies(struct copies *copies, const struct la_world *world, const char *list)
{
    char *copy = la_strdup(list);
    char *rest = copy;
    *copies = (struct copies){.packed = false};
    for (char *line; (line = strsep(&rest, "\n"));) {
        line[strcspn(line, "\t")] = '\0';
        if (*line)
            take_file(copies, world, line);
    }
    free(copy);
}

bool la_recoverable_do(const struct la_recoverable *recoverable, const char *command, const char *path)
{
    struct la_world_done done;
    return la_world_do(recoverable->world, command, path, COPY_MS, &done) == 0;
}

/* A port that nobody has now; 0: none. */
static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
                 getsockname(fd, (struct sockaddr *)&address, &size) == 0;
    if (fd >= 0)
        close(fd);
    return bound ? ntohs(address.sin_port) : 0;
}

int la_recoverable_load(const struct la_recoverable *recoverable, const char *log)
{
    char port[16];
    const struct la_address address = {.port = free_port()};
    uint64_t deadline = la_now_ns() + START_MS * UINT64_C(1000000);
    int keys = -1;
    snprintf(port, sizeof port, "%d", address.port);
    const char *const argv[] = {recoverable->server,
                                "--port",
                                port,
                                "--bind",
                                "127.0.0.1",
                                "--dir",
                                SCRATCH,
                                "--save",
                                "",
                                "--appendonly",
                                log ? "yes" : "no",
                                "--appendfilename",
                                log ? log : "appendonly.aof",
                                NULL};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pid_t pid = la_world_start(
        recoverable->world,
        &(struct la_world_start){.argv = argv, .in = -1, .out = null, .orders = -1, .answers = -1, .confined = true});
    close(null);
    while (pid > 0 && la_now_ns() < deadline && !la_interrupted()) {
        if (la_address_serves(&address, ANSWER_MS)) {
            keys = la_incident_count(&address);
            break;
        }
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return -1;
        la_sleep_ms(5);
    }
    if (pid > 0) {
        kill(pid, SIGKILL); /* and the server with it */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    return keys;
}

/* Where the command begins that holds the byte `at`: at the "*N" of its line. */
static size_t command_begins(const char *text, size_t at)
{
    while (at > 0 && !(text[at] == '*' && text[at - 1] == '\n'))
        at--;
    return at;
}

/* Cuts a file off before the first FLUSHALL or FLUSHDB that was logged in it. False: there is none. */
static bool cut_flush(int file)
{
    static const char *const words[] = {"\r\n$8\r\nflushall\r\n", "\r\n$7\r\nflushdb\r\n"};
    struct stat st;
    if (file < 0 || fstat(file, &st) || st.st_size > FILE_MAX)
        return false;
    char *text = la_alloc((size_t)st.st_size + 1, 1);
    ssize_t got = pread(file, text, (size_t)st.st_size, 0);
    size_t length = got > 0 ? (size_t)got : 0;
    size_t cut = length;
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
        size_t size = strlen(words[w]);
        for (size_t i = 0; i + size <= cut; i++)
            if (!strncasecmp(text + i, words[w], size))
                cut = command_begins(text, i);
    }
    free(text);
    return cut < length && ftruncate(file, (off_t)cut) == 0;
}

static bool cut_and_close(int file)
{
    bool cut = cut_flush(file);
    if (file >= 0)
        close(file);
    return cut;
}

static bool cut_flushes(const struct la_world *world, bool manifest)
{
    if (!manifest)
        return cut_and_close(la_world_open(world, PLAIN, O_RDWR | O_NOFOLLOW));
    int folder = la_world_open(world, LOG, O_RDONLY | O_DIRECTORY);
    DIR *files = folder >= 0 ? fdopendir(folder) : NULL;
    bool cut = false;
    for (struct dirent *entry; files && (entry = readdir(files));)
        if (entry->d_type == DT_REG)
            cut = cut_and_close(openat(folder, entry->d_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC)) || cut;
    if (files)
        closedir(files);
    return cut;
}

static int best(int one, int other)
{
    return one > other ? one : other;
}

static bool copy_log(const struct la_recoverable *recoverable, const char *path, bool manifest)
{
    return la_recoverable_do(recoverable,
                             manifest ? "rm -rf " SCRATCH "; mkdir -p " LOG " && cp -L \"${1%/*}\"/* " LOG "/"
                                      : "rm -rf " SCRATCH "; mkdir -p " SCRATCH " && cp -L \"$1\" " PLAIN,
                             path);
}

/* As it is, repaired, and without the bad command. */
static int load_log(const struct la_recoverable *recoverable, const char *path, bool manifest)
{
    char log[256] = "appendonly.aof";
    const struct la_world *world = recoverable->world;
    const char *name = strrchr(path, '/') + 1;
    if (manifest)
        snprintf(log, sizeof log, "%.*s", (int)(strlen(name) - strlen(".manifest")), name);
    int keys = copy_log(recoverable, path, manifest) ? la_recoverable_load(recoverable, log) : 0;
    if (keys == LA_PLAYBOOK_KEYS)
        return keys;
    if (copy_log(recoverable, path, manifest) && cut_flushes(world, manifest))
        keys = best(keys, la_recoverable_load(recoverable, log));
    if (copy_log(recoverable, path, manifest)) {
        char *repaired = manifest ? la_format(LOG "/%s", name) : la_strdup(PLAIN);
        la_recoverable_do(recoverable, "yes | redis-check-aof --fix \"$1\"", repaired);
        free(repaired);
        cut_flushes(world, manifest);
        keys = best(keys, la_recoverable_load(recoverable, log));
    }
    return keys;
}

static int load_snapshot(const struct la_recoverable *recoverable, const char *path)
{
    bool copied = la_recoverable_do(
        recoverable, "rm -rf " SCRATCH "; mkdir -p " SCRATCH " && cp -L \"$1\" " SCRATCH "/dump.rdb", path);
    return copied ? la_recoverable_load(recoverable, NULL) : 0;
}

/* The most of all copies that are there now. False: none has changed since the last look. */
static bool look_once(struct la_recoverable *recoverable)
{
    struct copies copies;
    uint64_t deadline = la_now_ns() + LOOK_MS * UINT64_C(1000000);
    char *list = list_files(recoverable->world);
    if (!list || (recoverable->seen && !strcmp(recoverable->seen, list))) {
        free(list);
        return false;
    }
    find_copies(&copies, recoverable->world, list);
    free(recoverable->seen);
    recoverable->seen = list;
    const struct la_strings *const lists[] = {&copies.logs, &copies.plain, &copies.snapshots};
    int keys = 0;
    for (size_t kind = 0; kind < sizeof lists / sizeof *lists; kind++)
        for (size_t i = 0; i < lists[kind]->count && keys < LA_PLAYBOOK_KEYS && la_now_ns() < deadline; i++) {
            const char *path = lists[kind]->items[i];
            keys = best(keys, kind == 2 ? load_snapshot(recoverable, path) : load_log(recoverable, path, kind == 0));
        }
    la_recoverable_do(recoverable, "rm -rf " SCRATCH, "");
    recoverable->keys = keys;
    recoverable->packed = copies.packed;
    la_strings_free(&copies.snapshots);
    la_strings_free(&copies.logs);
    la_strings_free(&copies.plain);
    return true;
}

int la_recoverable_look(struct la_recoverable *recoverable)
{
    int before = recoverable->keys;
    /* a copy may be made while a server writes the original, and be worth less than it */
    for (int looks = 0; looks < LOOKS && look_once(recoverable) && recoverable->keys < before; looks++) {
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
