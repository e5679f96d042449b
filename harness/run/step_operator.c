/* The steps tool and configure: what an operator does to a node that is down, beside its files. */
#include <errno.h>
#include <hiredis/sds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/install.h"
#include "nodes/config.h"
#include "run/step_files.h"
#include "run/steps.h"
#include "run/tool.h"

enum { OUTPUT_MAX = 1 << 20 };

/* ---- tool ---- */

struct tool {
    char *node;
    char *line;          /* program and arguments; the word @FILE stands for the file's path */
    char *file;          /* glob below the data directory; NULL: none */
    char *input;         /* of its standard input; NULL: nothing */
    bool live;           /* while the node runs; the word @URI stands for how clients reach it */
    unsigned int status; /* with which it is to end */
    char *says;          /* its output must contain this; NULL: anything */
};

static void judge_tool(struct la_run *run, const struct la_node *node, const struct tool *step, int status,
                       const char *output)
{
    struct la_error ignored;
    char *text = la_read_file(output, OUTPUT_MAX, NULL, &ignored);
    char last[200] = "";
    if (text) {
        snprintf(last, sizeof last, "%s", strlen(text) >= sizeof last ? text + strlen(text) - sizeof last + 1 : text);
        la_printable(last);
    }
    la_run_event(run, node->spec->name, "%s -> status %d", step->line, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    if (!WIFEXITED(status) || (unsigned int)WEXITSTATUS(status) != step->status)
        la_run_broken(run, false, "%s: expected to end with status %u, %s %d: %s", step->line, step->status,
                      WIFEXITED(status) ? "ended with" : "ended by signal",
                      WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), last);
    else if (step->says && (!text || !strstr(text, step->says)))
        la_run_broken(run, false, "%s: expected it to say '%s': %s", step->line, step->says, last);
    free(text);
}

/* redis://user:password@127.0.0.1:port. What a password of ours is made of needs no escapes. */
static sds with_login(sds uri, const struct la_address *address)
{
    if (address->password)
        uri = sdscatprintf(uri, "%s:%s@", address->user ? address->user : "default", address->password);
    return sdscatprintf(uri, "127.0.0.1:%d", address->port);
}

/* Words for execv, the first one an absolute path. -1 with a doubt. */
static int resolve(struct la_run *run, const struct tool *step, sds *words, int count, const char *file,
                   const struct la_address *address)
{
    char program[LA_PATH_MAX];
    struct la_error error;
    if (la_parts_program(words[0], program, &error))
        return la_run_doubt(run, "%s", error.text);
    words[0] = sdscpy(words[0], program);
    for (int i = 1; i < count; i++) {
        if (step->file && !strcmp(words[i], "@FILE"))
            words[i] = sdscpy(words[i], file);
        if (step->live && !strcmp(words[i], "@URI"))
            words[i] = with_login(sdscpy(words[i], "redis://"), address);
    }
    return 0;
}

static int run_tool(struct la_run *run, const struct la_spec *spec)
{
    const struct tool *step = (const struct tool *)spec;
    struct la_node *node = la_run_node(run, step->node);
    char output[LA_PATH_MAX];
    int count = 0;
    if (node->pid && !step->live)
        return la_run_doubt(run, "%s is running: a tool is run only while it is down", node->spec->name);
    char *file = step->file ? la_step_one_file(run, node, step->file) : NULL;
    if (step->file && !file)
        return -1;
    sds *words = sdssplitargs(step->line, &count);
    char **argv = la_alloc((size_t)count + 1, sizeof *argv);
    int bad = resolve(run, step, words, count, file, &node->address);
    memcpy(argv, words, (size_t)count * sizeof *argv);
    la_path(output, "%s/tool", node->dir);
    int status = bad ? -1 : la_tool_run(run, node, argv, step->input, output);
    if (status >= 0)
        judge_tool(run, node, step, status, output);
    free(argv);
    sdsfreesplitres(words, count);
    free(file);
    return status < 0 ? -1 : 0;
}

