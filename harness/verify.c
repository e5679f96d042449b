#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fates.h"
#include "keyscan.h"
#include "reads.h"

enum { BATCH = 128, BATCH_BYTES = 8 << 20, TIMEOUT_MS = 20000 };

const uint32_t la_age_ms[LA_AGES - 1] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000};

/* Operations sorted by key, in order within each: the histories. */
struct index {
    uint64_t keys;   /* sessions * keys in a session */
    uint64_t *start; /* keys + 1 positions in `order` */
    uint32_t *order; /* indices into the ledger */
};

struct pass {
    const struct la_ledger *ledger;
    const struct la_address *address;
    const struct la_verify_options *options;
    struct la_findings *findings;
    struct la_verify *result;
    struct la_reads *reads; /* NULL: not kept */
    struct index index;
    uint8_t *fates; /* by ledger index */
    redisContext *client;
    const struct la_op **ops; /* scratch for one history */
    uint8_t *local;
    uint64_t asked_ns; /* the batch */
};

/* Part of a key's history: everything the server did not refuse. */
static bool counts(const struct la_op *op)
{
    return op->outcome < LA_OUTCOME_ERROR;
}

static uint64_t key_of(const struct la_ledger *ledger, const struct la_op *op)
{
    return (uint64_t)op->session * la_plan_keys(&ledger->head->plan) + op->key;
}

static uint64_t build_index(const struct la_ledger *ledger, uint64_t count, struct index *index)
{
    index->keys = (uint64_t)ledger->head->sessions * la_plan_keys(&ledger->head->plan);
    index->start = la_alloc(index->keys + 2, sizeof *index->start);
    index->order = la_alloc(count, sizeof *index->order);
    for (uint64_t i = 0; i < count; i++)
        index->start[key_of(ledger, &ledger->ops[i]) + 2] += counts(&ledger->ops[i]);
    uint64_t longest = 0;
    for (uint64_t k = 2; k < index->keys + 2; k++) {
        longest = index->start[k] > longest ? index->start[k] : longest;
        index->start[k] += index->start[k - 1];
    }
    for (uint64_t i = 0; i < count; i++)
        if (counts(&ledger->ops[i]))
            index->order[index->start[key_of(ledger, &ledger->ops[i]) + 1]++] = (uint32_t)i;
    return longest;
}

static bool touched(const struct index *index, uint64_t key)
{
    return index->start[key + 1] > index->start[key];
}

static const struct la_type *type_of(const struct pass *pass, uint64_t key)
{
    const struct la_plan *plan = &pass->ledger->head->plan;
    return la_types[la_plan_type(plan, (uint32_t)(key % la_plan_keys(plan)))];
}

static void name_of(const struct pass *pass, uint64_t key, char out[LA_KEY_NAME_MAX])
{
    uint32_t keys = la_plan_keys(&pass->ledger->head->plan);
    la_key_name(out, (uint32_t)(key / keys), (uint32_t)(key % keys));
}

/* One key's history, in scratch that the next one uses again. */
static struct la_history history_of(struct pass *pass, uint64_t key, const char *name)
{
    uint64_t from = pass->index.start[key];
    uint32_t keys = la_plan_keys(&pass->ledger->head->plan);
    uint32_t count = (uint32_t)(pass->index.start[key + 1] - from);
    for (uint32_t i = 0; i < count; i++)
        pass->ops[i] = &pass->ledger->ops[pass->index.order[from + i]];
    memset(pass->local, 0, count);
    return (struct la_history){.plan = &pass->ledger->head->plan,
                               .name = name,
                               .session = (uint32_t)(key / keys),
                               .key = (uint32_t)(key % keys),
                               .count = count,
                               .ops = pass->ops,
                               .fates = pass->local,
                               .findings = pass->findings,
                               .asked_ns = pass->asked_ns,
                               .answered_ns = la_now_ns(),
                               .timeless = pass->options->timeless};
}

static void judge_key(struct pass *pass, uint64_t key, redisReply *const *replies)
{
    char name[LA_KEY_NAME_MAX];
    name_of(pass, key, name);
    struct la_history history = history_of(pass, key, name);
    type_of(pass, key)->judge(&history, replies);
    if (pass->reads)
        la_reads_add(pass->reads, &history);
    for (uint32_t i = 0; i < history.count; i++) {
        pass->fates[pass->index.order[pass->index.start[key] + i]] = pass->local[i];
        pass->result->checked += pass->ops[i]->outcome != LA_OUTCOME_UNKNOWN && !history.unjudged;
    }
    if (history.unjudged)
        snprintf(pass->result->why, sizeof pass->result->why, "%s: %s", name, history.unjudged);
}

static int lost_connection(struct pass *pass, const char *what)
{
    snprintf(pass->result->why, sizeof pass->result->why, "reading back failed: %.200s", what);
    return -1;
}

