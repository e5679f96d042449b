#include "playbook/incident.h"

#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANSWER_MS = 5000, WORLD_MS = 30000, AT_ONCE = 100 };
enum { WRITTEN_MS = 20000, POLL_MS = 20 };
enum { TORN_BYTES = 7, TORN_MOST = 40 };     /* fewer than the last command has */
enum { DAMAGED_BYTES = 64, NO_TYPE = 0xf0 }; /* what no value in a snapshot begins with, nor a length */

static int run_in(const struct la_unit_world *unit, const char *command, struct la_error *error)
{
    struct la_world_done done;
    return la_world_do(&unit->world, command, NULL, WORLD_MS, &done)
               ? la_fail(error, "%.200s: %.300s", command, done.output)
               : 0;
}

static int ask(const struct la_unit_world *unit, const char *line, struct la_error *error)
{
    char words[256];
    redisReply *reply = la_address_send(&unit->address, ANSWER_MS, line, error);
    if (!reply)
        return -1;
    la_reply_words(reply, words, sizeof words);
    int failed = reply->type == REDIS_REPLY_ERROR ? la_fail(error, "%s: %s", line, words) : 0;
    freeReplyObject(reply);
    return failed;
}

static int write_keys(const struct la_unit_world *unit, int from, int to, struct la_error *error)
{
    redisContext *client = la_client_connect(&unit->address, ANSWER_MS, error);
    int failed = client ? 0 : -1;
    for (int i = from; i < to && !failed; i++) {
        char line[96];
        char words[256];
        snprintf(line, sizeof line, "SET user:%d value-of-user-%d", i, i);
        redisReply *reply = la_client_send(client, &unit->address, line);
        if (reply && reply->type != REDIS_REPLY_STATUS)
            la_reply_words(reply, words, sizeof words);
        if (!reply || reply->type != REDIS_REPLY_STATUS)
            failed = la_fail(error, "a write was answered: %s", reply ? words : client->errstr);
        freeReplyObject(reply);
    }
    if (client)
        la_client_close(client);
    return failed;
}

/* With a sync under way, a server may keep what it has answered for up to two seconds before it writes it: the incident
   is to begin when nothing is left in its buffer. A server whose INFO does not tell has nothing that could be waited
   for. */
static int wait_until_written(const struct la_unit_world *unit, struct la_error *error)
{
    for (int left = WRITTEN_MS; left > 0; left -= POLL_MS) {
        redisReply *info = la_address_send(&unit->address, ANSWER_MS, "INFO persistence", error);
        if (!info)
            return -1;
        bool written = info->type != REDIS_REPLY_STRING || la_info_number(info->str, "aof_buffer_length", 0) == 0;
        freeReplyObject(info);
        if (written)
            return 0;
        la_sleep_ms(POLL_MS);
    }
    return la_fail(error, "what was written had not reached the append-only file after %d s", WRITTEN_MS / 1000);
}

int la_incident_fill(struct la_unit_world *unit, struct la_error *error)
{
    char *name = la_config_get(&unit->settings, "dbfilename");
    char *copy =
        la_format("mkdir -p /backup/redis && cp '%s/%s' /backup/redis/dump_$(date -u +%%Y%%m%%d_%%H%%M%%S).rdb && "
                  "chown -R redis:redis /backup/redis",
                  unit->folder, name ? name : "dump.rdb");
    int failed =
        write_keys(unit, 0, LA_PLAYBOOK_IN_BACKUP, error) || ask(unit, "SAVE", error) || run_in(unit, copy, error) ||
                write_keys(unit, LA_PLAYBOOK_IN_BACKUP, LA_PLAYBOOK_KEYS, error) || wait_until_written(unit, error)
            ? -1
            : 0;
    free(copy);
    free(name);
    return failed;
}

/* Of AT_ONCE keys from `from` on, those that are there with the value that was written. */
static int count_some(redisContext *client, const struct la_address *address, int from)
{
    char line[AT_ONCE * 12 + 8] = "MGET";
    size_t used = strlen(line);
    for (int i = from; i < from + AT_ONCE; i++)
        used += (size_t)snprintf(line + used, sizeof line - used, " user:%d", i);
    redisReply *reply = la_client_send(client, address, line);
    int count = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == AT_ONCE ? 0 : -1;
    for (int i = 0; i < AT_ONCE && count >= 0; i++) {
        char value[64];
        snprintf(value, sizeof value, "value-of-user-%d", from + i);
        const redisReply *got = reply->element[i];
        count += got->type == REDIS_REPLY_STRING && !strcmp(got->str, value);
    }
    freeReplyObject(reply);
    return count;
}

int la_incident_count(const struct la_address *address)
{
    struct la_error ignored;
    redisContext *client = la_client_connect(address, ANSWER_MS, &ignored);
    int count = client ? 0 : -1;
    for (int i = 0; i < LA_PLAYBOOK_KEYS && count >= 0; i += AT_ONCE) {
        int some = count_some(client, address, i);
        count = some < 0 ? -1 : count + some;
    }
    if (client)
        la_client_close(client);
    return count;
}

