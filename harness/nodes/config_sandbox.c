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
#include "redis/client.h"

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
    {"slave-announce-ip", DROP, "would reach the outside world"},
    {"slave-announce-port", DROP, "would reach the outside world"},
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
    {"tls-key-file", DROP, "a private key"},
    {"tls-client-cert-file", COPY, "copied into the sandbox"},
    {"tls-client-key-file", DROP, "a private key"},
    {"tls-dh-params-file", COPY, "copied into the sandbox"},
    {"tls-ca-cert-file", COPY, "copied into the sandbox"},
    {"tls-ca-cert-dir", COPY, "copied into the sandbox"},
};

static int row_of(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcasecmp(table[i].name, name))
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

/* In the sandbox, what stands for the user's `dir`: a file that lies in it lies in the data folder of each node. */
#define DIR_PLACE "dir"

/* Makes the folder that a file is to lie in. */
static int make_place(const char *file, struct la_error *error)
{
    char above[LA_PATH_MAX];
    la_path(above, "%.*s", (int)(strrchr(file, '/') - file), file);
    return la_make_dirs(above, error);
}

/* How a path continues behind a folder that it lies in; NULL: it does not. */
static const char *behind(const char *path, const char *folder)
{
    size_t length = folder ? strlen(folder) : 0;
    return length && !strncmp(path, folder, length) && path[length] == '/' ? path + length + 1 : NULL;
}

/*
 * Where the copy is to lie. A server writes its ACL file anew, and what lies in its data folder suffers with it;
 * otherwise it is dir/files/N: a name of 255 bytes has no room for more.
 */
static void target_of(char target[LA_PATH_MAX], const struct la_config *config, const struct la_directive *item,
                      const char *source, const char *dir)
{
    char real[LA_PATH_MAX];
    la_path(target, "%s/files/%zu", dir, (size_t)(item - config->items));
    if (strcmp(item->name, "aclfile") != 0)
        return;
    la_path(real, "%.*s", (int)(strrchr(source, '/') - source), source);
    char *above = realpath(*real ? real : "/", NULL);
    char *data = realpath(config->folder, NULL);
    la_path(real, "%s/%s", above && strcmp(above, "/") != 0 ? above : "", strrchr(source, '/') + 1);
    const char *inside = behind(real, data);
    if (inside)
        la_path(target, "%s/" DIR_PLACE "/%s", dir, inside);
    free(above);
    free(data);
}

/* Names begin in the server's data folder by the time it opens them. */
static int copy_in(const struct la_config *config, struct la_directive *item, const char *dir, struct la_error *error)
{
    char source[LA_PATH_MAX];
    char target[LA_PATH_MAX];
    struct stat st;
    la_path_from(source, config->folder, item->args[0]);
    if (stat(source, &st))
        return la_fail(error, "%s:%d: %s %s: %m", item->file, item->line, item->name, source);
    target_of(target, config, item, source, dir);
    struct la_error inner;
    bool is_dir = S_ISDIR(st.st_mode);
    if (is_dir && strcmp(item->name, "tls-ca-cert-dir") != 0)
        return la_fail(error, "%s:%d: %s %s: is a directory", item->file, item->line, item->name, source);
    if (make_place(target, error) || (is_dir && la_make_dirs(target, error)))
        return -1;
    if (is_dir ? la_copy_given(item->name, source, target, &inner) : la_copy_file(source, target, &inner))
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
    char *login = la_config_login(config);
    fprintf(file, "%s\n", login);
    free(login);
    free(text);
    return fclose(file) ? la_fail(error, "%s: %m", path) : 0;
}

char *la_config_login(const struct la_config *config)
{
    return la_format("user %s on >%s ~* &* +@all", config->user, config->password);
}

static void add_own_user(struct la_config *config)
{
    config->user = la_strdup("lastack");
    own_password(config);
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
    for (int arg = 0; arg < item->count && table[row].treatment == SECRET; arg++)
        replace_arg(item, arg, own_password(config));
    return table[row].treatment == COPY ? copy_in(config, item, dir, error) : 0;
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
    char place[LA_PATH_MAX];
    la_path(place, "%s/" DIR_PLACE, dir);
    la_config_set(config, "dir", place);
    bool has_file = acl_file && *acl_file;
    if (has_file || users)
        add_own_user(config);
    if (has_file) {
        result = rewrite_acl_file(config, acl_file, error);
    } else if (users) {
        char *login = la_config_login(config);
        result = la_config_append(config, login, "lastack", error);
        free(login);
    }
    la_config_renew_login(config);
    free(acl_file);
    return result;
}