/* An error that says what is there, or that nothing is, is an answer; any other means it was not read. */
static bool usable(const redisReply *reply)
{
    static const char *const answers[] = {"WRONGTYPE", "NOGROUP", "ERR no such key"};
    bool good = reply->type != REDIS_REPLY_ERROR;
    for (size_t i = 0; !good && i < sizeof answers / sizeof *answers; i++)
        good = !strncmp(reply->str, answers[i], strlen(answers[i]));
    return good;
}

static int read_one(struct pass *pass, uint64_t key)
{
    redisReply *replies[LA_READS_MAX] = {NULL};
    int reads = type_of(pass, key)->reads;
    int bad = 0;
    for (int i = 0; i < reads && !bad; i++) {
        if (redisGetReply(pass->client, (void **)&replies[i]) != REDIS_OK)
            bad = lost_connection(pass, pass->client->errstr);
        else if (!usable(replies[i]))
            bad = lost_connection(pass, replies[i]->str);
    }
    if (!bad)
        judge_key(pass, key, replies);
    for (int i = 0; i < reads; i++)
        freeReplyObject(replies[i]);
    return bad;
}

/* Keys in one batch: the server holds all of their values ready at once. */
static int batch_size(const struct la_plan *plan)
{
    uint32_t largest = plan->big_size > plan->value_size ? plan->big_size : plan->value_size;
    int fitting = (int)(BATCH_BYTES / largest) + 1;
    return fitting < BATCH ? fitting : BATCH;
}

/* Asks for a batch of keys in one go, then judges the answers. */
static int read_keys(struct pass *pass)
{
    uint64_t batch[BATCH];
    char name[LA_KEY_NAME_MAX];
    int most = batch_size(&pass->ledger->head->plan);
    for (uint64_t key = 0; key < pass->index.keys;) {
        int count = 0;
        pass->asked_ns = la_now_ns();
        for (; count < most && key < pass->index.keys; key++) {
            if (!touched(&pass->index, key))
                continue;
            name_of(pass, key, name);
            type_of(pass, key)->read(pass->client, pass->address, name);
            batch[count++] = key;
        }
        for (int i = 0; i < count; i++)
            if (read_one(pass, batch[i]))
                return -1;
    }
    return 0;
}

/* For la_keyscan: is this key one that the load wrote to? */
static bool written(void *context, uint32_t database, uint32_t session, uint32_t key)
{
    const struct pass *pass = context;
    const struct la_plan *plan = &pass->ledger->head->plan;
    uint32_t keys = la_plan_keys(plan);
    if (session >= pass->ledger->head->sessions || key >= keys)
        return false;
    bool flushed = la_types[la_plan_type(plan, key)] == &la_type_flush;
    return database == (flushed ? la_flush_database(session) : 0) &&
           touched(&pass->index, (uint64_t)session * keys + key);
}

/* What the judge needs to know of each session and each life of the server. */
struct latest {
    uint64_t *kept_by_session;            /* ledger index + 1 of the last operation kept; 0: none */
    uint64_t kept_invoked[LA_EPOCHS_MAX]; /* by life of the server: invocation of the youngest kept */
};

static uint32_t epoch_of(const struct la_ledger *ledger, const struct la_op *op)
{
    uint32_t epoch = ledger->head->session[op->session].epoch;
    return epoch < LA_EPOCHS_MAX ? epoch : LA_EPOCHS_MAX - 1;
}

static void note_lost(const struct la_ledger *ledger, const struct la_op *op, bool promised, struct la_verify *result)
{
    result->lost++;
    result->lost_promised += promised;
    result->lost_marked += op->done_ns <= ledger->head->mark_ns;
    result->lost_bytes += la_op_kind(op)->value ? la_value_size(&ledger->head->plan, op->seq) : 0;
    uint64_t *earliest = &result->earliest_lost_ns[epoch_of(ledger, op)];
    if (!*earliest || op->done_ns < *earliest)
        *earliest = op->done_ns;
}

static void note_age(uint64_t fault_ns, const struct la_op *op, bool lost, struct la_verify *result)
{
    uint64_t ms = fault_ns > op->done_ns ? (fault_ns - op->done_ns) / 1000000 : 0;
    int age = 0;
    while (age < LA_AGES - 1 && ms >= la_age_ms[age])
        age++;
    result->acked_by_age[age]++;
    result->lost_by_age[age] += lost;
}

static void report_hole(const struct la_op *op, uint64_t index, bool same_client, struct la_findings *findings)
{
    char name[LA_KEY_NAME_MAX];
    char evidence[128];
    la_key_name(name, op->session, op->key);
    snprintf(evidence, sizeof evidence, "ledger record %llu, acknowledged at %llu ns", (unsigned long long)index,
             (unsigned long long)op->done_ns);
    bool removal = la_op_kind(op)->removes;
    la_findings_add(findings, removal ? LA_RESURRECTED : LA_HOLE, evidence,
                    "%s: %s %u is lost, yet a later write %s is there", name, la_op_kind(op)->name, op->seq,
                    same_client ? "of the same client" : "sent after its reply");
}