static int kill_server(struct la_unit_world *unit, struct la_error *error)
{
    return la_unit_kill(unit) ? la_fail(error, "the server could not be killed") : 0;
}

static int stage_crash(struct la_unit_world *unit, uint64_t seed, struct la_error *error)
{
    (void)seed;
    return kill_server(unit, error);
}

/* The file of the data folder with that ending that was written last; in the host's terms. False: there is none. */
static bool newest(const struct la_unit_world *unit, const char *ending, char path[LA_PATH_MAX])
{
    char at[LA_PATH_MAX];
    time_t latest = 0;
    la_world_path(&unit->world, unit->folder, at);
    char *const roots[] = {at, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; tree && (entry = fts_read(tree));) {
        if (entry->fts_info != FTS_F || !la_ends_with(entry->fts_name, ending) || entry->fts_statp->st_mtime < latest)
            continue;
        latest = entry->fts_statp->st_mtime;
        la_path(path, "%s", entry->fts_path);
    }
    if (tree)
        fts_close(tree);
    return latest != 0;
}

static int stage_torn(struct la_unit_world *unit, uint64_t seed, struct la_error *error)
{
    char path[LA_PATH_MAX];
    struct stat st;
    if (kill_server(unit, error))
        return -1;
    if (!newest(unit, ".aof", path))
        return la_fail(error, "no append-only file to be torn");
    off_t torn = seed ? 1 + (off_t)(la_random(&seed) % TORN_MOST) : TORN_BYTES;
    return stat(path, &st) || truncate(path, st.st_size - torn) ? la_fail(error, "%s: %m", path) : 0;
}

static int stage_damaged(struct la_unit_world *unit, uint64_t seed, struct la_error *error)
{
    char path[LA_PATH_MAX];
    char wrong[DAMAGED_BYTES];
    struct stat st;
    if (ask(unit, "SAVE", error) || la_unit_do(unit, "stop", NULL, 0))
        return la_fail(error, "the server could not be stopped");
    memset(wrong, NO_TYPE, sizeof wrong);
    int file = newest(unit, ".rdb", path) ? open(path, O_RDWR | O_CLOEXEC) : -1;
    bool damaged = file >= 0 && fstat(file, &st) == 0;
    off_t at = !damaged ? 0
               : seed   ? st.st_size / 4 + (off_t)(la_random(&seed) % (uint64_t)(st.st_size / 2))
                        : st.st_size / 2;
    damaged = damaged && pwrite(file, wrong, sizeof wrong, at) == (ssize_t)sizeof wrong;
    if (file >= 0)
        close(file);
    if (!damaged)
        return la_fail(error, "no snapshot to be damaged");
    (void)la_unit_do(unit, "start", NULL, 0); /* it refuses: that is the incident */
    return 0;
}

static int stage_disk_loss(struct la_unit_world *unit, uint64_t seed, struct la_error *error)
{
    (void)seed;
    char *command = la_format("find '%s' -mindepth 1 -delete", unit->folder);
    int failed = kill_server(unit, error) || run_in(unit, command, error) ? -1 : 0;
    free(command);
    return failed;
}

static int stage_flushall(struct la_unit_world *unit, uint64_t seed, struct la_error *error)
{
    (void)seed;
    return ask(unit, "FLUSHALL", error);
}

#define DOWN  "redis on 127.0.0.1:6379 does not answer"
#define EMPTY "the application finds no data in redis; an hour ago it was all there"

const struct la_incident la_incidents[] = {
    {"crash", "the redis process is gone, clients are refused", DOWN, "appendonly yes\nappendfsync everysec",
     stage_crash},
    {"torn-aof", "the redis process is gone in the middle of a write, clients are refused", DOWN,
     "appendonly yes\nappendfsync everysec\naof-load-truncated no", stage_torn},
    {"damaged-rdb", "redis does not start, its snapshot is damaged; there is a backup", DOWN, "appendonly no",
     stage_damaged},
    {"disk-loss", "the data folder is empty, redis is down; there is a backup", DOWN,
     "appendonly yes\nappendfsync everysec", stage_disk_loss},
    {"flushall-aof", "somebody has sent FLUSHALL; the append-only file is on", EMPTY,
     "appendonly yes\nappendfsync everysec\nauto-aof-rewrite-percentage 0", stage_flushall},
    {"flushall-rdb", "somebody has sent FLUSHALL; there are snapshots only, and a backup", EMPTY, "appendonly no",
     stage_flushall},
    {.name = NULL},
};

void la_incident_names(char *out, size_t size)
{
    size_t used = 0;
    *out = '\0';
    for (const struct la_incident *incident = la_incidents; incident->name && used < size; incident++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", incident->name);
}

const struct la_incident *la_incident_draw(uint64_t seed)
{
    return &la_incidents[la_random(&seed) % (sizeof la_incidents / sizeof *la_incidents - 1)];
}

const struct la_incident *la_incident_find(const char *name)
{
    const struct la_incident *incident = la_incidents;
    if (!name)
        return NULL;
    while (incident->name && strcmp(incident->name, name) != 0)
        incident++;
    return incident->name ? incident : NULL;
}
