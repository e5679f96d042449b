/*
 * The types' judges over generated histories with known answers. A real redis-server executes a history; then it is
 * put in a state where a part of it never happened, and the judge says what became of each operation. Its second
 * opinion is deliberately naive: it puts the server into every state that a beginning of the history leads to, and
 * compares what is read back.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "ledger/value.h"
#include "types/fates.h"

enum { OPS = 12, ROUNDS = 25, TIMEOUT_MS = 60000 };

static struct {
    pid_t pid;
    char dir[32];
    char socket[64];
    redisContext *client;
    struct la_address address;
} server;

static const struct la_plan plan = {.clients = 1, .pipeline = 1, .value_size = 64};

static int start_server(void **state)
{
    (void)state;
    struct la_error error;
    strcpy(server.dir, "/tmp/property-XXXXXX");
    if (!mkdtemp(server.dir))
        return -1;
    snprintf(server.socket, sizeof server.socket, "%s/socket", server.dir);
    server.address.socket = server.socket;
    server.pid = fork();
    if (!server.pid) {
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", server.socket, "--save", "", "--dir",
               server.dir, "--logfile", "log", NULL);
        _exit(127);
    }
    for (int i = 0; i < 6000 && !server.client; i++) {
        la_sleep_ms(10);
        server.client = la_client_connect(&server.address, TIMEOUT_MS, &error);
    }
    return server.client ? 0 : -1;
}

static int end_server(void **state)
{
    (void)state;
    char *remove = la_format("rm -r %s", server.dir);
    la_client_close(server.client);
    kill(server.pid, SIGKILL);
    waitpid(server.pid, NULL, 0);
    int failed = system(remove);
    free(remove);
    return failed;
}

/* One key's history, and what it was like to execute it. */
struct bench {
    int type;
    char name[LA_KEY_NAME_MAX];
    struct la_op ops[OPS];
    const struct la_op *pointers[OPS];
    uint8_t fates[OPS];
    char value[128];
};

static redisReply *answer(void)
{
    void *reply = NULL;
    assert_int_equal(redisGetReply(server.client, &reply), REDIS_OK);
    return reply;
}

/* Executes one operation; its last reply. */
static redisReply *execute(struct bench *b, const struct la_op *op)
{
    struct la_write write = {
        .client = server.client, .address = &server.address, .plan = &plan, .op = op, .value = b->value};
    strcpy(write.name, b->name);
    la_value_make(b->value, la_value_size(&plan, op->seq), op->session, op->key, op->seq);
    redisReply *last = NULL;
    for (int replies = la_types[b->type]->write(&write); replies; replies--) {
        freeReplyObject(last);
        last = answer();
    }
    return last;
}

static void forget(void)
{
    freeReplyObject(redisCommand(server.client, "FLUSHALL"));
    freeReplyObject(redisCommand(server.client, "FUNCTION FLUSH"));
}

/* A history in which every operation was acknowledged. */
static void generate(struct bench *b, uint64_t *random)
{
    struct la_key_state state = {0};
    forget();
    la_key_name(b->name, 2, 7);
    for (uint32_t i = 0; i < OPS; i++) {
        struct la_op *op = &b->ops[i];
        *op = (struct la_op){.session = 2, .key = 7, .seq = ++state.invoked, .type = (uint8_t)b->type};
        la_types[b->type]->choose(op, &state, la_random(random));
        op->invoked_ns = la_now_ns();
        redisReply *reply = execute(b, op);
        op->outcome = LA_OUTCOME_OK;
        if (reply->type == REDIS_REPLY_ERROR || !la_types[b->type]->accept(&state, op, reply))
            fail_msg("%s: %s answers operation %u: %s", la_types[b->type]->name, la_op_kind(op)->name, op->seq,
                     reply->str ? reply->str : "?");
        op->done_ns = la_now_ns();
        freeReplyObject(reply);
    }
}

/* Puts the server where only these operations have happened. */
static void recreate(struct bench *b, const bool *happened)
{
    forget();
    for (uint32_t i = 0; i < OPS; i++)
        if (happened[i])
            freeReplyObject(execute(b, &b->ops[i]));
}

