#include "suite/unit.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/row.h"
#include "unit/unit_world.h"

enum {
    KEYS = 1000,
    ANSWER_MS = 5000,
    SERVE_MS = 30000, /* for a server to serve after a start */
    BACK_MS = 90000,  /* for systemd to decide what becomes of a unit that was killed */
    KILLS_MAX = 12,   /* until a start limit is taken not to be there */
};

/* What one world has shown. */
struct trial {
    char why[512];    /* nothing can be said; empty: it can */
    int kept;         /* of KEYS, on the replica, once everything has settled */
    char log[16];     /* appendonly, as the server has it, */
    char points[512]; /* and save; empty: it does not say */
    char restart[64]; /* Restart=, as systemd has it */
    int back_with;    /* on the primary; -1: it did not come back */
    double back_ms;
    char state[64];      /* of the unit at the end, as systemd has it */
    unsigned int kills;  /* until it stayed down; 0: it never did */
    double kills_ms;     /* in so long */
    char fragment[1024]; /* the unit's file, */
    char drop_ins[4096]; /* and what is added to it, in the world */
    char config[LA_PATH_MAX];
};

/* Writes KEYS keys one by one, and has a replica confirm them; NULL, or the first answer that is not as it should be.
 */
static char *write_keys(const struct la_address *address)
{
    struct la_error error;
    redisContext *client = la_client_connect(address, ANSWER_MS, &error);
    char *wrong = client ? NULL : la_strdup(error.text);
    for (int i = 0; client && !wrong && i < KEYS; i++) {
        char line[64];
        char words[256];
        snprintf(line, sizeof line, "SET lastack:unit:%d %d", i, i);
        redisReply *reply = la_client_send(client, address, line);
        if (!reply || reply->type != REDIS_REPLY_STATUS) {
            if (reply)
                la_reply_words(reply, words, sizeof words);
            wrong = la_strdup(reply ? words : client->errstr);
        }
        freeReplyObject(reply);
    }
    if (client && !wrong) { /* of the writes of its own connection */
        redisReply *reply = la_client_send(client, address, "WAIT 1 1500");
        if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer < 1)
            wrong = la_strdup("the replica did not confirm it");
        freeReplyObject(reply);
    }
    if (client)
        la_client_close(client);
    return wrong;
}

/* How many of them are there; -1: it does not say. */
static int count_keys(const struct la_address *address)
{
    size_t size = KEYS * 24;
    char *line = la_alloc(size, 1);
    size_t used = (size_t)snprintf(line, size, "EXISTS");
    for (int i = 0; i < KEYS; i++)
        used += (size_t)snprintf(line + used, size - used, " lastack:unit:%d", i);
    struct la_error ignored;
    redisReply *reply = la_address_send(address, ANSWER_MS, line, &ignored);
    int count = reply && reply->type == REDIS_REPLY_INTEGER ? (int)reply->integer : -1;
    freeReplyObject(reply);
    free(line);
    return count;
}

/* A replica beside the world, of the same program. Its pid; 0: there is none. */
static pid_t start_replica(const struct la_unit_world *unit, const char *folder, int port)
{
    char text[3][16];
    snprintf(text[0], sizeof text[0], "%d", port);
    snprintf(text[1], sizeof text[1], "%d", unit->address.port);
    const char *argv[32] = {unit->server, "--port", text[0],        "--replicaof", "127.0.0.1",
                            text[1],      "--dir",  folder,         "--logfile",   "replica.log",
                            "--save",     "",       "--appendonly", "no"};
    int count = 14;
    if (unit->address.password) {
        argv[count++] = "--masterauth";
        argv[count++] = unit->address.password;
    }
    if (unit->address.password && unit->address.user) {
        argv[count++] = "--masteruser";
        argv[count++] = unit->address.user;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execv(argv[0], (char **)argv);
        _exit(127);
    }
    return pid > 0 ? pid : 0;
}

static bool info_says(const struct la_address *address, const char *field, const char *value)
{
    char found[64] = "";
    char *info = la_address_info(address, ANSWER_MS);
    bool says = info && la_info_field(info, field, found, sizeof found) && !strcmp(found, value);
    free(info);
    return says;
}

static bool wait_saying(const struct la_address *address, const char *field, const char *value, unsigned int ms)
{
    uint64_t deadline = la_now_ns() + ms * UINT64_C(1000000);
    while (!info_says(address, field, value)) {
        if (la_now_ns() > deadline || la_interrupted())
            return false;
        la_sleep_ms(20);
    }
    return true;
}

