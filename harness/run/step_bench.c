/*
 * The step bench: how fast, by the tools that everybody has. What is compared takes turns, forwards and backwards.
 * Nothing keeps the processors busy meanwhile: what is measured has waits in it, and a spinner, of SCHED_IDLE even,
 * makes each of them a tick long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/install.h"
#include "run/steps.h"
#include "run/tool.h"

enum { OUTPUT_MAX = 1 << 20, PUMP_EVERY = 64, REPLY_TIMEOUT_MS = 30000, DEFAULT_ROUNDS = 5 };

struct variant {
    char *name;
    char *node;
    unsigned int clients;
    unsigned int pipeline;
    unsigned int requests; /* in each round; 0: as the others */
    unsigned int wait;     /* after each write, WAIT for so many replicas, 2000 ms; 0: none */
    unsigned int fio;      /* bytes of a write of fio's, which takes the turn of the server; 0: it does not */
};

struct bench {
    char *node;
    unsigned int rounds;
    unsigned int requests; /* of each variant in each round, where it does not say */
    unsigned int size;     /* bytes of a value */
    struct variant *of;
    unsigned int of_count;
};

static void add(struct la_run *run, const char *name, const char *suffix, const char *unit, double value)
{
    char *whole = la_format("%s%s", name, suffix);
    la_measures_add(&run->measures, whole, unit, (struct la_sample){.value = value});
    free(whole);
}

/* The line of redis-benchmark's table that the numbers stand in: test, rps, avg, min, p50, p95, p99, max. */
static int read_table(struct la_run *run, const struct variant *variant, const char *output)
{
    struct la_error error;
    double rate = 0;
    double p50 = 0;
    double p99 = 0;
    double max = 0;
    char *text = la_read_file(output, OUTPUT_MAX, NULL, &error);
    const char *row = text ? strstr(text, "\"SET\",") : NULL;
    bool read = row && sscanf(row, "\"SET\",\"%lf\",\"%*[^\"]\",\"%*[^\"]\",\"%lf\",\"%*[^\"]\",\"%lf\",\"%lf\"", &rate,
                              &p50, &p99, &max) == 4;
    bool rate_only = row && !read && sscanf(row, "\"SET\",\"%lf\"", &rate) == 1; /* before 6.2 */
    free(text);
    if ((!read && !rate_only) || rate <= 0)
        return la_run_doubt(run, "bench: redis-benchmark has measured nothing with %s", variant->name);
    add(run, variant->name, "", "requests/s", rate);
    if (rate_only)
        return 0;
    add(run, variant->name, "-p50", "us", p50 * 1000);
    add(run, variant->name, "-p99", "us", p99 * 1000);
    add(run, variant->name, "-max", "us", max * 1000);
    return 0;
}

static unsigned int requests_of(const struct bench *bench, const struct variant *variant)
{
    return variant->requests ? variant->requests : bench->requests;
}

static int by_tool(struct la_run *run, const struct bench *bench, const struct variant *variant)
{
    struct la_node *node = la_run_node(run, variant->node ? variant->node : bench->node);
    char tool[LA_PATH_MAX];
    char output[LA_PATH_MAX];
    char numbers[5][16];
    struct la_error error;
    if (la_parts_program("redis-benchmark", tool, &error))
        return la_run_doubt(run, "bench: %s", error.text);
    snprintf(numbers[0], 16, "%d", node->address.port);
    snprintf(numbers[1], 16, "%u", requests_of(bench, variant));
    snprintf(numbers[2], 16, "%u", variant->clients ? variant->clients : 50);
    snprintf(numbers[3], 16, "%u", variant->pipeline ? variant->pipeline : 1);
    snprintf(numbers[4], 16, "%u", bench->size);
    char *words[24] = {tool,       "-p", numbers[0], "-n", numbers[1], "-c", numbers[2], "-P",
                       numbers[3], "-d", numbers[4], "-r", "100000",   "-t", "set",      "--csv"};
    size_t count = 16;
    if (node->address.password) {
        words[count++] = "-a";
        words[count++] = (char *)node->address.password;
    }
    if (node->address.password && node->address.user) {
        words[count++] = "--user";
        words[count++] = (char *)node->address.user;
    }
    la_path(output, "%s/bench", node->dir);
    int status = la_tool_run(run, node, words, NULL, output);
    if (status < 0)
        return -1;
    int bad = read_table(run, variant, output);
    unlink(output);
    return bad;
}