static void find_latest(const struct la_ledger *ledger, uint64_t count, const uint8_t *fates, struct latest *latest,
                        struct la_verify *result)
{
    for (uint64_t i = 0; i < count; i++) {
        if (fates[i] != LA_FATE_KEPT)
            continue;
        const struct la_op *op = &ledger->ops[i];
        uint32_t epoch = epoch_of(ledger, op);
        result->survivors += epoch < atomic_load(&ledger->head->epoch);
        latest->kept_by_session[op->session] = i + 1;
        if (op->invoked_ns > latest->kept_invoked[epoch])
            latest->kept_invoked[epoch] = op->invoked_ns;
    }
}

/* An operation that blocked was executed later than its place in the ledger says: only times tell. */
static void judge_lost(const struct la_ledger *ledger, uint64_t i, const struct latest *latest,
                       struct la_findings *findings)
{
    const struct la_op *op = &ledger->ops[i];
    bool same_client = !la_op_kind(op)->blocks && latest->kept_by_session[op->session] > i;
    if (same_client || op->done_ns < latest->kept_invoked[epoch_of(ledger, op)])
        report_hole(op, i, same_client, findings);
}

void la_verify_judge(const struct la_ledger *ledger, const uint64_t *fault_ns, uint64_t count, const uint8_t *fates,
                     struct la_findings *findings, struct la_verify *result)
{
    const struct la_plan *plan = &ledger->head->plan;
    struct latest latest = {.kept_by_session = la_alloc(ledger->head->sessions + 1U, sizeof(uint64_t))};
    find_latest(ledger, count, fates, &latest, result);
    for (uint64_t i = 0; i < count; i++) {
        const struct la_op *op = &ledger->ops[i];
        bool acked = op->outcome == LA_OUTCOME_OK || op->outcome == LA_OUTCOME_WRONG;
        result->unknown += op->outcome == LA_OUTCOME_UNKNOWN;
        if (!acked)
            continue;
        bool lost = fates[i] == LA_FATE_LOST;
        bool promised = la_types[op->type]->promised && la_types[op->type]->promised(plan, op);
        result->acked++;
        result->promised += promised;
        if (op->outcome == LA_OUTCOME_WRONG)
            la_findings_add(findings, LA_CORRUPT, NULL, "la:%u:%u: the reply to operation %u cannot be", op->session,
                            op->key, op->seq);
        if (fault_ns && fault_ns[epoch_of(ledger, op)])
            note_age(fault_ns[epoch_of(ledger, op)], op, lost, result);
        if (!lost)
            continue;
        note_lost(ledger, op, promised, result);
        judge_lost(ledger, i, &latest, findings);
    }
    free(latest.kept_by_session);
}

static int read_back(struct pass *pass)
{
    struct la_error error;
    pass->client = la_client_connect(pass->address, TIMEOUT_MS, &error);
    if (!pass->client)
        return lost_connection(pass, error.text);
    int bad = read_keys(pass);
    struct la_keyscan scan = {pass->client, pass->address, pass->options->ignore, written, pass, pass->findings, 0};
    if (!bad && la_keyscan(&scan, &error))
        bad = lost_connection(pass, error.text);
    pass->result->keys = scan.keys;
    redisFree(pass->client);
    return bad;
}

/* Opens what keeps the reads, where they are to be kept, and reads. */
static int read_and_keep(struct pass *pass)
{
    struct la_error error;
    struct la_reads reads;
    if (!pass->options->reads_path)
        return read_back(pass);
    if (la_reads_create(&reads, pass->options->reads_path, &error))
        return lost_connection(pass, error.text);
    pass->reads = &reads;
    int bad = read_back(pass);
    return la_reads_close(&reads, &error) ? lost_connection(pass, error.text) : bad;
}

int la_verify_node(const struct la_ledger *ledger, const struct la_address *address,
                   const struct la_verify_options *options, struct la_findings *findings, struct la_verify *result)
{
    struct pass pass = {
        .ledger = ledger, .address = address, .options = options, .findings = findings, .result = result};
    uint64_t count = la_ledger_count(ledger);
    *result = (struct la_verify){.read_ns = la_now_ns()};
    uint64_t longest = build_index(ledger, count, &pass.index);
    pass.fates = la_alloc(count, 1);
    pass.ops = la_alloc(longest, sizeof(struct la_op *));
    pass.local = la_alloc(longest, 1);
    int bad = read_and_keep(&pass);
    la_verify_judge(ledger, options->fault_ns, count, pass.fates, findings, result);
    result->complete = !bad && result->checked == result->acked;
    if (!bad && !result->complete && !result->why[0])
        snprintf(result->why, sizeof result->why, "only %llu of %llu acknowledged operations were checked",
                 (unsigned long long)result->checked, (unsigned long long)result->acked);
    free(pass.index.start);
    free(pass.index.order);
    free(pass.fates);
    free(pass.ops);
    free(pass.local);
    return result->complete ? 0 : -1;
}
