#include "suite/original.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_MAX = 16 << 20, VALUE_SHOWN = 100 };

/* One asking, from its beginning to its end. */
struct asking {
    const struct la_config *config;     /* the user's */
    const struct la_config *copy;       /* sandboxed: how it lets us in */
    const char *dir;                    /* ours */
    struct la_config own;               /* lines of ours, which stand behind the user's */
    struct la_strings secrets;          /* words that no report may hold */
    const struct la_directive **hidden; /* that the server is not to see */
    size_t hidden_count;
    struct la_view view;
};

/* ---- What the server is shown ---- */

/* A `dir` that is not here: it belongs to another machine, so nothing is included from there. */
static bool is_elsewhere(const struct asking *asking, const struct la_directive *dir)
{
    char at[LA_PATH_MAX];
    la_path(at, "%s", asking->config->began);
    for (const struct la_directive *item = asking->config->items; item <= dir; item++)
        if (!strcmp(item->name, "dir") && item->count == 1)
            la_path_from(at, at, item->args[0]);
    return access(at, X_OK) != 0;
}

/* A file that the server looks for in its data folder, which is another here: see add_files. */
static bool is_relative(const struct la_directive *item)
{
    return la_config_names_file(item) && *item->args[0] != '/';
}

/* Written as the server would take it; what it refuses it is to see, and to refuse. */
static bool is_number(const char *value)
{
    return *value && !value[strspn(value, "0123456789")];
}

static bool is_yes_or_no(const char *value)
{
    return !strcasecmp(value, "yes") || !strcasecmp(value, "no");
}

static bool is_supervision(const char *value)
{
    static const char *const values[] = {"no", "upstart", "systemd", "auto"};
    return LA_IS_AMONG(value, values);
}

/* A directive that the server is not to see: see the header. */
static bool is_hidden(const struct asking *asking, const struct la_directive *item)
{
    static const struct {
        const char *name;
        bool (*takes)(const char *value); /* NULL: anything */
    } hidden[] = {{"logfile", NULL},
                  {"pidfile", NULL},
                  {"syslog-enabled", is_yes_or_no},
                  {"unixsocket", NULL},
                  {"unixsocketperm", is_number},
                  {"tls-port", is_number},
                  {"tls-replication", is_yes_or_no},
                  {"tls-cluster", is_yes_or_no},
                  {"cluster-enabled", is_yes_or_no},
                  {"cluster-config-file", NULL},
                  {"supervised", is_supervision}};
    static const char *const primary[] = {"replicaof", "slaveof"};
    static const char *const sent[] = {"CONFIG", "ACL", "AUTH", "PING"};
    if (is_relative(item) || (item->count == 2 && LA_IS_AMONG(item->name, primary)))
        return true;
    if (item->count == 2 && !strcmp(item->name, "rename-command"))
        return LA_IS_AMONG(item->args[0], sent);
    if (item->count != 1)
        return false;
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (!strcmp(item->name, hidden[i].name))
            return !hidden[i].takes || hidden[i].takes(item->args[0]);
    return !strcmp(item->name, "dir") && is_elsewhere(asking, item);
}

static void find_hidden(struct asking *asking)
{
    const struct la_config *config = asking->config;
    asking->hidden = la_alloc(config->count + 1, sizeof(struct la_directive *));
    for (size_t i = 0; i < config->count; i++)
        if (!config->items[i].opens && is_hidden(asking, &config->items[i]))
            asking->hidden[asking->hidden_count++] = &config->items[i];
}

static bool hides(const struct asking *asking, const char *file, int line)
{
    for (size_t i = 0; i < asking->hidden_count; i++)
        if (asking->hidden[i]->line == line && !strcmp(asking->hidden[i]->file, file))
            return true;
    return false;
}

/*
 * What the server is shown of a file of the configuration: all but what is hidden. To a last line without an end some
 * servers add the first of the next file that an include has found, so it stays without one.
 */
static int show(const struct asking *asking, const char *path, FILE *out, struct la_error *error)
{
    char *text = la_read_file(path, FILE_MAX, NULL, error);
    int number = 0;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        fprintf(out, "%s%s", hides(asking, path, ++number) ? "" : line, rest ? "\n" : "");
    free(text);
    return text ? 0 : -1;
}