/* One client, one write after the other, and WAIT behind each where that is asked for. */
static int by_hand(struct la_run *run, const struct bench *bench, const struct variant *variant)
{
    struct la_node *node = la_run_node(run, variant->node ? variant->node : bench->node);
    struct la_error error;
    redisContext *client = la_client_connect(&node->address, REPLY_TIMEOUT_MS, &error);
    if (!client)
        return la_run_doubt(run, "bench: %s", error.text);
    char *value = la_alloc(bench->size + 1, 1);
    memset(value, 'x', bench->size);
    unsigned int requests = requests_of(bench, variant);
    uint64_t began = la_now_ns();
    bool ok = true;
    bool late = false;
    for (unsigned int i = 0; i < requests && ok && !late; i++) {
        redisAppendCommand(client, "SET bench:%u %b", i % 1000, value, (size_t)bench->size);
        redisReply *reply = la_client_reply(client);
        ok = reply && reply->type != REDIS_REPLY_ERROR;
        freeReplyObject(reply);
        if (!ok || !variant->wait)
            continue;
        redisAppendCommand(client, "WAIT %u 2000", variant->wait);
        reply = la_client_reply(client);
        ok = reply && reply->type == REDIS_REPLY_INTEGER;
        late = ok && reply->integer < (long long)variant->wait;
        freeReplyObject(reply);
        if (i % PUMP_EVERY == 0)
            la_run_pump(run);
    }
    add(run, variant->name, "", "requests/s", requests / ((double)(la_now_ns() - began) / 1e9));
    la_client_close(client);
    free(value);
    if (late)
        return la_run_doubt(run, "bench: WAIT %u 2000 was not kept: a replica is away, or takes longer", variant->wait);
    return ok ? 0 : la_run_doubt(run, "bench: %s refuses writes", node->spec->name);
}

static bool waits(const struct bench *bench)
{
    bool any = false;
    for (unsigned int i = 0; i < bench->of_count; i++)
        any = any || bench->of[i].wait;
    return any;
}

/* Seconds of the processor that the server has used, of all its threads; -1: INFO does not say. */
static double processor_s(struct la_node *node)
{
    static const char *const fields[] = {"used_cpu_user", "used_cpu_sys"};
    char text[64];
    struct la_error ignored;
    redisReply *reply = la_step_send(node, "INFO cpu", &ignored);
    double seconds = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields && seconds >= 0; i++) {
        bool said = reply && reply->str && la_info_field(reply->str, fields[i], text, sizeof text);
        seconds = said ? seconds + strtod(text, NULL) : -1;
    }
    freeReplyObject(reply);
    return seconds;
}

static double number_at(const json_t *object, const char *const *keys)
{
    for (; *keys && object; keys++)
        object = json_object_get(object, *keys);
    return object ? json_number_value(object) : -1;
}