static int read_back(const struct bench *b, redisReply **replies)
{
    la_types[b->type]->read(server.client, &server.address, b->name);
    for (int i = 0; i < la_types[b->type]->reads; i++)
        replies[i] = answer();
    return la_types[b->type]->reads;
}

static void put(FILE *out, const redisReply *reply)
{
    fprintf(out, "%d:%lld:", reply->type, reply->integer);
    for (size_t i = 0; reply->str && i < (size_t)reply->len; i++)
        fprintf(out, "%02x", (unsigned char)reply->str[i]);
    for (size_t i = 0; i < reply->elements; i++)
        put(out, reply->element[i]);
    fputc(';', out);
}

static int compare(const void *a, const void *b)
{
    return strcmp((*(redisReply *const *)a)->str, (*(redisReply *const *)b)->str);
}

/* Sets and hashes (whose values name their operation, as fields do not) have no order of their own. */
static void sort(const char *type, redisReply *reply)
{
    if ((!strcmp(type, "set") || !strcmp(type, "hash")) && reply->elements)
        qsort(reply->element, reply->elements, sizeof *reply->element, compare);
}

/* What is read back, as one text; times that pass are left out. */
static char *picture(const struct bench *b)
{
    redisReply *replies[LA_READS_MAX];
    char *text = NULL;
    size_t size;
    const char *type = la_types[b->type]->name;
    int count = read_back(b, replies);
    FILE *out = open_memstream(&text, &size);
    for (int i = 0; i < count; i++) {
        bool pending = !strcmp(type, "group") && i == 2; /* idle times stand in it */
        sort(type, replies[i]);
        for (size_t n = 0; pending && n < replies[i]->elements; n++)
            put(out, replies[i]->element[n]->element[0]);
        if (!pending)
            put(out, replies[i]);
        freeReplyObject(replies[i]);
    }
    fclose(out);
    return text;
}

static void judge(struct bench *b, struct la_findings *findings)
{
    redisReply *replies[LA_READS_MAX];
    memset(findings, 0, sizeof *findings);
    memset(b->fates, 0, sizeof b->fates);
    for (int i = 0; i < OPS; i++)
        b->pointers[i] = &b->ops[i];
    struct la_history history = {.plan = &plan,
                                 .name = b->name,
                                 .address = &server.address,
                                 .session = 2,
                                 .key = 7,
                                 .count = OPS,
                                 .ops = b->pointers,
                                 .fates = b->fates,
                                 .findings = findings,
                                 .asked_ns = la_now_ns()};
    int count = read_back(b, replies);
    history.answered_ns = la_now_ns();
    la_types[b->type]->judge(&history, replies);
    assert_null(history.unjudged);
    for (int i = 0; i < count; i++)
        freeReplyObject(replies[i]);
}

static uint32_t lost_from(const struct bench *b, uint32_t from)
{
    uint32_t lost = 0;
    for (uint32_t i = from; i < OPS; i++)
        lost += b->fates[i] == LA_FATE_LOST;
    return lost;
}

/* Something lost came before something that is there: what verification makes a hole of. */
static bool hole(const struct bench *b)
{
    bool lost = false;
    for (uint32_t i = 0; i < OPS; i++) {
        if (lost && b->fates[i] == LA_FATE_KEPT)
            return true;
        lost = lost || b->fates[i] == LA_FATE_LOST;
    }
    return false;
}

/* Pictures of all beginnings. */
static void all_beginnings(struct bench *b, char *pictures[OPS + 1])
{
    bool happened[OPS] = {false};
    for (uint32_t i = 0; i <= OPS; i++) {
        recreate(b, happened);
        pictures[i] = picture(b);
        if (i < OPS)
            happened[i] = true;
    }
}

