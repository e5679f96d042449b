#include "nodes/node.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/copy.h"
#include "driver/notify.h"
#include "redis/parts.h"
#include "redis/roles.h"
#include "shared/actions.h"

/* Redis takes the name of its file for a pattern. */
static int open_folder(struct la_node *node, struct la_error *error)
{
    if (!node->dir[strcspn(node->dir, "*?[")])
        return 0;
    node->folder = open(node->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return node->folder < 0 ? la_fail(error, "%s: %s", node->dir, strerror(errno)) : 0;
}

/* The folder with its redis.conf, as the server is to find it. */
static void seen_folder(const struct la_node *node, const char *below, char out[LA_PATH_MAX])
{
    if (node->folder >= 0)
        la_path(out, "/proc/%d/fd/%d%s", (int)getpid(), node->folder, below);
    else
        la_path(out, "%s%s", node->dir, below);
}

/* Below the node's folder: that in which its redis.conf is read, and written. */
static const char *config_folder(const struct la_node *node)
{
    return node->spec->config_file ? node->data + strlen(node->dir) : "";
}

/*
 * Beside its data it is kept in any case, for whoever reads the bundle. Among data that a server has left, it is what
 * the server has made of ours; among somebody's, nothing says what it leads to.
 */
static int write_config(const struct la_node *node, struct la_error *error)
{
    char seen[LA_PATH_MAX];
    char path[LA_PATH_MAX];
    seen_folder(node, "", seen);
    if (la_config_write(&node->config, node->dir, seen, error))
        return -1;
    if (!node->spec->config_file || node->server->data_is_left)
        return 0;
    la_path(path, "%s/redis.conf", node->data);
    unlink(path);
    seen_folder(node, config_folder(node), seen);
    return la_config_write(&node->config, node->data, seen, error);
}

int la_node_create(struct la_node *node, const struct la_node_spec *spec, const struct la_server *server,
                   const struct la_scenario *scenario, const char *dir, const struct la_node *primary,
                   struct la_error *error)
{
    *node = (struct la_node){.spec = spec, .server = server, .folder = -1};
    char path[LA_PATH_MAX];
    la_path(node->dir, "%s/%s", dir, spec->name);
    la_path(node->program, "%s", server->path);
    if (la_power_prepare(&node->power, scenario->power_cut, server->means, node->dir, node->data, error))
        return -1;
    if (server->data && !primary && la_copy_tree(server->data, node->data, error))
        return -1;
    if (la_node_configure(node, scenario, primary, error))
        return -1;
    bool simulated = node->power.method == LA_POWER_SIMULATED;
    if (simulated && (!server->shim || server->outside))
        return la_fail(error, "a simulated power cut needs libfaultinject.so inside the server");
    if (la_check_own(node->data, error) || open_folder(node, error))
        return -1;
    if (write_config(node, error))
        return -1;
    la_path(path, "%s/control", node->dir);
    if (node->spec->memory_mb && la_memory_create(&node->memory, node->spec->memory_mb, error))
        return -1;
    if (la_power_begin(&node->power, node->data, error))
        return -1;
    const struct fi_control_plan plan = {.data_dir = node->data,
                                         .side_dir = simulated ? node->power.side : NULL,
                                         .roles = la_roles,
                                         .role_count = LA_ROLE_COUNT,
                                         .seed = server->seed,
                                         .backend = server->outside ? FI_BACKEND_NOTIFY : FI_BACKEND_PRELOAD};
    node->control = fi_control_create(path, &plan, error->text, sizeof error->text);
    if (!node->control)
        return -1;
    la_power_announce(&node->power, node->control);
    return 0;
}

/* What the environment of the harness preloads is no part of the server under test: see la_prepare_limits. */
static void preload(const struct la_node *node, const char *control)
{
    setenv("LD_PRELOAD", node->server->shim, 1);
    setenv(FI_CONTROL_ENV, control, 1);
}

/* Where the machine gives them to those who ask (madvise). A server's own jemalloc has a prefix to its variable. */
static void ask_for_huge_pages(void)
{
    setenv("MALLOC_CONF", "thp:always", 1);
    setenv("JE_MALLOC_CONF", "thp:always", 1);
    setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1);
}

