#include "unit/unit_world.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/copy.h"

enum { ANSWER_MS = 2000, COMMAND_MS = 60000, REDIS_PORT = 6379 };

void la_unit_ask(const struct la_unit_world *unit, const char *property, char *out, size_t size)
{
    struct la_world_done done;
    const char *const argv[] = {"systemctl", "show", "--value", "-p", property, unit->files->name, NULL};
    la_world_run(&unit->world, argv, COMMAND_MS, &done);
    snprintf(out, size, "%.*s", (int)size - 1, done.status ? "" : done.output);
}

int la_unit_do(const struct la_unit_world *unit, const char *word, char *out, size_t size)
{
    struct la_world_done done;
    const char *const argv[] = {"systemctl", word, unit->files->name, NULL};
    la_world_run(&unit->world, argv, COMMAND_MS, &done);
    if (out)
        snprintf(out, size, "%.*s", (int)size - 1, done.output);
    return done.status;
}

bool la_unit_wait_serving(const struct la_unit_world *unit, unsigned int ms)
{
    uint64_t deadline = la_now_ns() + ms * UINT64_C(1000000);
    bool serves = false;
    while (!(serves = la_address_serves(&unit->address, ANSWER_MS)) && la_now_ns() < deadline && !la_interrupted())
        la_sleep_ms(5);
    return serves;
}

int la_unit_kill(const struct la_unit_world *unit)
{
    struct la_world_done done;
    const char *const argv[] = {"systemctl", "kill", "--kill-whom=main", "-s", "KILL", unit->files->name, NULL};
    la_world_run(&unit->world, argv, COMMAND_MS, &done);
    return done.status;
}

/* The program and the first word behind it that names a file: what `show` says of ExecStart, taken apart. */
static void read_command(struct la_unit_world *unit)
{
    static const char mark[] = "argv[]=";
    char text[LA_PATH_MAX];
    la_unit_ask(unit, "ExecStart", text, sizeof text);
    char *words = strstr(text, mark);
    char *end = words ? strstr(words, " ;") : NULL;
    if (!end)
        return;
    *end = '\0';
    words += sizeof mark - 1;
    for (char *word; (word = strsep(&words, " "));) {
        if (!*unit->server)
            la_path(unit->server, "%s", word);
        else if (*word == '/' && !*unit->config)
            la_path(unit->config, "%s", word);
    }
}

static bool is_there(const struct la_world *world, const char *path)
{
    int file = la_world_open(world, path, O_PATH);
    if (file >= 0)
        close(file);
    return file >= 0;
}

/* Files of the host's that the unit names: its environment, and programs that run beside the server. */
static int copy_beside(const struct la_unit_world *unit, struct la_error *error)
{
    static const char properties[] = "EnvironmentFiles,ExecStartPre,ExecStartPost,ExecCondition,ExecStopPost,ExecStart";
    char text[8192];
    la_unit_ask(unit, properties, text, sizeof text);
    char *rest = text;
    for (char *word; (word = strsep(&rest, " \n;"));) {
        const char *path = strchr(word, '=') ? strchr(word, '=') + 1 : word;
        if (*path == '/' && la_is_file(path) && !is_there(&unit->world, path) &&
            la_world_copy(&unit->world, path, path, error))
            return -1;
    }
    return 0;
}

/* A copy in the world for anybody to read, as whoever it is started as. */
static int copy_readable(const struct la_unit_world *unit, const char *from, const char *to, struct la_error *error)
{
    char at[LA_PATH_MAX];
    if (la_world_copy(&unit->world, from, to, error))
        return -1;
    la_world_path(&unit->world, to, at);
    chmod(at, 0644);
    return 0;
}

/* What the configuration includes, and files that it names: each where it lies here. */
static int copy_named(const struct la_unit_world *unit, const char *path, struct la_error *error)
{
    const struct la_config *config = &unit->settings;
    for (size_t i = 0; i < config->count; i++) {
        const struct la_directive *item = &config->items[i];
        bool included = item->file && *item->file == '/' && !la_same_file(item->file, path);
        bool named = la_config_names_file(item) && *item->args[0] == '/' && access(item->args[0], R_OK) == 0;
        if ((included && copy_readable(unit, item->file, item->file, error)) ||
            (named && copy_readable(unit, item->args[0], item->args[0], error)))
            return -1;
    }
    return 0;
}

/* A folder that the server writes to, of whoever the unit starts it as. */
static void make_folder(const struct la_unit_world *unit, const char *folder, const char *user)
{
    struct la_world_done done;
    const char *const argv[] = {"install", "-d", "-o", user, folder, NULL};
    if (*folder == '/' && strcmp(folder, "/") != 0)
        la_world_run(&unit->world, argv, COMMAND_MS, &done);
}

static void make_folders(const struct la_unit_world *unit)
{
    static const char *const files[] = {"logfile", "pidfile", "unixsocket"};
    char user[128];
    la_unit_ask(unit, "User", user, sizeof user);
    if (!*user)
        snprintf(user, sizeof user, "root");
    char *folder = la_config_get(&unit->settings, "dir");
    make_folder(unit, folder ? folder : "/var/lib/redis", user);
    free(folder);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *file = la_config_get(&unit->settings, files[i]);
        if (file && *file == '/')
            make_folder(unit, dirname(file), user);
        free(file);
    }
}