/* The server's run id, which each start changes; empty: it does not answer. */
static void run_id_of(const struct la_address *address, char id[64])
{
    char *info = la_address_info(address, ANSWER_MS);
    *id = '\0';
    if (info)
        la_info_field(info, "run_id", id, 64);
    free(info);
}

/* After a kill: waits for another life of the server, or for systemd to have given it up. True: it is back. */
static bool wait_back(const struct la_unit_world *unit, const char *before, char state[64])
{
    uint64_t deadline = la_now_ns() + BACK_MS * UINT64_C(1000000);
    while (la_now_ns() < deadline && !la_interrupted()) {
        char now[64];
        run_id_of(&unit->address, now);
        if (*now && strcmp(now, before) != 0)
            return la_unit_wait_serving(unit, SERVE_MS);
        la_unit_ask(unit, "ActiveState", state, 64);
        if (!strcmp(state, "failed") || !strcmp(state, "inactive"))
            return false;
        la_sleep_ms(5);
    }
    return false;
}

static void fail(struct trial *trial, const char *what, const char *why)
{
    snprintf(trial->why, sizeof trial->why, "%.200s%s%.300s", what, *why ? ": " : "", why);
}

/* Kills it as soon as it is back, until systemd gives it up. */
static void find_limit(const struct la_unit_world *unit, struct trial *trial, uint64_t first_ns)
{
    char id[64];
    for (unsigned int kills = 2; kills <= KILLS_MAX; kills++) {
        run_id_of(&unit->address, id);
        if (la_unit_kill(unit))
            return;
        if (wait_back(unit, id, trial->state))
            continue;
        if (strcmp(trial->state, "failed") != 0 && strcmp(trial->state, "inactive") != 0)
            return; /* it is to be started again, later */
        trial->kills = kills;
        trial->kills_ms = (double)(la_now_ns() - first_ns) / 1e6;
        return;
    }
}

/* With the primary and its replica in step: the kill, and what comes of it. */
static void kill_and_look(const struct la_unit_world *unit, const struct la_address *replica, struct trial *trial,
                          bool limit)
{
    char id[64];
    run_id_of(&unit->address, id);
    uint64_t killed = la_now_ns();
    if (la_unit_kill(unit)) {
        fail(trial, "the unit's main process could not be killed", "");
        return;
    }
    bool back = wait_back(unit, id, trial->state);
    if (!back && strcmp(trial->state, "failed") != 0 && strcmp(trial->state, "inactive") != 0) {
        fail(trial, "systemd has not decided within 90 s what becomes of it", trial->state);
        return;
    }
    trial->back_ms = back ? (double)(la_now_ns() - killed) / 1e6 : NAN;
    if (back && !wait_saying(replica, "master_link_status", "up", SERVE_MS)) {
        fail(trial, "the replica did not find its primary again", "");
        return;
    }
    trial->kept = count_keys(replica);
    trial->back_with = back ? count_keys(&unit->address) : -1;
    if (trial->kept < 0 || (back && trial->back_with < 0))
        fail(trial, "the keys could not be counted", "");
    else if (back && limit)
        find_limit(unit, trial, killed);
    la_unit_ask(unit, "ActiveState", trial->state, sizeof trial->state);
}

static void with_replica(const struct la_unit_world *unit, const char *folder, struct trial *trial, bool limit)
{
    int port = unit->address.port + 1;
    int there = KEYS;
    struct la_address address = {.port = port};
    struct la_error ignored;
    /* it waits for others, and none come; a server that does not know the setting does not wait */
    freeReplyObject(la_address_send(&unit->address, ANSWER_MS, "CONFIG SET repl-diskless-sync-delay 0", &ignored));
    pid_t replica = start_replica(unit, folder, port);
    char *wrong = NULL;
    if (!replica || !wait_saying(&address, "master_link_status", "up", SERVE_MS))
        fail(trial, "a replica did not come into step with it", "");
    else if ((wrong = write_keys(&unit->address)))
        fail(trial, "a write was answered", wrong);
    else if ((there = count_keys(&unit->address)) < 0)
        fail(trial, "the keys could not be counted", "");
    else if (there != KEYS)
        fail(trial, "of what was written a part is gone before anything is killed (maxmemory-policy?)", "");
    else
        kill_and_look(unit, &address, trial, limit);
    free(wrong);
    if (!replica)
        return;
    kill(replica, SIGKILL);
    waitpid(replica, NULL, 0);
}