/* A redis.conf among the data may be of another place and port. */
static void become_program(const struct la_node *node, const char *config)
{
    char port[16];
    snprintf(port, sizeof port, "%d", node->address.port);
    if (node->spec->sentinel_of)
        execl(node->program, node->program, config, "--sentinel", (char *)NULL);
    else if (node->spec->config_file)
        execl(node->program, node->program, config, "--port", port, "--dir", node->data, (char *)NULL);
    else
        execl(node->program, node->program, config, (char *)NULL);
}

/* In the child: from here to exec only what is safe after fork. */
static void become_server(const struct la_node *node, const char *config, const char *control,
                          const struct fi_notify *notify, int log)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL); /* which whoever starts it may ignore */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    const struct la_view *view = node->server->view;
    const char *lacks = view ? la_view_enter(view, node->dir) : !chdir(node->dir) ? NULL : "its folder is not there";
    if (lacks) {
        dprintf(STDERR_FILENO, "lastack: %s: %s\n", lacks, strerror(errno));
        _exit(LA_NODE_UNSTARTED);
    }
    if (*node->memory.group.path && la_memory_join(&node->memory)) {
        dprintf(STDERR_FILENO, "lastack: %s: %s\n", node->memory.group.path, strerror(errno));
        _exit(LA_NODE_UNSTARTED);
    }
    if (node->spec->huge_pages)
        ask_for_huge_pages();
    unsetenv("LD_PRELOAD");
    if (node->server->shim && !notify)
        preload(node, control);
    int refused = notify ? fi_notify_install(notify, node->control) : 0;
    if (refused) {
        dprintf(STDERR_FILENO, "lastack: no seccomp user notification here: %s\n", strerror(-refused));
        _exit(LA_NODE_UNSTARTED);
    }
    become_program(node, config);
    dprintf(STDERR_FILENO, "lastack: cannot run %s: %s\n", node->program, strerror(errno));
    _exit(127);
}

/* Forks the supervisor of a server that is driven from outside. It ends with the last of the server's processes. */
static int supervise(struct la_node *node, struct fi_notify *notify, struct la_error *error)
{
    int opened = fi_notify_open(notify);
    if (opened)
        return la_fail(error, "socketpair: %s", strerror(-opened));
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setsid(); /* a Ctrl-C is for the run, which ends the server first */
        _exit(fi_notify_serve(notify, node->control) ? 1 : 0);
    }
    if (pid < 0) {
        fi_notify_close(notify);
        return la_fail(error, "fork: %s", strerror(errno));
    }
    node->supervisor = pid;
    return 0;
}

bool la_node_preloaded(const struct la_node *node, pid_t pid)
{
    char path[64];
    char line[LA_PATH_MAX + 128];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = node->control->attached ? fopen(path, "re") : NULL;
    while (maps && !found && fgets(line, sizeof line, maps))
        found = strstr(line, node->server->shim) != NULL;
    if (maps)
        fclose(maps);
    return found;
}

static uint64_t size_of_log(const struct la_node *node)
{
    struct stat st;
    char path[LA_PATH_MAX];
    la_path(path, "%s/log", node->dir);
    return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

bool la_node_floods(const struct la_node *node)
{
    return size_of_log(node) > LA_LOG_MAX;
}

int la_node_spawn(struct la_node *node, struct la_error *error)
{
    struct fi_notify notify;
    char config[LA_PATH_MAX];
    char control[LA_PATH_MAX];
    char path[LA_PATH_MAX];
    seen_folder(node, config_folder(node), path);
    la_path(config, "%s/redis.conf", path);
    la_path(control, "%s/control", node->dir);
    la_path(path, "%s/log", node->dir);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0)
        return la_fail(error, "%s: %s", path, strerror(errno));
    if (node->server->outside && supervise(node, &notify, error)) {
        close(log);
        return -1;
    }
    node->log_start = size_of_log(node);
    node->oom_kills = la_oom_kills();
    uint64_t began = la_now_ns(); /* before the server can meet a rule, however late we are told of it */
    pid_t pid = fork();
    if (pid == 0)
        become_server(node, config, control, node->server->outside ? &notify : NULL, log);
    close(log);
    if (node->server->outside)
        fi_notify_close(&notify);
    if (pid < 0)
        return la_fail(error, "fork: %s", strerror(errno));
    node->pid = node->server_pid = pid;
    node->leaving = 0;
    node->groups[node->starts++ % LA_STARTS_MAX] = pid;
    node->spawn_ns = began;
    node->restart_due_ns = 0;
    node->served = node->seen = false;
    return 0;
}

