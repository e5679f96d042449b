/*
 * The load, verification and judging by themselves, for ci/bench.
 *
 *   pace load PORT TYPE CLIENTS PIPELINE OPERATIONS LEDGER    loads a server until so many were acknowledged
 *   pace verify PORT LEDGER                                   reads everything back and judges it
 *   pace judge OPERATIONS LEDGER                              judges a made-up history: no server
 *
 * Prints: operations (or keys), seconds, CPU seconds of this process, bytes of memory it took beyond the ledger.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/index.h"
#include "ledger/value.h"
#include "load/load.h"
#include "types/fates.h"
#include "types/ledger_check.h"
#include "verify/verify.h"

enum { VALUE_SIZE = 100, KEYS = 1000, HISTORY = 50 };

static double cpu_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

/* Private memory: the ledger is a mapped file, whose pages are the page cache's. */
static long private_bytes(void)
{
    char line[128];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "RssAnon: %ld", &kib);
    if (status)
        fclose(status);
    return kib * 1024;
}

static void print(uint64_t count, uint64_t ns, double cpu, long bytes)
{
    printf("%llu %.6f %.6f %ld\n", (unsigned long long)count, (double)ns / 1e9, cpu, bytes);
}

static int fail(const char *text)
{
    fprintf(stderr, "pace: %s\n", text);
    return 1;
}

static struct la_plan plan_for(const char *type, unsigned int clients, unsigned int pipeline)
{
    struct la_plan plan = {.seed = 1, .clients = clients, .pipeline = pipeline, .value_size = VALUE_SIZE};
    int at = la_type_find(type);
    plan.keys[at < 0 ? 0 : at] = KEYS;
    plan.shares[at < 0 ? 0 : at] = 1;
    return plan;
}

static uint64_t last_reply(const struct la_ledger *ledger)
{
    uint64_t last = 0;
    for (uint64_t i = 0; i < la_ledger_count(ledger); i++)
        last = ledger->ops[i].done_ns > last ? ledger->ops[i].done_ns : last;
    return last;
}

static int run_load(int port, const struct la_plan *plan, uint64_t operations, const char *path)
{
    struct la_error error;
    struct la_ledger ledger;
    const struct la_address address = {.port = port};
    struct rusage before;
    struct rusage after;
    if (la_ledger_create(&ledger, path, plan, operations + (uint64_t)plan->clients * plan->pipeline, &error))
        return fail(error.text);
    getrusage(RUSAGE_CHILDREN, &before);
    pid_t pid = fork();
    if (pid == 0)
        _exit(la_load_run(&ledger, &address, NULL));
    while (ledger.head->acked < operations && !ledger.head->full)
        usleep(5000);
    ledger.head->stop = 1;
    waitpid(pid, NULL, 0);
    getrusage(RUSAGE_CHILDREN, &after);
    print(ledger.head->acked, last_reply(&ledger) - ledger.ops[0].invoked_ns,
          cpu_seconds(&after) - cpu_seconds(&before), 0);
    la_ledger_trim(&ledger, path);
    la_ledger_close(&ledger);
    return 0;
}

/* Those that the load touched: each is read, whether it should be there or not. */
static uint64_t keys_read(const struct la_ledger *ledger)
{
    struct la_index index;
    uint64_t count = 0;
    la_index_make(&index, ledger, la_ledger_count(ledger));
    for (uint64_t key = 0; key < index.keys; key++)
        count += index.start[key + 1] > index.start[key];
    la_index_free(&index);
    return count;
}

static int verify(int port, const char *path)
{
    struct la_error error;
    struct la_ledger ledger;
    const struct la_address address = {.port = port};
    const struct la_strings none = {0};
    const struct la_verify_options options = {.ignore = &none, .sent = &none};
    struct la_findings findings = {0};
    struct la_verify result;
    struct rusage usage;
    if (la_ledger_open(&ledger, path, &error))
        return fail(error.text);
    uint64_t start = la_now_ns();
    if (la_verify_node(&ledger, &address, &options, &findings, &result))
        return fail(result.why);
    uint64_t end = la_now_ns();
    getrusage(RUSAGE_SELF, &usage);
    print(keys_read(&ledger), end - start, cpu_seconds(&usage), private_bytes());
    la_ledger_close(&ledger);
    return result.lost ? fail("something was lost") : 0;
}