/* A copy of an included file, to be mounted over it. */
static int shadow(struct asking *asking, const char *path, struct la_error *error)
{
    char copy[LA_PATH_MAX];
    la_path(copy, "%s/seen-%zu", asking->dir, asking->view.shadows.count / 2);
    FILE *file = fopen(copy, "wxe");
    if (!file)
        return la_fail(error, "%s: %s", copy, strerror(errno));
    int result = show(asking, path, file, error);
    if (fclose(file) && !result)
        result = la_fail(error, "%s: %s", copy, strerror(errno));
    la_strings_add(&asking->view.shadows, la_strdup(copy));
    la_strings_add(&asking->view.shadows, la_strdup(path));
    return result;
}

/* The file that the server is started with: the user's, and behind it the lines that the node was given. */
static int write_main(const struct asking *asking, const char *path, const struct la_node *node, struct la_error *error)
{
    char own[LA_PATH_MAX];
    la_path(own, "%s/redis.conf", node->dir);
    char *lines = la_read_file(own, FILE_MAX, NULL, error);
    FILE *file = lines ? fopen(own, "we") : NULL;
    if (lines && !file)
        la_fail(error, "%s: %s", own, strerror(errno));
    int result = file ? show(asking, path, file, error) : -1;
    if (!result)
        fprintf(file, "\n%s", lines);
    if (file && fclose(file) && !result)
        result = la_fail(error, "%s: %s", own, strerror(errno));
    free(lines);
    return result;
}

static bool is_shadowed(const struct asking *asking, const char *path)
{
    for (size_t i = 1; i < asking->view.shadows.count; i += 2)
        if (!strcmp(asking->view.shadows.items[i], path))
            return true;
    return false;
}

static int show_all(struct asking *asking, const char *path, const struct la_node *node, struct la_error *error)
{
    find_hidden(asking);
    int result = write_main(asking, path, node, error);
    for (size_t i = 0; i < asking->hidden_count && !result; i++)
        if (asking->hidden[i]->part && !is_shadowed(asking, asking->hidden[i]->file))
            result = shadow(asking, asking->hidden[i]->file, error);
    return result;
}

/* ---- Asking ---- */

/* The ACL file with the harness in it. */
static int write_users(struct asking *asking, const char *path, const char *login, struct la_error *error)
{
    char copy[LA_PATH_MAX];
    char *text = la_read_file(path, FILE_MAX, NULL, error);
    la_path(copy, "%s/users", asking->dir);
    FILE *file = text ? fopen(copy, "wxe") : NULL;
    if (text && !file)
        la_fail(error, "%s: %s", copy, strerror(errno));
    if (file)
        fprintf(file, "%s\n%s\n", text, login);
    bool written = file && fclose(file) == 0;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        la_config_acl_secrets(line, &asking->secrets);
    free(text);
    la_config_set(&asking->own, "aclfile", copy);
    return written ? 0 : -1;
}

/* Files that are named relative to the data folder, by their whole names. */
static int add_files(struct asking *asking, const char *login, struct la_error *error)
{
    int result = 0;
    for (size_t i = 0; i < asking->config->count && !result; i++) {
        const struct la_directive *item = &asking->config->items[i];
        char path[LA_PATH_MAX];
        bool users = !strcmp(item->name, "aclfile") && la_config_names_file(item);
        if (!users && !is_relative(item))
            continue;
        la_path_from(path, asking->config->folder, item->args[0]);
        if (users)
            result = write_users(asking, path, login, error);
        else
            la_config_add(&asking->own, item, path);
    }
    return result;
}

/* The lines of ours. */
static int prepare_own(struct asking *asking, struct la_error *error)
{
    struct la_config *own = &asking->own;
    const struct la_config *copy = asking->copy;
    char *login = copy->user ? la_config_login(copy) : la_format("requirepass \"%s\"", copy->password);
    int result = add_files(asking, login, error);
    char *acl_file = la_config_get(own, "aclfile");
    if (!result && copy->password && !acl_file)
        result = la_config_append(own, login, "lastack", error);
    own->user = copy->user ? la_strdup(copy->user) : NULL;
    own->password = copy->password ? la_strdup(copy->password) : NULL;
    la_config_secrets(asking->config, &asking->secrets);
    free(acl_file);
    free(login);
    return result;
}