/* A server that lost the end: no finding, and nothing is called lost that need not be, nor kept that is not. */
static void check_lost_end(struct bench *b, uint32_t kept, char *const *pictures)
{
    struct la_findings findings;
    bool happened[OPS] = {false};
    bool changes = false;
    for (uint32_t i = 0; i < kept; i++)
        happened[i] = true;
    recreate(b, happened);
    judge(b, &findings);
    if (la_findings_defects(&findings) || hole(b) || lost_from(b, 0) != lost_from(b, kept))
        fail_msg("%s, cut after %u of %d: called more than a lost end: %s", la_types[b->type]->name, kept, OPS,
                 findings.kept[LA_CORRUPT][0].detail);
    for (uint32_t i = kept; i < OPS; i++)
        changes = changes || strcmp(pictures[i + 1], pictures[kept]) != 0;
    bool differs = strcmp(pictures[OPS], pictures[kept]) != 0;
    if (differs && !lost_from(b, 0))
        fail_msg("%s, cut after %u of %d: nothing called lost", la_types[b->type]->name, kept, OPS);
    if (!changes && lost_from(b, 0) && strcmp(la_types[b->type]->name, "group") != 0)
        fail_msg("%s, cut after %u of %d: called lost without a trace", la_types[b->type]->name, kept, OPS);
}

/* A server that lost one operation in the middle: when no beginning looks like that, it must show. */
static void check_missing(struct bench *b, uint32_t missing, char *const *pictures)
{
    struct la_findings findings;
    bool happened[OPS];
    bool explained = false;
    for (uint32_t i = 0; i < OPS; i++)
        happened[i] = i != missing;
    recreate(b, happened);
    char *seen = picture(b);
    for (uint32_t i = 0; i <= OPS; i++)
        explained = explained || !strcmp(pictures[i], seen);
    bool whole = !strcmp(pictures[OPS], seen);
    free(seen);
    judge(b, &findings);
    bool blamed = la_findings_defects(&findings) || lost_from(b, 0);
    if (whole && blamed)
        fail_msg("%s without operation %u: blamed for a state that is right", la_types[b->type]->name, missing + 1);
    if (!explained && !blamed)
        fail_msg("%s without operation %u: not noticed", la_types[b->type]->name, missing + 1);
}

/* A connection that broke: what had no reply is never lost, whether it happened or not. */
static void check_open_end(struct bench *b, uint32_t replied, uint32_t executed)
{
    struct la_findings findings;
    struct la_op kept[OPS];
    bool happened[OPS] = {false};
    memcpy(kept, b->ops, sizeof kept);
    for (uint32_t i = replied; i < OPS; i++) {
        bool target = la_op_kind(&b->ops[i])->removes; /* its field is part of what was sent */
        b->ops[i].outcome = LA_OUTCOME_UNKNOWN;
        b->ops[i].done_ns = 0;
        b->ops[i].result = 0;
        if (!target && !strcmp(la_types[b->type]->name, "group"))
            b->ops[i].field = 0;
    }
    for (uint32_t i = 0; i < executed; i++)
        happened[i] = true;
    recreate(b, happened);
    judge(b, &findings);
    if (la_findings_defects(&findings) || lost_from(b, 0))
        fail_msg("%s, %u replies, %u executed: blamed for what had no reply: %s", la_types[b->type]->name, replied,
                 executed, findings.kept[LA_CORRUPT][0].detail);
    memcpy(b->ops, kept, sizeof kept);
}

static void check_type(int type, uint64_t *random)
{
    struct bench b = {.type = type};
    char *pictures[OPS + 1];
    generate(&b, random);
    all_beginnings(&b, pictures);
    for (uint32_t i = 0; i <= OPS; i++)
        check_lost_end(&b, i, pictures);
    for (uint32_t i = 0; i < OPS; i++)
        check_missing(&b, i, pictures);
    uint32_t replied = (uint32_t)(la_random(random) % OPS);
    check_open_end(&b, replied, replied + (uint32_t)(la_random(random) % (OPS - replied + 1)));
    for (uint32_t i = 0; i <= OPS; i++)
        free(pictures[i]);
}

/* Times to live have a test of their own; a queue's operations come from two connections. */
static bool here(int type)
{
    static const char *const elsewhere[] = {"expiry", "field-expiry", "waitaof", "queue", "replay"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (!strcmp(la_types[type]->name, elsewhere[i]))
            return false;
    return true;
}

static void judges_agree_with_every_beginning(void **state)
{
    (void)state;
    uint64_t random = 20261121;
    for (unsigned int type = 0; type < la_type_count; type++)
        for (int round = 0; here((int)type) && round < ROUNDS; round++)
            check_type((int)type, &random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(judges_agree_with_every_beginning)};
    return cmocka_run_group_tests(tests, start_server, end_server);
}