/* What it begins with, in the folder that is its own. */
static int place_data(const struct la_unit_world *unit, const char *data, struct la_error *error)
{
    struct la_world_done done;
    char at[LA_PATH_MAX];
    char user[128];
    char *folder = la_config_get(&unit->settings, "dir");
    if (!data || !folder) {
        free(folder);
        return 0;
    }
    la_unit_ask(unit, "User", user, sizeof user);
    la_world_path(&unit->world, folder, at);
    int failed = la_copy_tree(data, at, error);
    const char *const argv[] = {"chown", "-R", *user ? user : "root", folder, NULL};
    la_world_run(&unit->world, argv, COMMAND_MS, &done);
    free(folder);
    return failed;
}

static bool listens_here(const struct la_config *config)
{
    char *bind = la_config_get(config, "bind");
    bool listens = !bind || strstr(bind, "127.0.0.1") || strstr(bind, "0.0.0.0") || strchr(bind, '*');
    free(bind);
    return listens;
}

static int append(struct la_unit_world *unit, const char *line, struct la_error *error)
{
    char at[LA_PATH_MAX];
    la_world_path(&unit->world, unit->config, at);
    FILE *file = fopen(at, "ae");
    bool failed = !file || fprintf(file, "\n%s\n", line) < 0;
    failed = (file && fclose(file)) || failed;
    if (failed)
        return la_fail(error, "%s: %m", at);
    return la_config_overlay(&unit->settings, line, "what is added", error);
}

/* Lines without which nobody here could reach it. */
static int make_reachable(struct la_unit_world *unit, struct la_error *error)
{
    char *port = la_config_get(&unit->settings, "port");
    const char *lines[] = {listens_here(&unit->settings) ? NULL : "bind 127.0.0.1",
                           port && !strcmp(port, "0") ? "port 6379" : NULL};
    free(port);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (lines[i] && append(unit, lines[i], error))
            return -1;
    return 0;
}

static int place_configuration(struct la_unit_world *unit, const struct la_unit_with *with, struct la_error *error)
{
    if (!*unit->config && (with->config || with->line))
        return la_fail(error, "%s: its ExecStart names no configuration file", unit->files->name);
    if (*unit->config) {
        const char *from = with->config ? with->config : unit->config;
        if (la_config_read(&unit->settings, from, error) || copy_readable(unit, from, unit->config, error) ||
            copy_named(unit, from, error) || make_reachable(unit, error) ||
            (with->line && append(unit, with->line, error)))
            return -1;
    }
    la_config_find_login(&unit->settings);
    make_folders(unit);
    return place_data(unit, with->data, error);
}

static void find_address(struct la_unit_world *unit)
{
    char *port = la_config_get(&unit->settings, "port");
    unit->address = (struct la_address){.port = port ? atoi(port) : REDIS_PORT,
                                        .user = unit->settings.user,
                                        .password = unit->settings.password,
                                        .renamed = &unit->settings.renamed};
    free(port);
}

static void find_folder(struct la_unit_world *unit)
{
    char *folder = la_config_get(&unit->settings, "dir");
    la_path(unit->folder, "%s", folder ? folder : "/var/lib/redis");
    for (size_t length = strlen(unit->folder); length > 1 && unit->folder[length - 1] == '/';)
        unit->folder[--length] = '\0';
    free(folder);
}

/* With what systemd says of the unit. */
static int no_command(const struct la_unit_world *unit, struct la_error *error)
{
    char said[512];
    int status = la_unit_do(unit, "status", said, sizeof said);
    return la_fail(error, "%s: systemd tells of no ExecStart in it (status %d: %s)", unit->files->name, status, said);
}

int la_unit_world_up(struct la_unit_world *unit, const struct la_unit_files *files, const char *folder,
                     const struct la_unit_with *with, struct la_error *error)
{
    *unit = (struct la_unit_world){.files = files, .world = LA_WORLD_NONE};
    if (la_make_dirs(folder, error) || la_world_create(&unit->world, folder, error) ||
        la_unit_place(files, &unit->world, error) ||
        (with->shown && la_world_show(&unit->world, with->shown, with->shown_at, error)))
        return -1;
    char *drop_in = la_format("/etc/systemd/system/%s.d/zzzz-lastack.conf", files->name);
    char *text = la_format("[Service]\n%s\n", with->drop_in ? with->drop_in : "");
    int failed = with->drop_in ? la_world_put(&unit->world, drop_in, text, error) : 0;
    free(text);
    free(drop_in);
    unit->world.confined = with->confined;
    if (failed || la_world_boot(&unit->world, error))
        return -1;
    read_command(unit);
    if (!*unit->server)
        return no_command(unit, error);
    if (copy_beside(unit, error) || place_configuration(unit, with, error))
        return -1;
    find_address(unit);
    find_folder(unit);
    return 0;
}

void la_unit_world_down(struct la_unit_world *unit)
{
    la_world_end(&unit->world);
    la_config_free(&unit->settings);
}