/* A server's words, which may quote the line that it does not like, as it stands in the file. */
static char *without_secrets(const struct asking *asking, const char *words)
{
    const char *quoted = strstr(words, ">>> '");
    char name[64] = "";
    if (quoted && sscanf(quoted + 5, "%63[A-Za-z0-9-]", name) == 1 && la_config_is_secret(name))
        return la_format("%.*s>>> '%s ...'", (int)(quoted - words), words, name);
    for (size_t i = 0; i < asking->secrets.count; i++)
        if (strstr(words, asking->secrets.items[i]))
            return la_strdup("the server ends at once; its last words hold a secret");
    return la_strdup(words);
}

static void ask(struct la_original *original, const struct asking *asking, struct la_node *node,
                unsigned int timeout_ms)
{
    struct la_error error;
    redisContext *client = la_node_spawn(node, &error) ? NULL : la_probe_reach(node, timeout_ms, &error);
    bool refused =
        !client && node->exits && WIFEXITED(node->exit_status) && WEXITSTATUS(node->exit_status) != LA_NODE_UNSTARTED;
    if (client) {
        la_probe_ask_settings(client, &node->address, &original->settings);
        la_probe_ask_users(client, &node->address, &original->users);
        la_client_close(client);
    }
    if (refused)
        original->refused = without_secrets(asking, error.text);
    else if (!client)
        original->unasked = without_secrets(asking, error.text);
    else if (!original->settings.count)
        original->unasked = la_strdup("it does not answer CONFIG GET");
}

int la_original_ask(struct la_original *original, const char *server, const char *path, const struct la_config *config,
                    const struct la_config *copy, const char *dir, unsigned int timeout_ms, struct la_error *error)
{
    static const struct la_scenario bare;
    static char name[] = "original";
    static const struct la_node_spec spec = {.name = name};
    struct asking asking = {.config = config, .copy = copy, .dir = dir, .view = {.began = config->began}};
    struct la_node node = {.folder = -1};
    const struct la_server asked = {.path = server, .base = &asking.own, .view = &asking.view};
    int result = prepare_own(&asking, error);
    if (!result)
        result = la_node_create(&node, &spec, &asked, &bare, dir, NULL, error);
    if (!result)
        result = show_all(&asking, path, &node, error);
    if (!result)
        ask(original, &asking, &node, timeout_ms);
    la_node_free(&node);
    la_empty_folder(dir); /* there are the user's secrets in it */
    rmdir(dir);
    la_config_free(&asking.own);
    la_strings_free(&asking.secrets);
    la_strings_free(&asking.view.shadows);
    free(asking.hidden);
    return result;
}

/* ---- Comparing ---- */

static const char *value_of(const struct la_strings *settings, const char *name)
{
    for (size_t i = 0; i + 1 < settings->count; i += 2)
        if (!strcasecmp(settings->items[i], name))
            return settings->items[i + 1];
    return NULL;
}

static bool has(const struct la_strings *lines, const char *line)
{
    for (size_t i = 0; i < lines->count; i++)
        if (!strcmp(lines->items[i], line))
            return true;
    return false;
}

static void compare_users(const struct la_strings *some, const struct la_strings *others, const char *where,
                          struct la_strings *differences)
{
    for (size_t i = 0; i < some->count; i++)
        if (!has(others, some->items[i]))
            la_strings_add(differences, la_format("only %s: %.*s", where, VALUE_SHOWN, some->items[i]));
}

void la_original_compare(const struct la_original *original, const struct la_config *copy, const struct la_probe *probe,
                         struct la_strings *differences)
{
    if (original->refused)
        la_strings_add(differences, la_format("as it lies, %s", original->refused));
    for (size_t i = 0; i + 1 < original->settings.count; i += 2) {
        const char *name = original->settings.items[i];
        const char *has_copy = value_of(&probe->settings, name);
        if (has_copy && strcmp(has_copy, original->settings.items[i + 1]) != 0 && !la_config_may_differ(copy, name))
            la_strings_add(differences, la_format("%s is '%.*s' as it lies, and '%.*s' in the copy", name, VALUE_SHOWN,
                                                  original->settings.items[i + 1], VALUE_SHOWN, has_copy));
    }
    if (!original->users.count || !probe->users.count)
        return;
    compare_users(&original->users, &probe->users, "as it lies", differences);
    compare_users(&probe->users, &original->users, "in the copy", differences);
}

void la_original_free(struct la_original *original)
{
    la_strings_free(&original->settings);
    la_strings_free(&original->users);
    free(original->refused);
    free(original->unasked);
}
