/* The step measure: one figure, by a name of the scenario's, for expectations and for what a document says. */
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "run/steps.h"
#include "run/wait.h"

struct measure {
    char *node;
    char *name;
    char *unit;
    char *info;          /* a field of INFO */
    char *send;          /* a command: its reply */
    char *files;         /* glob below the data directory: bytes */
    char *mode;          /* the same: permissions, in octal digits, as text */
    char *load;          /* of operations since the last such step: p50, p99, max (ms), rate (a second) */
    char *time;          /* a command: how long its reply takes, ms, by the size of what was filled in */
    bool huge;           /* bytes of the server in transparent huge pages */
    bool written;        /* bytes that it and its children have written to disks since it was started */
    unsigned int fired;  /* the how-many-th rule of the node: how often it has fired */
    bool apart;          /* it is to be foretold by the other samples, and is none of them */
    unsigned int divide; /* what was read is divided by this */
};

enum { LIST_MAX = 64 << 10 };

static void note(struct la_run *run, const struct measure *step, const char *text)
{
    const struct la_sample sample = {.at = (double)la_run_node(run, step->node)->filled_bytes, .apart = step->apart};
    la_measures_read(&run->measures, step->name, step->unit, text, sample, step->divide);
    la_run_event(run, step->node, "%s: %.100s", step->name, text);
}

static int of_info(struct la_run *run, struct la_node *node, const struct measure *step)
{
    char text[256] = "(no such field)";
    struct la_error error;
    redisReply *reply = la_step_send(node, "INFO all", &error);
    bool said = reply && reply->str && strstr(reply->str, "uptime_in_seconds:");
    bool found = said && la_info_field(reply->str, step->info, text, sizeof text);
    freeReplyObject(reply);
    if (!said)
        return la_run_doubt(run, "%s: INFO says nothing", step->name);
    note(run, step, text);
    if (!found)
        la_measures_unread(&run->measures, step->name);
    return 0;
}

static int of_reply(struct la_run *run, struct la_node *node, const struct measure *step)
{
    struct la_error error;
    redisReply *reply = la_step_send(node, step->send, &error);
    bool ends = !strncasecmp(step->send, "SHUTDOWN", 8); /* it is answered by the end of the connection */
    if (!reply && !(ends && la_wait_end(run, node, node->exits) == 0))
        return la_run_doubt(run, "%s: %s", step->name, error.text);
    char *text = la_alloc(LIST_MAX, 1);
    if (!reply)
        snprintf(text, LIST_MAX, "(no reply): %s", error.text);
    else
        la_reply_words(reply, text, LIST_MAX);
    note(run, step, text);
    free(text);
    freeReplyObject(reply);
    return 0;
}

/* How many bytes the files have together, or with `modes` the permissions of the first one. */
static int of_files(struct la_run *run, const struct la_node *node, const struct measure *step, bool modes)
{
    glob_t found = {0};
    unsigned long long bytes = 0;
    unsigned int mode = 0;
    char text[32];
    int failed = la_node_find(node, modes ? step->mode : step->files, &found);
    for (size_t i = 0; !failed && i < found.gl_pathc; i++) {
        struct stat st;
        bool there = stat(found.gl_pathv[i], &st) == 0 && S_ISREG(st.st_mode);
        bytes += there ? (unsigned long long)st.st_size : 0;
        mode = there && !mode ? st.st_mode & 07777 : mode;
    }
    globfree(&found);
    if (failed && (modes || failed != GLOB_NOMATCH))
        return la_run_doubt(run, "%s: '%s' is no file of %s", step->name, modes ? step->mode : step->files,
                            node->spec->name);
    if (modes)
        snprintf(text, sizeof text, "%o", mode);
    else
        snprintf(text, sizeof text, "%llu", bytes);
    note(run, step, text);
    return 0;
}

static int of_time(struct la_run *run, struct la_node *node, const struct measure *step)
{
    struct la_error error;
    uint64_t began = la_now_ns();
    redisReply *reply = la_step_send(node, step->time, &error);
    double ms = (double)(la_now_ns() - began) / 1e6;
    bool failed = !reply || reply->type == REDIS_REPLY_ERROR;
    if (reply && failed)
        la_fail(&error, "%.200s", reply->str);
    freeReplyObject(reply);
    if (failed)
        return la_run_doubt(run, "%s: %s", step->name, error.text);
    la_measures_add(&run->measures, step->name, "ms",
                    (struct la_sample){.value = ms, .at = (double)node->filled_bytes, .apart = step->apart});
    la_run_event(run, node->spec->name, "%s: %s took %.1f ms", step->name, step->time, ms);
    return 0;
}

/* A number in a file of /proc/PID, behind its name. */
static bool kernel_says(const struct la_node *node, const char *file, const char *format, unsigned long long *value)
{
    char path[64];
    char line[128];
    bool said = false;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)node->server_pid, file);
    FILE *stream = node->pid ? fopen(path, "re") : NULL;
    while (stream && !said && fgets(line, sizeof line, stream))
        said = sscanf(line, format, value) == 1;
    if (stream)
        fclose(stream);
    return said;
}

static int of_kernel(struct la_run *run, const struct la_node *node, const struct measure *step)
{
    char text[32];
    unsigned long long value = 0;
    bool said = step->huge ? kernel_says(node, "smaps_rollup", "AnonHugePages: %llu kB", &value)
                           : kernel_says(node, "io", "write_bytes: %llu", &value);
    if (!said)
        return la_run_doubt(run, "%s: the kernel does not say %s", step->name,
                            step->huge ? "how much of it lies in huge pages" : "what it has written");
    snprintf(text, sizeof text, "%llu", step->huge ? value << 10 : value);
    note(run, step, text);
    return 0;
}