/* systemd's idea of a clean end: status 0, or one of the signals that ask for one. */
static bool clean(int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status) == 0;
    int signal = WTERMSIG(status);
    return signal == SIGHUP || signal == SIGINT || signal == SIGTERM || signal == SIGPIPE;
}

#define LEAVE_NS UINT64_C(10000000000)

#define AFTERMATH_NS UINT64_C(10000000000)

enum { LED_TO_NS = 100000000 }; /* a server that ends because of an error does so at once */

/* What a rule does, by its number; for one that is none, nothing. */
static const struct fi_action_row *action_of(const struct la_node *node, uint32_t index)
{
    static const struct fi_action_row nothing;
    uint32_t action = index < FI_RULES_MAX ? node->control->rules[index].action : FI_DO_COUNT;
    return action < FI_DO_COUNT ? &fi_actions[action] : &nothing;
}

static bool signals(const struct fi_action_row *action)
{
    return action->argument == FI_ARG_SIGNAL;
}

static bool was_in_last_life(const struct la_node *node, uint64_t time_ns)
{
    return time_ns > node->spawn_ns && time_ns <= node->gone_ns;
}

/*
 * What ends the server by itself, or did harm so shortly before the end that the server may have ended of it; `role` is
 * that of the process that met it.
 */
static bool led_to_end(const struct la_node *node, uint32_t index, uint64_t time_ns, uint32_t role)
{
    if (!was_in_last_life(node, time_ns))
        return false;
    const struct fi_action_row *action = action_of(node, index);
    int status = node->exit_status; /* of a signal a server may die long after: it writes a report first */
    bool of_it =
        signals(action) && WIFSIGNALED(status) && (uint64_t)WTERMSIG(status) == node->control->rules[index].arg;
    bool at_once = node->gone_ns - time_ns < LED_TO_NS;
    bool ends = action->ends_all || (action->ends && role == FI_ROLE_SERVER);
    return ends || of_it || ((action->harms || signals(action)) && at_once);
}

bool la_node_struck_at_start(const struct la_node *node)
{
    for (unsigned int i = 0; i < node->rule_count && !node->served; i++) {
        uint32_t rule = (uint32_t)node->rules[i];
        const struct fi_action_row *action = action_of(node, rule);
        if ((action->ends || signals(action)) && was_in_last_life(node, node->control->rules[rule].last_ns))
            return true;
    }
    return false;
}

bool la_node_harmed(const struct la_node *node)
{
    for (unsigned int i = 0; i < node->rule_count; i++) {
        const struct fi_rule *rule = &node->control->rules[node->rules[i]];
        bool harms = action_of(node, (uint32_t)node->rules[i])->harms || rule->action == FI_DO_HANG;
        if (harms && rule->last_ns > node->spawn_ns)
            return true;
    }
    return false;
}

const char *la_node_end(const struct la_node *node, unsigned int which)
{
    int status = which < LA_STARTS_MAX ? node->ends[which] : node->exit_status;
    if (which == 0 && node->outgrew)
        return "outgrown";
    if (WIFEXITED(status))
        return WEXITSTATUS(status) ? "failed" : "stopped";
    return WTERMSIG(status) == SIGKILL ? "killed" : "crashed";
}

/* The last injection that led to the node's end; 0: there was none. */
static uint64_t injected_at(const struct la_node *node)
{
    uint64_t missing = 0;
    uint64_t count = fi_control_log_count(node->control, &missing);
    uint64_t time = 0;
    for (uint64_t i = 0; i < count; i++) {
        const struct fi_log_entry *entry = &node->control->log[i];
        if (entry->ready && led_to_end(node, entry->rule, entry->time_ns, entry->role))
            time = entry->time_ns;
    }
    for (unsigned int i = 0; missing && i < node->rule_count; i++) { /* more than the log has room for */
        const struct fi_rule *rule = &node->control->rules[node->rules[i]];
        uint32_t role = rule->role == FI_ROLE_ANY ? FI_ROLE_SERVER : rule->role;
        if (rule->last_ns > time && led_to_end(node, (uint32_t)node->rules[i], rule->last_ns, role))
            time = rule->last_ns;
    }
    return time;
}

/*
 * Not killed, and not ended well, with an injection that did harm behind it: since when it was down is not told by
 * that, for it may have served on, but a machine that is busy may let a server take its time to end of an error.
 */