static int read_fio(struct la_run *run, const struct variant *variant, const char *output)
{
    static const char *const mean[] = {"sync", "lat_ns", "mean", NULL};
    static const char *const p99[] = {"sync", "lat_ns", "percentile", "99.000000", NULL};
    struct la_error error;
    size_t length = 0;
    char *text = la_read_file(output, OUTPUT_MAX, &length, &error);
    const char *begin = text ? strchr(text, '{') : NULL; /* warnings stand before it */
    json_t *all = begin ? json_loads(begin, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    const json_t *job = json_array_get(json_object_get(all, "jobs"), 0);
    double mean_us = number_at(job, mean) / 1000;
    double p99_us = number_at(job, p99) / 1000;
    json_decref(all);
    free(text);
    if (mean_us <= 0)
        return la_run_doubt(run, "bench: fio has measured nothing");
    add(run, variant->name, "", "us", mean_us);
    add(run, variant->name, "-rate", "a second", 1e6 / mean_us);
    if (p99_us > 0)
        add(run, variant->name, "-p99", "us", p99_us);
    return 0;
}

/* Not the server but the disk below its folder: fdatasync after each write, for a second. */
static int by_fio(struct la_run *run, const struct la_node *node, const struct variant *variant)
{
    char tool[LA_PATH_MAX];
    char output[LA_PATH_MAX];
    char size[32];
    struct la_error error;
    if (la_parts_program("fio", tool, &error))
        return la_run_doubt(run, "bench: %s", error.text);
    snprintf(size, sizeof size, "--bs=%u", variant->fio);
    char *const words[] = {tool,          "--name=sync",     "--filename=fio.tmp", "--rw=write",
                           size,          "--size=64m",      "--fdatasync=1",      "--time_based",
                           "--runtime=1", "--ioengine=sync", "--unlink=1",         "--output-format=json",
                           NULL};
    la_path(output, "%s/fio", node->dir);
    int status = la_tool_run(run, node, words, NULL, output);
    int bad = status < 0 ? -1 : read_fio(run, variant, output);
    unlink(output);
    la_run_pump(run);
    return bad;
}

/* One variant's turn. */
static int measure_variant(struct la_run *run, const struct bench *bench, const struct variant *variant, bool hand)
{
    struct la_node *node = la_run_node(run, variant->node ? variant->node : bench->node);
    if (variant->fio)
        return by_fio(run, node, variant);
    double before = processor_s(node);
    if ((hand ? by_hand : by_tool)(run, bench, variant))
        return -1;
    double after = processor_s(node);
    if (before >= 0 && after > before)
        add(run, variant->name, "-cpu", "us a request", (after - before) * 1e6 / requests_of(bench, variant));
    la_run_pump(run);
    return 0;
}

static int run_bench(struct la_run *run, const struct la_spec *spec)
{
    const struct bench *bench = (const struct bench *)spec;
    bool hand = waits(bench);
    int bad = 0;
    for (unsigned int round = 0; round < la_run_rounds(run, bench->rounds) && !bad; round++)
        for (unsigned int i = 0; i < bench->of_count && !bad; i++) {
            const struct variant *variant = &bench->of[round % 2 ? bench->of_count - 1 - i : i];
            bad = measure_variant(run, bench, variant, hand);
        }
    return bad;
}

static int check_bench(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct bench *bench = (const struct bench *)spec;
    (void)index;
    for (unsigned int i = 0; i < bench->of_count; i++) {
        const struct variant *one = &bench->of[i];
        if (one->node && !la_scenario_node(check->scenario, one->node))
            return la_check_wrong(check, "bench: there is no node '%s'", one->node);
        if (one->fio && (one->clients || one->pipeline || one->requests || one->wait))
            return la_check_wrong(check, "bench: '%s' is fio's turn: it has no clients, pipeline, requests or wait",
                                  one->name);
    }
    if (!check->scenario->alone)
        return la_check_wrong(check, "'bench' measures speed: it needs 'alone: true' in the scenario");
    if (la_scenario_verifies(check->scenario))
        return la_check_wrong(check, "'bench' writes keys that 'verify' knows nothing of: a scenario of its own");
    return 0;
}

static void bench_defaults(struct la_spec *spec)
{
    struct bench *bench = (struct bench *)spec;
    la_fill_in(&bench->rounds, DEFAULT_ROUNDS);
    la_fill_in(&bench->requests, 20000);
    la_fill_in(&bench->size, 100);
}

static bool bench_measures(const struct la_spec *spec, const char *name)
{
    static const char *const endings[] = {"", "-p50", "-p99", "-max", "-cpu"};
    static const char *const of_fio[] = {"", "-rate", "-p99"};
    const struct bench *bench = (const struct bench *)spec;
    bool any = false;
    for (unsigned int i = 0; i < bench->of_count && !any; i++)
        any = bench->of[i].fio ? LA_IS_FIGURE_OF(bench->of[i].name, name, of_fio)
                               : LA_IS_FIGURE_OF(bench->of[i].name, name, endings);
    return any;
}

static const cyaml_schema_field_t variant_fields[] = {LA_TEXT("name", LA_REQUIRED, struct variant, name),
                                                      LA_TEXT("node", LA_OPTIONAL, struct variant, node),
                                                      LA_NUMBER("clients", struct variant, clients),
                                                      LA_NUMBER("pipeline", struct variant, pipeline),
                                                      LA_NUMBER("requests", struct variant, requests),
                                                      LA_NUMBER("wait", struct variant, wait),
                                                      LA_NUMBER("fio", struct variant, fio),
                                                      LA_END};
static const cyaml_schema_value_t variant_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct variant, variant_fields)};
static const cyaml_schema_field_t bench_fields[] = {
    LA_TEXT("node", LA_OPTIONAL, struct bench, node),
    LA_NUMBER("rounds", struct bench, rounds),
    LA_NUMBER("requests", struct bench, requests),
    LA_NUMBER("size", struct bench, size),
    LA_LIST("of", LA_REQUIRED, struct bench, of, of_count, &variant_value, 16),
    LA_END};

const struct la_step_kind la_step_bench = {
    .form = {"bench", bench_fields, sizeof(struct bench)},
    .set_defaults = bench_defaults,
    .check = check_bench,
    .run = run_bench,
    .measures = bench_measures,
};