/* As a load would have left it: sessions one after the other, each with its keys in turn. */
static void make_history(struct la_ledger *ledger, uint64_t operations)
{
    uint32_t per_session = KEYS * HISTORY;
    for (uint64_t i = 0; i < operations; i++) {
        struct la_op *op = &ledger->ops[i];
        op->session = (uint32_t)(i / per_session);
        op->key = (uint16_t)(i % KEYS);
        op->seq = (uint32_t)(i % per_session / KEYS) + 1;
        op->invoked_ns = 1 + i;
        op->done_ns = 100 + i;
        op->kind = 1;
        op->outcome = LA_OUTCOME_OK;
    }
    ledger->head->count = ledger->head->acked = operations;
    ledger->head->sessions = (uint32_t)(operations / per_session) + 1;
}

/* What verification does but for asking the server, whose answers are those of one that lost nothing. */
static void judge_keys(const struct la_ledger *ledger, uint64_t operations, struct la_findings *findings,
                       struct la_verify *result, long *bytes)
{
    char value[VALUE_SIZE + 1];
    redisReply reply = {.type = REDIS_REPLY_STRING, .str = value, .len = VALUE_SIZE};
    redisReply *replies[] = {&reply};
    struct la_index index;
    la_index_make(&index, ledger, operations);
    struct la_tally tally;
    la_tally_begin(&tally, ledger, NULL, findings, result);
    uint8_t *local = la_alloc(index.longest, 1);
    const struct la_op **ops = la_alloc(index.longest, sizeof *ops);
    struct la_history history = {
        .plan = &ledger->head->plan, .name = "", .ops = ops, .fates = local, .findings = findings};
    for (uint64_t key = 0; key < index.keys; key++) {
        history.count = la_index_ops(&index, ledger, key, ops);
        if (!history.count)
            continue;
        history.session = (uint32_t)(key / KEYS);
        history.key = (uint32_t)(key % KEYS);
        la_value_make(value, VALUE_SIZE, history.session, history.key, ops[history.count - 1]->seq);
        memset(local, 0, history.count);
        la_string_judge(&history, replies);
        for (uint32_t i = 0; i < history.count; i++)
            la_tally_add(&tally, ops[i], (enum la_fate)local[i]);
    }
    la_tally_end(&tally);
    *bytes = private_bytes();
    free(ops);
    free(local);
    la_index_free(&index);
}

static int judge(uint64_t operations, const char *path)
{
    struct la_error error;
    struct la_ledger ledger;
    struct la_findings findings = {0};
    struct la_verify result = {0};
    const struct la_plan plan = plan_for("string", 1, 1);
    long bytes;
    struct rusage before;
    struct rusage after;
    if (la_ledger_create(&ledger, path, &plan, operations, &error))
        return fail(error.text);
    make_history(&ledger, operations);
    getrusage(RUSAGE_SELF, &before);
    uint64_t start = la_now_ns();
    judge_keys(&ledger, operations, &findings, &result, &bytes);
    uint64_t end = la_now_ns();
    getrusage(RUSAGE_SELF, &after);
    print(result.acked, end - start, cpu_seconds(&after) - cpu_seconds(&before), bytes);
    la_ledger_close(&ledger);
    return result.lost ? fail("something was lost") : 0;
}

int main(int argc, char **argv)
{
    if (argc == 8 && !strcmp(argv[1], "load")) {
        const struct la_plan plan = plan_for(argv[3], (unsigned int)atoi(argv[4]), (unsigned int)atoi(argv[5]));
        return run_load(atoi(argv[2]), &plan, strtoull(argv[6], NULL, 10), argv[7]);
    }
    if (argc == 4 && !strcmp(argv[1], "verify"))
        return verify(atoi(argv[2]), argv[3]);
    if (argc == 4 && !strcmp(argv[1], "judge"))
        return judge(strtoull(argv[2], NULL, 10), argv[3]);
    return fail("see the head of pace.c");
}