static bool gave_up(const struct la_node *node)
{
    int status = node->exit_status;
    if (clean(status) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
        return false;
    for (unsigned int i = 0; i < node->rule_count; i++) {
        uint64_t last = node->control->rules[node->rules[i]].last_ns;
        bool recent = was_in_last_life(node, last) && node->gone_ns - last < AFTERMATH_NS;
        if (recent && action_of(node, (uint32_t)node->rules[i])->harms)
            return true;
    }
    return false;
}

/* An fsync that the end has cut short has taken until then, at least. */
static void note_sync_under_way(struct la_node *node)
{
    uint64_t began = atomic_exchange(&node->control->sync_began_ns, 0);
    uint64_t end = node->fault_ns ? node->fault_ns : node->gone_ns;
    if (began && end > began && end - began > atomic_load(&node->control->slowest_sync_ns))
        atomic_store(&node->control->slowest_sync_ns, end - began);
}

/* A start that has failed is part of the downtime before it. */
static void note_downtime(struct la_node *node)
{
    bool failed = !la_node_has_served(node) && (WIFEXITED(node->exit_status) || node->fault_ns >= node->gone_ns);
    if (failed && node->down_ns)
        return;
    node->down_ns = node->fault_ns;
    node->down_gone_ns = node->gone_ns;
    node->waited_ns = 0;
}

void la_node_ended(struct la_node *node, int status)
{
    node->leaving = node->server_pid != node->pid ? node->server_pid : 0;
    node->pid = node->server_pid = 0;
    node->gone_ns = la_now_ns();
    node->exit_status = status;
    uint64_t cut_ns = atomic_load(&node->control->cut_ns);
    node->fault_ns = cut_ns ? cut_ns : node->killed_ns ? node->killed_ns : injected_at(node);
    node->power.out = node->power.out || cut_ns;
    node->gave_up = gave_up(node);
    note_sync_under_way(node);
    bool unexplained = !node->fault_ns && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    bool outgrew = unexplained && la_memory_kills(&node->memory);
    node->starved = unexplained && !outgrew && la_oom_kills() > node->oom_kills;
    node->outgrew = node->outgrew || (outgrew && !node->exits);
    if (!node->fault_ns)
        node->fault_ns = node->gone_ns;
    node->killed_ns = 0;
    node->stays = false;
    note_downtime(node);
    if (node->syncs_now > 0) {
        node->syncs_before += node->syncs_now;
        node->syncs_now = 0;
    }
    if (node->exits < LA_STARTS_MAX)
        node->ends[node->exits] = status;
    node->exits++;
    bool wanted =
        node->spec->restart == LA_RESTART_ALWAYS || (node->spec->restart == LA_RESTART_ON_FAILURE && !clean(status));
    if (wanted && node->restarts < node->spec->restart_limit)
        node->restart_due_ns = node->gone_ns + node->spec->restart_delay_ms * UINT64_C(1000000);
}

char *la_node_info(const struct la_node *node)
{
    enum { PATIENCE_MS = 30000 };
    return la_address_info(&node->address, PATIENCE_MS);
}

void la_node_kill_group(const struct la_node *node)
{
    if (node->starts)
        kill(-node->groups[(node->starts - 1) % LA_STARTS_MAX], SIGKILL);
}

bool la_node_lives(const struct la_node *node)
{
    return node->starts && kill(-node->groups[(node->starts - 1) % LA_STARTS_MAX], 0) == 0;
}

bool la_node_leaving(const struct la_node *node)
{
    return node->leaving && kill(node->leaving, 0) == 0 && la_now_ns() - node->gone_ns < LEAVE_NS;
}

void la_node_signal(const struct la_node *node, enum la_scope scope, int signal)
{
    if (node->pid <= 0)
        return;
    if (scope == LA_SCOPE_GROUP)
        kill(-node->pid, signal);
    if (scope != LA_SCOPE_GROUP || node->server_pid != node->pid)
        kill(node->server_pid, signal);
}

void la_node_free(struct la_node *node)
{
    for (unsigned int i = 0; i < node->starts && i < LA_STARTS_MAX; i++)
        kill(-node->groups[i], SIGKILL);
    if (node->pid > 0) {
        kill(node->pid, SIGKILL); /* a start so young that its group does not exist yet */
        waitpid(node->pid, NULL, 0);
    }
    node->pid = 0;
    la_memory_free(&node->memory);
    la_power_free(&node->power);
    if (node->folder >= 0)
        close(node->folder);
    node->folder = -1;
    fi_control_close(node->control);
    node->control = NULL;
    la_config_free(&node->config);
}

char *la_node_part(const struct la_node *node, const char *part)
{
    char *aof_dir = la_config_get(&node->config, "appenddirname");
    char *aof_file = la_config_get(&node->config, "appendfilename");
    char *rdb_file = la_config_get(&node->config, "dbfilename");
    const struct la_layout layout = {node->server->aof_folder, aof_dir ? aof_dir : la_layout_standard.aof_dir,
                                     aof_file ? aof_file : la_layout_standard.aof_file,
                                     rdb_file ? rdb_file : la_layout_standard.rdb_file};
    char *path = la_part_glob(&layout, part);
    free(aof_dir);
    free(aof_file);
    free(rdb_file);
    return path;
}

int la_node_find(const struct la_node *node, const char *file, glob_t *found)
{
    char *part = *file == '@' ? la_node_part(node, file + 1) : la_strdup(file);
    char *data = la_glob_literal(node->data);
    char *pattern = part ? la_format("%s/%s", data, part) : NULL;
    int failed = pattern ? glob(pattern, 0, NULL, found) : GLOB_NOMATCH;
    free(pattern);
    free(part);
    free(data);
    return failed;
}

int la_node_arm(struct la_node *node, const char *text, uint64_t now_ns, struct la_error *error)
{
    struct fi_rule rule;
    struct fi_rule_error why;
    if (fi_rule_parse(text, la_all_roles, LA_ROLE_COUNT + 2, &rule, &why))
        return la_fail(error, "rule '%s', column %d: %s", text, why.column, why.message);
    int index = fi_control_arm(node->control, &rule, now_ns, error->text, sizeof error->text);
    if (index < 0)
        return -1;
    node->rules[node->rule_count++] = index;
    return index;
}

void la_node_disarm(struct la_node *node, unsigned int which)
{
    for (unsigned int i = 0; i < node->rule_count; i++)
        if (!which || which == i + 1)
            fi_control_disarm(node->control, node->rules[i]);
}

/* A zero byte in it is not its end: a blank stands for it. */
static char *read_log(const struct la_node *node)
{
    struct la_error ignored;
    size_t length = 0;
    char path[LA_PATH_MAX];
    la_path(path, "%s/log", node->dir);
    char *text = la_read_file(path, LA_LOG_MAX, &length, &ignored);
    for (size_t i = 0; i < length; i++)
        text[i] = text[i] ? text[i] : ' ';
    return text;
}

unsigned int la_node_log_count(const struct la_node *node, const char *text)
{
    char *log = read_log(node);
    unsigned int count = 0;
    for (const char *at = log; at && (at = strstr(at, text)); at += strlen(text))
        count++;
    free(log);
    return count;
}

/* What a server says of its machine at each start, whatever becomes of it. */
static bool is_chatter(const char *line)
{
    static const char *const chatter[] = {"overcommit", "Transparent Huge",     "somaxconn",         "TCP backlog",
                                          "oO0OoO0",    "Configuration loaded", "Server initialized"};
    bool is = !line[strspn(line, " \t\r")];
    for (size_t i = 0; !is && i < sizeof chatter / sizeof *chatter; i++)
        is = strstr(line, chatter[i]) != NULL;
    return is;
}

/* Of a log's lines those that say something; where some are marked as warnings (#), only those. */
static size_t telling_lines(char *log, const char **lines, size_t room)
{
    size_t count = 0;
    bool warnings = false;
    for (char *line; (line = strsep(&log, "\n"));) {
        bool warns = strstr(line, " # ") != NULL;
        if (is_chatter(line) || (warnings && !warns))
            continue;
        if (warns && !warnings)
            count = 0;
        warnings = warnings || warns;
        lines[count++ % room] = line;
    }
    return count;
}

void la_node_last_words(const struct la_node *node, char *out, size_t size)
{
    enum { LINES = 3 };
    const char *lines[LINES];
    char *log = read_log(node);
    out[0] = '\0';
    if (!log)
        return;
    size_t start = node->log_start < strlen(log) ? node->log_start : 0;
    size_t count = telling_lines(log + start, lines, LINES);
    for (size_t i = count > LINES ? count - LINES : 0; i < count; i++) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s", used ? " " : "", lines[i % LINES]);
    }
    la_printable(out);
    free(log);
}