static void ask_setting(const struct la_address *address, const char *line, char *value, size_t size)
{
    struct la_error ignored;
    redisReply *reply = la_address_send(address, ANSWER_MS, line, &ignored);
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[1]->str)
        snprintf(value, size, "%s", reply->element[1]->str);
    freeReplyObject(reply);
}

/* What is in force, whichever line of whichever file says it. */
static void ask_settings(const struct la_unit_world *unit, struct trial *trial)
{
    ask_setting(&unit->address, "CONFIG GET appendonly", trial->log, sizeof trial->log);
    ask_setting(&unit->address, "CONFIG GET save", trial->points, sizeof trial->points);
    la_unit_ask(unit, "Restart", trial->restart, sizeof trial->restart);
}

static void try_with(struct la_work *work, const struct la_unit_files *files, const char *name,
                     const struct la_unit_with *with, struct trial *trial)
{
    char folder[LA_PATH_MAX];
    char said[512] = "";
    struct la_error error;
    struct la_unit_world unit;
    *trial = (struct trial){.back_with = -1, .back_ms = NAN};
    la_path(folder, "%s/unit/%s", work->suite->out, name);
    if (la_unit_world_up(&unit, files, folder, with, &error)) {
        fail(trial, error.text, "");
    } else {
        la_unit_ask(&unit, "FragmentPath", trial->fragment, sizeof trial->fragment);
        la_unit_ask(&unit, "DropInPaths", trial->drop_ins, sizeof trial->drop_ins);
        la_path(trial->config, "%s", with->config ? with->config : unit.config);
        if (la_unit_do(&unit, "start", said, sizeof said))
            fail(trial, "it does not start", said);
        else if (!la_unit_wait_serving(&unit, SERVE_MS))
            fail(trial, "its server does not let us in", "");
        else if (!info_says(&unit.address, "role", "master"))
            fail(trial, "it is no primary", "");
        else
            ask_settings(&unit, trial);
        if (!*trial->why)
            with_replica(&unit, folder, trial, !with->drop_in && !with->line);
    }
    la_unit_world_down(&unit);
}

/* Whether a line that gives a key this value is in force, and has a part in what happens after SIGKILL. */
static bool decides(const struct trial *trial, const char *key, const char *value)
{
    char bare[512];
    size_t length = strlen(value);
    bool quoted = length > 1 && (*value == '"' || *value == '\'') && value[length - 1] == *value;
    snprintf(bare, sizeof bare, "%.*s", (int)(quoted ? length - 2 : length), value + quoted);
    if (!strcmp(key, "Restart"))
        return !*trial->restart || !strcmp(value, trial->restart);
    if (!strcmp(key, "RestartPreventExitStatus") || !strcmp(key, "RestartForceExitStatus"))
        return strstr(value, "KILL") || strchr(value, '9');
    if (!strcmp(key, "StartLimitBurst"))
        return !strcmp(value, "1");
    if (!strcmp(key, "ExecStart"))
        return strstr(value, "--appendonly");
    if (!*trial->log) /* the server does not say what is in force */
        return true;
    if (!strcmp(key, "appendonly"))
        return !strcasecmp(bare, trial->log);
    return *bare ? strstr(trial->points, bare) != NULL : !*trial->points;
}

/* The last line of a file that decides by this key, as it stands there: {file, line, text}; NULL: none does. */
static json_t *line_of(const struct trial *trial, const char *path, const char *key, char behind)
{
    char line[1024];
    json_t *found = NULL;
    FILE *file = fopen(path, "re");
    for (json_int_t number = 1; file && fgets(line, sizeof line, file); number++) {
        size_t length = strlen(key);
        const char *text = line + strspn(line, " \t");
        line[strcspn(line, "\r\n")] = '\0';
        if ((behind == '=' ? strncmp : strncasecmp)(text, key, length) != 0)
            continue;
        const char *after = text + length + strspn(text + length, " \t");
        if (behind == '=' ? *after != '=' : after == text + length)
            continue;
        after += behind == '=';
        if (!decides(trial, key, after + strspn(after, " \t")))
            continue;
        json_decref(found);
        found = json_pack("{s:o, s:I, s:o}", "file", la_json_text(path), "line", number, "text", la_json_text(text));
    }
    if (file)
        fclose(file);
    return found;
}

