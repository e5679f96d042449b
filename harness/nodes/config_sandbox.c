/* Making a user's redis.conf safe to run: one row for each directive that cannot stay as it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/copy.h"
#include "nodes/config.h"

enum treatment {
    DROP,   /* removed: the harness sets it, or nothing may */
    COPY,   /* a file that the server reads: copied into the sandbox */
    SECRET, /* replaced by a password of ours */
};

static const struct {
    const char *name;
    enum treatment treatment;
    const char *why;
} table[] = {
    {"dir", DROP, "moved into the sandbox"},
    {"port", DROP, "a free port is chosen"},
    {"bind", DROP, "127.0.0.1 only"},
    {"bind-source-addr", DROP, "127.0.0.1 only"},
    {"protected-mode", DROP, "127.0.0.1 only"},
    {"unixsocket", DROP, "no socket outside the sandbox"},
    {"unixsocketperm", DROP, "no socket outside the sandbox"},
    {"tls-port", DROP, "the harness speaks plain TCP"},
    {"tls-replication", DROP, "the harness speaks plain TCP"},
    {"tls-cluster", DROP, "the harness speaks plain TCP"},
    {"tls-key-file-pass", DROP, "a secret"},
    {"tls-client-key-file-pass", DROP, "a secret"},
    {"logfile", DROP, "captured by the harness"},
    {"syslog-enabled", DROP, "would write outside the sandbox"},
    {"pidfile", DROP, "would write outside the sandbox"},
    {"daemonize", DROP, "would escape supervision"},
    {"supervised", DROP, "would escape supervision"},
    {"replicaof", DROP, "would reach the outside world"},
    {"slaveof", DROP, "would reach the outside world"},
    {"replica-announce-ip", DROP, "would reach the outside world"},
    {"replica-announce-port", DROP, "would reach the outside world"},
    {"masterauth", DROP, "a secret"},
    {"masteruser", DROP, "belongs to masterauth"},
    {"primaryauth", DROP, "a secret"},
    {"primaryuser", DROP, "belongs to primaryauth"},
    {"min-replicas-to-write", DROP, "the replicas of the original are not here"},
    {"min-slaves-to-write", DROP, "the replicas of the original are not here"},
    {"loglevel", DROP, "the harness reads the log, at its usual level"},
    {"cluster-enabled", DROP, "would reach the outside world"},
    {"cluster-config-file", DROP, "belongs to cluster-enabled"},
    {"cluster-announce-ip", DROP, "would reach the outside world"},
    {"cluster-announce-hostname", DROP, "would reach the outside world"},
    {"sentinel", DROP, "would reach the outside world"},
    {"requirepass", SECRET, "a secret"},
    {"aclfile", COPY, "copied into the sandbox"},
    {"loadmodule", COPY, "copied into the sandbox"},
    {"tls-cert-file", COPY, "copied into the sandbox"},
    {"tls-key-file", COPY, "copied into the sandbox"},
    {"tls-client-cert-file", COPY, "copied into the sandbox"},
    {"tls-client-key-file", COPY, "copied into the sandbox"},
    {"tls-dh-params-file", COPY, "copied into the sandbox"},
    {"tls-ca-cert-file", COPY, "copied into the sandbox"},
    {"tls-ca-cert-dir", COPY, "copied into the sandbox"},
};

static int row_of(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, name))
            return (int)i;
    return -1;
}

static void note(struct la_config *config, const struct la_directive *item, const char *what)
{
    la_strings_add(&config->changed,
                   la_format("%s: %s (%s:%d)", item->name, what, item->file ? item->file : "-", item->line));
}