static int of_rule(struct la_run *run, const struct la_node *node, const struct measure *step)
{
    char text[32];
    if (step->fired > node->rule_count)
        return la_run_doubt(run, "%s: %s has no rule %u", step->name, node->spec->name, step->fired);
    snprintf(text, sizeof text, "%llu", (unsigned long long)node->control->rules[node->rules[step->fired - 1]].fired);
    note(run, step, text);
    return 0;
}

/* Latencies in ms of what was sent since `since_ns` and answered, sorted, to be freed. `waiting`: also of what is to
 * wait. */
static double *latencies(const struct la_ledger *ledger, uint64_t since_ns, bool waiting, size_t *count)
{
    uint64_t all = la_ledger_count(ledger);
    double *values = la_alloc(all + 1, sizeof *values);
    *count = 0;
    for (uint64_t i = 0; i < all; i++) {
        const struct la_op *op = &ledger->ops[i];
        if (op->outcome == LA_OUTCOME_OK && op->invoked_ns >= since_ns && (waiting || !la_op_waits(op)))
            values[(*count)++] = (double)(op->done_ns - op->invoked_ns) / 1e6;
    }
    qsort(values, *count, sizeof *values, la_ascending);
    return values;
}

static int of_load(struct la_run *run, const struct measure *step)
{
    size_t count = 0;
    char text[32];
    uint64_t now = la_now_ns();
    uint64_t since = run->measured_ns ? run->measured_ns : run->start_ns;
    bool rate = !strcmp(step->load, "rate");
    double *values = latencies(&run->ledger, since, rate, &count);
    double value = 0;
    if (rate)
        value = (double)count / ((double)(now - since) / 1e9);
    else if (count)
        value = !strcmp(step->load, "p50")   ? values[(count - 1) / 2]
                : !strcmp(step->load, "p99") ? values[(count - 1) * 99 / 100]
                                             : values[count - 1];
    free(values);
    if (!count)
        return la_run_doubt(run, "%s: no operation was answered meanwhile", step->name);
    run->measured_ns = now;
    snprintf(text, sizeof text, "%.3f", value);
    note(run, step, text);
    return 0;
}

static int run_measure(struct la_run *run, const struct la_spec *spec)
{
    const struct measure *step = (const struct measure *)spec;
    struct la_node *node = la_run_node(run, step->node);
    if (step->info)
        return of_info(run, node, step);
    if (step->time)
        return of_time(run, node, step);
    if (step->send)
        return of_reply(run, node, step);
    if (step->files || step->mode)
        return of_files(run, node, step, step->mode != NULL);
    if (step->huge || step->written)
        return of_kernel(run, node, step);
    return step->load ? of_load(run, step) : of_rule(run, node, step);
}

static int check_measure(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    static const char *const loads[] = {"p50", "p99", "max", "rate"};
    const struct measure *step = (const struct measure *)spec;
    int sources = !!step->info + !!step->send + !!step->files + !!step->mode + !!step->load + !!step->fired +
                  !!step->time + step->huge + step->written;
    bool known = !step->load;
    (void)index;
    for (size_t i = 0; step->load && i < sizeof loads / sizeof *loads; i++)
        known = known || !strcmp(step->load, loads[i]);
    if (sources != 1)
        return la_check_wrong(check,
                              "'measure' needs one of info, send, time, files, mode, load, huge, written, fired");
    if (!known)
        return la_check_wrong(check, "'load' is p50, p99, max or rate");
    const char *file = step->files ? step->files : step->mode;
    return file ? la_check_file(check, file) : 0;
}

static const char *line_of(const struct la_spec *spec)
{
    const struct measure *step = (const struct measure *)spec;
    return step->send ? step->send : step->time;
}

static bool measures(const struct la_spec *spec, const char *name)
{
    return !strcmp(((const struct measure *)spec)->name, name);
}

bool la_scenario_measures(const struct la_scenario *scenario, const char *name)
{
    for (unsigned int i = 0; i < scenario->step_count; i++) {
        const struct la_step *step = &scenario->steps[i];
        if (step->kind->measures && step->kind->measures(step->spec, name))
            return true;
    }
    return false;
}

static const cyaml_schema_field_t measure_fields[] = {LA_TEXT("node", LA_OPTIONAL, struct measure, node),
                                                      LA_TEXT("name", LA_REQUIRED, struct measure, name),
                                                      LA_TEXT("unit", LA_OPTIONAL, struct measure, unit),
                                                      LA_TEXT("info", LA_OPTIONAL, struct measure, info),
                                                      LA_TEXT("send", LA_OPTIONAL, struct measure, send),
                                                      LA_TEXT("time", LA_OPTIONAL, struct measure, time),
                                                      LA_TEXT("files", LA_OPTIONAL, struct measure, files),
                                                      LA_TEXT("mode", LA_OPTIONAL, struct measure, mode),
                                                      LA_TEXT("load", LA_OPTIONAL, struct measure, load),
                                                      LA_FLAG("huge", struct measure, huge),
                                                      LA_FLAG("written", struct measure, written),
                                                      LA_NUMBER("fired", struct measure, fired),
                                                      LA_FLAG("apart", struct measure, apart),
                                                      LA_NUMBER("divide", struct measure, divide),
                                                      LA_END};

const struct la_step_kind la_step_measure = {
    .form = {"measure", measure_fields, sizeof(struct measure)},
    .check = check_measure,
    .run = run_measure,
    .command = line_of,
    .measures = measures,
    .asks = true,
};