/* The line of the unit, or of what is added to it, that decides by a key; NULL: systemd's default does. */
static json_t *unit_line(const struct la_unit_files *files, const struct trial *trial, const char *key)
{
    json_t *found = line_of(trial, la_unit_here(files, trial->fragment), key, '=');
    char *paths = la_strdup(trial->drop_ins);
    char *rest = paths;
    for (char *path; (path = strsep(&rest, " \n"));) {
        json_t *later = *path ? line_of(trial, la_unit_here(files, path), key, '=') : NULL;
        if (!later)
            continue;
        json_decref(found);
        found = later;
    }
    free(paths);
    return found;
}

static json_t *trial_json(const char *with, const struct trial *trial)
{
    bool known = !*trial->why;
    return json_pack("{s:s, s:o, s:i, s:o, s:o, s:o, s:s, s:o, s:o}", "with", with, "why", la_json_text(trial->why),
                     "acked", KEYS, "kept", la_json_real(known ? trial->kept : NAN), "back_with",
                     la_json_real(known && trial->back_with >= 0 ? trial->back_with : NAN), "back_ms",
                     la_json_real(trial->back_ms), "state", trial->state, "kills_until_down",
                     trial->kills ? json_integer(trial->kills) : json_null(), "kills_ms",
                     trial->kills ? json_real(trial->kills_ms) : json_null());
}

static enum la_verdict verdict_of(const struct trial *trial)
{
    if (*trial->why)
        return LA_INCONCLUSIVE;
    return trial->kept < KEYS ? LA_VIOLATED : LA_HOLDS;
}

/* What one line would change, each tried: {line} of the unit, and of redis.conf. */
static void try_changes(struct la_work *work, const struct la_unit_files *files, json_t *trials)
{
    const struct la_suite *suite = work->suite;
    const char *data = *work->data ? work->data : NULL;
    const struct {
        const char *name;
        const char *line;
        struct la_unit_with with;
    } changes[] = {{"no-restart", "Restart=no", {.config = suite->config, .data = data, .drop_in = "Restart=no"}},
                   {"appendonly", "appendonly yes", {.config = suite->config, .data = data, .line = "appendonly yes"}}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes && !la_interrupted(); i++) {
        struct trial trial;
        try_with(work, files, changes[i].name, &changes[i].with, &trial);
        json_array_append_new(trials, trial_json(changes[i].line, &trial));
    }
}

static void add_line(json_t *lines, json_t *line)
{
    if (line)
        json_array_append_new(lines, line);
}

/* The lines that decide: when the unit is started again, and what the server keeps. */
static json_t *deciding_lines(const struct la_unit_files *files, const struct trial *trial)
{
    static const char *const of_unit[] = {"Restart", "RestartPreventExitStatus", "RestartForceExitStatus",
                                          "StartLimitBurst", "ExecStart"};
    static const char *const of_server[] = {"appendonly", "save"};
    json_t *lines = json_array();
    for (size_t i = 0; i < sizeof of_unit / sizeof *of_unit; i++)
        add_line(lines, unit_line(files, trial, of_unit[i]));
    for (size_t i = 0; i < sizeof of_server / sizeof *of_server; i++)
        add_line(lines, line_of(trial, trial->config, of_server[i], ' '));
    return lines;
}

json_t *la_unit_try(struct la_work *work)
{
    const struct la_suite *suite = work->suite;
    const struct la_unit_files *files = &work->unit_files;
    const char *missing = la_sandbox_lacks_world(work->sandbox);
    struct trial trial = {.back_with = -1, .back_ms = NAN};
    if (missing)
        fail(&trial, "it cannot be tried here without", missing);
    else
        try_with(work, files, "as-it-is",
                 &(struct la_unit_with){.config = suite->config, .data = *work->data ? work->data : NULL}, &trial);
    enum la_verdict verdict = verdict_of(&trial);
    json_t *trials = json_array();
    json_array_append_new(trials, trial_json("", &trial));
    if (verdict == LA_VIOLATED)
        try_changes(work, files, trials);
    return json_pack("{s:s, s:s, s:o, s:o}", "name", files->name, "verdict", la_verdict_name(verdict), "trials", trials,
                     "decided_by", deciding_lines(files, &trial));
}