static const char *own_password(struct la_config *config)
{
    if (config->password)
        return config->password;
    unsigned char bytes[16];
    char text[2 * sizeof bytes + 1] = "";
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        memset(bytes, 0x5a, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    config->password = la_strdup(text);
    return config->password;
}

static void replace_arg(struct la_directive *item, int index, const char *value)
{
    free(item->args[index]);
    item->args[index] = la_strdup(value);
}

/* The copy is dir/files/N: a name of 255 bytes has no room for more. */
static int copy_in(struct la_directive *item, const char *dir, size_t number, struct la_error *error)
{
    char target[LA_PATH_MAX];
    struct stat st;
    la_path(target, "%s/files", dir);
    if (la_make_dirs(target, error))
        return -1;
    la_path(target, "%s/files/%zu", dir, number);
    struct la_error inner;
    if (stat(item->args[0], &st))
        return la_fail(error, "%s:%d: %s %s: %m", item->file, item->line, item->name, item->args[0]);
    bool is_dir = S_ISDIR(st.st_mode);
    if (is_dir && strcmp(item->name, "tls-ca-cert-dir") != 0)
        return la_fail(error, "%s:%d: %s %s: is a directory", item->file, item->line, item->name, item->args[0]);
    if (is_dir && la_make_dirs(target, error))
        return -1;
    if (is_dir ? la_copy_given(item->name, item->args[0], target, &inner) : la_copy_file(item->args[0], target, &inner))
        return la_fail(error, "%s:%d: %s: %s", item->file, item->line, item->name, inner.text);
    replace_arg(item, 0, target);
    return 0;
}

/* A word of an ACL rule without its secret: passwords added (>, #) become our own, removed ones (<, !) nothing. */
static char *hidden(struct la_config *config, const char *word)
{
    if (*word == '>' || *word == '#')
        return la_format(">%s", own_password(config));
    return la_strdup(*word == '<' || *word == '!' ? "" : word);
}

static void drop_empty_args(struct la_directive *item)
{
    int kept = 0;
    for (int i = 0; i < item->count; i++) {
        if (*item->args[i])
            item->args[kept++] = item->args[i];
        else
            free(item->args[i]);
    }
    item->count = kept;
}

/* `user` lines: passwords in them, plain (>) or hashed (#), become our own. */
static void hide_user_passwords(struct la_config *config, struct la_directive *item)
{
    for (int i = 1; i < item->count; i++) {
        char *own = hidden(config, item->args[i]);
        replace_arg(item, i, own);
        free(own);
    }
    drop_empty_args(item);
    note(config, item, "passwords replaced, a secret");
}

/* The same in the copy of an ACL file, plus a user for the harness. */
static int rewrite_acl_file(struct la_config *config, const char *path, struct la_error *error)
{
    char *text = la_read_file(path, 1 << 20, NULL, error);
    FILE *file = text ? fopen(path, "w") : NULL;
    if (!file) {
        free(text);
        return text ? la_fail(error, "%s: %m", path) : -1;
    }
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *words = line;
        for (char *word; (word = strsep(&words, " ")); fputs(words ? " " : "", file)) {
            char *own = hidden(config, word);
            fputs(own, file);
            free(own);
        }
        fputc('\n', file);
    }
    fprintf(file, "user lastack on >%s ~* &* +@all\n", own_password(config));
    free(text);
    return fclose(file) ? la_fail(error, "%s: %m", path) : 0;
}

static int add_own_user(struct la_config *config, struct la_error *error)
{
    char *line = la_format("user lastack on >%s ~* &* +@all", own_password(config));
    int result = la_config_append(config, line, "lastack", error);
    free(line);
    config->user = la_strdup("lastack");
    return result;
}

static void note_renamed(struct la_config *config, const struct la_directive *item)
{
    if (item->count != 2)
        return;
    la_strings_add(&config->renamed, la_strdup(item->args[0]));
    la_strings_add(&config->renamed, la_strdup(item->args[1]));
}

static void drop(struct la_config *config, size_t row)
{
    for (size_t i = 0; i < config->count; i++)
        if (!strcmp(config->items[i].name, table[row].name))
            note(config, &config->items[i], table[row].why);
    la_config_set(config, table[row].name, NULL);
}

/* One directive that stays, perhaps changed. */
static int treat(struct la_config *config, size_t number, const char *dir, struct la_error *error)
{
    struct la_directive *item = &config->items[number];
    if (!strcmp(item->name, "user"))
        hide_user_passwords(config, item);
    int row = row_of(item->name);
    if (row < 0 || item->count < 1 || !*item->args[0])
        return 0;
    note(config, item, table[row].why);
    if (table[row].treatment == SECRET)
        replace_arg(item, 0, own_password(config));
    return table[row].treatment == COPY ? copy_in(item, dir, number, error) : 0;
}

