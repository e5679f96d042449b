#include "run/watch.h"

#include "run/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Bounds, whatever a server answers. */
enum { FIELDS_MAX = 1024, NAME_MAX_BYTES = 64, VALUE_MAX_BYTES = 128, FILE_MAX_BYTES = 8 << 20 };
enum { END_MS = 3 * LA_WATCH_PATIENCE_MS }; /* two looks, at a server that does not answer */

struct field {
    char name[NAME_MAX_BYTES];
    char value[VALUE_MAX_BYTES];
};

struct watch {
    struct la_watched watched;
    struct la_check_run check;
    FILE *out;
    bool full;            /* FILE_MAX_BYTES have been written */
    redisContext *client; /* NULL: not connected */
    struct field fields[FIELDS_MAX];
    size_t count;
    size_t next; /* where the next field is likely to be: INFO keeps its order */
};

static struct field *find(struct watch *watch, const char *name)
{
    for (size_t i = 0; i < watch->count; i++) {
        size_t at = (watch->next + i) % watch->count;
        if (strcmp(watch->fields[at].name, name) != 0)
            continue;
        watch->next = at + 1;
        return &watch->fields[at];
    }
    return NULL;
}

static struct field *add(struct watch *watch, const char *name)
{
    if (watch->count == FIELDS_MAX)
        return NULL;
    struct field *field = &watch->fields[watch->count++];
    snprintf(field->name, sizeof field->name, "%s", name);
    return field;
}

static void note(struct watch *watch, double ms, const char *name, const char *value)
{
    struct field *field = find(watch, name);
    if (field && !strcmp(field->value, value))
        return;
    field = field ? field : add(watch, name);
    if (!field)
        return;
    snprintf(field->value, sizeof field->value, "%s", value);
    fprintf(watch->out, "%.1f %s %s\n", ms, name, value);
}

/* Of what comes from now on nothing is kept: a last line says so. True: it is so. */
static bool is_full(struct watch *watch)
{
    if (!watch->full && ftell(watch->out) > FILE_MAX_BYTES) {
        fprintf(watch->out, "%.1f " LA_WATCH_FULL " 1\n", (double)(la_now_ns() - watch->watched.start_ns) / 1e6);
        fflush(watch->out);
        watch->full = true;
    }
    return watch->full;
}

/* One line of INFO: "name:value"; headings and blank lines are none. */
static void note_line(struct watch *watch, double ms, const char *line, size_t length)
{
    char name[NAME_MAX_BYTES];
    char value[VALUE_MAX_BYTES];
    const char *colon = memchr(line, ':', length);
    if (*line == '#' || !colon || (size_t)(colon - line) >= sizeof name)
        return;
    snprintf(name, sizeof name, "%.*s", (int)(colon - line), line);
    size_t rest = length - (size_t)(colon - line) - 1;
    snprintf(value, sizeof value, "%.*s", (int)(rest < sizeof value ? rest : sizeof value - 1), colon + 1);
    la_printable(name);
    la_printable(value);
    for (char *c = name; *c; c++)
        *c = *c == ' ' ? '_' : *c;
    note(watch, ms, name, value);
}

static void note_age(struct watch *watch, double ms, const char *info)
{
    char age[32];
    long long saved = la_info_number(info, "rdb_last_save_time", -1);
    long long now = la_info_number(info, "server_time_usec", -1);
    if (saved < 0)
        return;
    snprintf(age, sizeof age, "%lld", (now < 0 ? (long long)time(NULL) : now / 1000000) - saved);
    note(watch, ms, LA_WATCH_AGE, age);
}

static void look(struct watch *watch)
{
    struct la_error ignored;
    bool was_there = watch->client;
    if (!was_there)
        watch->client = la_client_connect(watch->watched.address, LA_WATCH_PATIENCE_MS, &ignored);
    char *info = watch->client ? la_client_info(watch->client, watch->watched.address) : NULL;
    double ms = (double)(la_now_ns() - watch->watched.start_ns) / 1e6;
    note(watch, ms, "up", info ? "1" : "0");
    for (const char *line = info; line && *line;) {
        size_t length = strcspn(line, "\r\n");
        note_line(watch, ms, line, length);
        line += length;
        line += strspn(line, "\r\n");
    }
    if (info)
        note_age(watch, ms, info);
    free(info);
    fflush(watch->out);
    if (info || !watch->client)
        return;
    la_client_close(watch->client);
    watch->client = NULL;
}

/* Written each time: what has not been looked at cannot have been seen. */
static void look_at_check(struct watch *watch)
{
    const struct la_watched *watched = &watch->watched;
    if (!watched->check || !la_check_look(&watch->check, watched->check, watched->address, watched->folder))
        return;
    fprintf(watch->out, "%.1f " LA_WATCH_CHECK " %d\n", (double)(la_now_ns() - watched->start_ns) / 1e6,
            watch->check.status);
    fflush(watch->out);
}

/* A pause of the watcher's own follows each look. Told to end, it looks once more: at what the run leaves. */
static void keep_looking(struct watch *watch, pid_t run)
{
    const struct timespec pause = {0, LA_WATCH_MS * 1000000L};
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    for (bool told = false; !told && getppid() == run;) {
        if (!is_full(watch)) {
            look(watch);
            look_at_check(watch);
        }
        told = sigtimedwait(&end, NULL, &pause) == SIGTERM;
    }
    if (!is_full(watch))
        look(watch);
}

pid_t la_watch_start(const struct la_watched *watched, const char *path)
{
    pid_t run = getpid();
    FILE *out = fopen(path, "we");
    sigset_t end;
    sigset_t before;
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigprocmask(SIG_BLOCK, &end, &before); /* or one that comes early would end the watcher */
    pid_t pid = out ? fork() : -1;
    if (pid == 0) {
        struct watch *watch = la_alloc(1, sizeof *watch);
        watch->watched = *watched;
        watch->out = out;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        keep_looking(watch, run);
        _exit(0);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (out)
        fclose(out);
    return pid > 0 ? pid : 0;
}

void la_watch_end(pid_t watch)
{
    if (!watch)
        return;
    kill(watch, SIGTERM);
    for (int waited = 0; waited < END_MS; waited++) {
        if (waitpid(watch, NULL, WNOHANG) == watch)
            return;
        la_sleep_ms(1);
    }
    kill(watch, SIGKILL);
    waitpid(watch, NULL, 0);
}