bool la_config_is_secret(const char *name)
{
    int row = row_of(name);
    return !strcasecmp(name, "user") || (row >= 0 && !strcmp(table[row].why, "a secret"));
}

bool la_config_names_file(const struct la_directive *item)
{
    int row = row_of(item->name);
    return row >= 0 && table[row].treatment == COPY && item->count > 0 && *item->args[0];
}

void la_config_acl_secrets(const char *line, struct la_strings *secrets)
{
    char *copy = la_strdup(line);
    char *rest = copy;
    for (char *word; (word = strsep(&rest, " "));)
        if (*word && strchr("><#!", *word) && word[1])
            la_strings_add(secrets, la_strdup(word + 1));
    free(copy);
}

void la_config_secrets(const struct la_config *config, struct la_strings *secrets)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct la_directive *item = &config->items[i];
        bool user = !strcmp(item->name, "user");
        for (int arg = 0; arg < item->count && la_config_is_secret(item->name); arg++) {
            if (user)
                la_config_acl_secrets(item->args[arg], secrets);
            else if (*item->args[arg])
                la_strings_add(secrets, la_strdup(item->args[arg]));
        }
    }
}

bool la_config_may_differ(const struct la_config *config, const char *name)
{
    size_t length = strlen(name);
    bool listed = row_of(name) >= 0;
    for (size_t i = 0; i < config->changed.count && !listed; i++)
        listed = !strncmp(config->changed.items[i], name, length) && config->changed.items[i][length] == ':';
    return listed;
}

static bool is_own(const struct la_directive *item)
{
    bool named = !strcmp(item->name, "aclfile") || !strcmp(item->name, "loadmodule");
    return named && item->count > 0 && *item->args[0];
}

/* A copy of a file of the server's own; one that lies in the data is there already where a bundle is replayed. */
static int take_file(struct la_directive *item, const char *to, bool may_lack, struct la_error *error)
{
    bool lacks = may_lack && access(item->args[0], F_OK);
    if (!lacks && !la_same_file(item->args[0], to) && (make_place(to, error) || la_copy_file(item->args[0], to, error)))
        return -1;
    replace_arg(item, 0, to);
    return 0;
}

int la_config_own_files(struct la_config *config, const char *folder, const char *data, struct la_error *error)
{
    int result = 0;
    char *dir = la_config_get(config, "dir");
    for (size_t i = 0; i < config->count && !result; i++) {
        struct la_directive *item = &config->items[i];
        char own[LA_PATH_MAX];
        if (!is_own(item))
            continue;
        const char *inside = behind(item->args[0], dir);
        if (inside)
            la_path(own, "%s/%s", data, inside);
        else
            la_path(own, "%s/%s-%zu", folder, item->name, i);
        result = take_file(item, own, inside, error);
    }
    free(dir);
    la_config_set(config, "dir", data);
    return result;
}

int la_config_rebase(struct la_config *config, const char *folder, const char *data, struct la_error *error)
{
    int result = 0;
    char *dir = la_config_get(config, "dir");
    for (size_t i = 0; i < config->count && !result; i++) {
        struct la_directive *item = &config->items[i];
        char own[LA_PATH_MAX];
        if (!is_own(item))
            continue;
        const char *inside = behind(item->args[0], dir);
        const char *slash = strrchr(item->args[0], '/');
        la_path(own, "%s/%s", inside ? data : folder, inside ? inside : slash ? slash + 1 : item->args[0]);
        if (!inside && access(own, R_OK)) /* what lay in the data may be lost with it */
            result = la_fail(error, "%s: %s names it, and it is not there: %m", own, item->name);
        replace_arg(item, 0, own);
    }
    free(dir);
    la_config_set(config, "dir", data);
    return result;
}

void la_config_renew_login(struct la_config *config)
{
    la_strings_free(&config->renamed);
    for (size_t i = 0; i < config->count; i++)
        if (!strcmp(config->items[i].name, "rename-command"))
            note_renamed(config, &config->items[i]);
    if (config->says_slaveof) {
        const struct la_address address = {.renamed = &config->renamed};
        const char *name = la_address_command(&address, "SLAVEOF");
        la_strings_add(&config->renamed, la_strdup("REPLICAOF"));
        la_strings_add(&config->renamed, la_strdup(name ? name : ""));
    }
    if (config->user)
        return;
    free(config->password);
    config->password = la_config_get(config, "requirepass");
    if (config->password && !*config->password) { /* legal, and means none */
        free(config->password);
        config->password = NULL;
    }
}

void la_config_find_login(struct la_config *config)
{
    config->user = la_config_get(config, "masteruser");
    config->password = config->user ? la_config_get(config, "masterauth") : NULL;
    la_config_renew_login(config);
}