/* Clients' own limit would end the harness's connections when it reads what is larger; replicas keep theirs. */
static void lift_client_limit(struct la_config *config)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct la_directive *item = &config->items[i];
        for (int arg = 0; !strcmp(item->name, "client-output-buffer-limit") && arg + 3 < item->count; arg += 4)
            if (!strcasecmp(item->args[arg], "normal") && strcmp(item->args[arg + 1], "0") != 0) {
                note(config, item, "none for the class normal: the harness reads what is larger");
                replace_arg(&config->items[i], arg + 1, "0");
                replace_arg(&config->items[i], arg + 2, "0");
            }
    }
}

int la_config_sandbox(struct la_config *config, const char *dir, struct la_error *error)
{
    char *tls_port = la_config_get(config, "tls-port");
    config->tls = tls_port && strcmp(tls_port, "0") != 0;
    free(tls_port);
    lift_client_limit(config);
    for (size_t row = 0; row < sizeof table / sizeof *table; row++)
        if (table[row].treatment == DROP)
            drop(config, row);
    bool users = false;
    for (size_t i = 0; i < config->count; i++) {
        if (treat(config, i, dir, error))
            return -1;
        users = users || !strcmp(config->items[i].name, "user");
    }
    char *acl_file = la_config_get(config, "aclfile");
    int result = 0;
    if (acl_file && *acl_file) {
        config->user = la_strdup("lastack");
        result = rewrite_acl_file(config, acl_file, error);
    } else if (users) {
        result = add_own_user(config, error);
    }
    la_config_renew_login(config);
    free(acl_file);
    return result;
}

static bool is_own(const struct la_directive *item)
{
    bool named = !strcmp(item->name, "aclfile") || !strcmp(item->name, "loadmodule");
    return named && item->count > 0 && *item->args[0];
}

int la_config_own_files(struct la_config *config, const char *folder, struct la_error *error)
{
    for (size_t i = 0; i < config->count; i++) {
        struct la_directive *item = &config->items[i];
        char own[LA_PATH_MAX];
        if (!is_own(item))
            continue;
        la_path(own, "%s/%s-%zu", folder, item->name, i);
        if (la_copy_file(item->args[0], own, error))
            return -1;
        replace_arg(item, 0, own);
    }
    return 0;
}

int la_config_rebase(struct la_config *config, const char *folder, struct la_error *error)
{
    for (size_t i = 0; i < config->count; i++) {
        struct la_directive *item = &config->items[i];
        char own[LA_PATH_MAX];
        if (!is_own(item))
            continue;
        const char *slash = strrchr(item->args[0], '/');
        la_path(own, "%s/%s", folder, slash ? slash + 1 : item->args[0]);
        if (access(own, R_OK))
            return la_fail(error, "%s: %s names it, and it is not there: %m", own, item->name);
        replace_arg(item, 0, own);
    }
    return 0;
}

/* "user lastack on >PASSWORD ..." */
static void take_login(struct la_config *config, const char *line)
{
    char password[128];
    if (sscanf(line, "user lastack on >%127s", password) != 1)
        return;
    free(config->user);
    free(config->password);
    config->user = la_strdup("lastack");
    config->password = la_strdup(password);
}

void la_config_renew_login(struct la_config *config)
{
    la_strings_free(&config->renamed);
    for (size_t i = 0; i < config->count; i++)
        if (!strcmp(config->items[i].name, "rename-command"))
            note_renamed(config, &config->items[i]);
    if (config->user)
        return;
    free(config->password);
    config->password = la_config_get(config, "requirepass");
    if (config->password && !*config->password) { /* legal, and means none */
        free(config->password);
        config->password = NULL;
    }
}

int la_config_find_login(struct la_config *config, struct la_error *error)
{
    la_config_renew_login(config);
    char *user = la_config_get(config, "user");
    char *line = user ? la_format("user %s", user) : NULL;
    if (line)
        take_login(config, line);
    free(line);
    free(user);
    char *path = la_config_get(config, "aclfile");
    char *text = path && *path ? la_read_file(path, 1 << 20, NULL, error) : NULL;
    bool failed = path && *path && !text;
    char *rest = text;
    for (char *next; (next = strsep(&rest, "\n"));)
        take_login(config, next);
    free(text);
    free(path);
    return failed ? -1 : 0;
}