static int check_tool(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct tool *step = (const struct tool *)spec;
    int count = 0;
    (void)index;
    sds *words = sdssplitargs(step->line, &count);
    bool usable = words && count > 0;
    sdsfreesplitres(words, count);
    if (!usable)
        return la_check_wrong(check, "'%s': a program and its arguments, with quotes closed", step->line);
    if (!strstr(step->line, "@FILE") != !step->file)
        return la_check_wrong(check, "'file' and @FILE in 'run' go together");
    return step->file ? la_check_file(check, step->file) : 0;
}

static const cyaml_schema_field_t tool_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct tool, node),
                                                   LA_TEXT("run", LA_REQUIRED, struct tool, line),
                                                   LA_TEXT("file", LA_OPTIONAL, struct tool, file),
                                                   LA_TEXT("input", LA_OPTIONAL, struct tool, input),
                                                   LA_FLAG("live", struct tool, live),
                                                   LA_NUMBER("status", struct tool, status),
                                                   LA_TEXT("says", LA_OPTIONAL, struct tool, says),
                                                   LA_END};

const struct la_step_kind la_step_tool = {
    .form = {"tool", tool_fields, sizeof(struct tool)},
    .check = check_tool,
    .run = run_tool,
};

/* ---- configure ---- */

struct configure {
    char *node;
    char *settings; /* redis.conf lines, added to the file; NULL: none */
    char *server;   /* the program that is started from now on, or @old, @new; NULL: the same */
};

static int add_settings(struct la_node *node, const char *settings, struct la_error *error)
{
    char path[LA_PATH_MAX];
    la_path(path, "%s/redis.conf", node->dir);
    if (la_config_overlay(&node->config, settings, "configure", error))
        return -1;
    la_config_renew_login(&node->config);
    FILE *file = fopen(path, "ae");
    bool written = file && fprintf(file, "\n%s\n", settings) > 0;
    written = file && fclose(file) == 0 && written;
    return written ? 0 : la_fail(error, "%s: %s", path, strerror(errno));
}

/* @new is the server under test, @old that of --old-server; NULL: there is none. */
static const char *program_of(const struct la_run *run, const char *server)
{
    if (!strcmp(server, "@new"))
        return run->options->server.path;
    return strcmp(server, "@old") != 0 ? server : run->options->old_server;
}

static int run_configure(struct la_run *run, const struct la_spec *spec)
{
    const struct configure *step = (const struct configure *)spec;
    struct la_node *node = la_run_node(run, step->node);
    struct la_error error;
    if (node->pid)
        return la_run_doubt(run, "%s is running: it is configured only while it is down", node->spec->name);
    const char *program = step->server ? program_of(run, step->server) : NULL;
    if (step->server && !program)
        return la_run_doubt(run, "'@old' is the server of --old-server, which was not given");
    if (program && la_parts_program(program, node->program, &error))
        return la_run_doubt(run, "%s", error.text);
    if (step->settings && add_settings(node, step->settings, &error))
        return la_run_doubt(run, "%s", error.text);
    la_run_event(run, node->spec->name, "configured anew: %s%s%s", step->settings ? step->settings : "",
                 step->settings && step->server ? ", " : "", step->server ? step->server : "");
    return 0;
}

static int check_configure(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct configure *step = (const struct configure *)spec;
    (void)index;
    if (!step->settings && !step->server)
        return la_check_wrong(check, "'configure' needs settings or server");
    if (step->settings && la_scenario_node(check->scenario, la_spec_node(check->scenario, spec))->config_file)
        return la_check_wrong(check, "'configure': config_file: the server writes that file, and a cut may take it");
    return step->settings ? la_check_settings(check, step->settings) : 0;
}

static const cyaml_schema_field_t configure_fields[] = {
    LA_TEXT("node", LA_OPTIONAL, struct configure, node), LA_TEXT("settings", LA_OPTIONAL, struct configure, settings),
    LA_TEXT("server", LA_OPTIONAL, struct configure, server), LA_END};

const struct la_step_kind la_step_configure = {
    .form = {"configure", configure_fields, sizeof(struct configure)},
    .check = check_configure,
    .run = run_configure,
};
