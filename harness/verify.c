#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyscan.h"
#include "types.h"

enum { BATCH = 128, TIMEOUT_MS = 20000, REPLIES_MAX = 4 };

/* Operations sorted by key, in order within each: the histories. */
struct index {
    uint64_t keys;   /* sessions * keys in a session */
    uint64_t *start; /* keys + 1 positions in `order` */
    uint32_t *order; /* indices into the ledger */
};

struct pass {
    const struct la_ledger *ledger;
    const struct la_address *address;
    struct la_findings *findings;
    struct la_verify *result;
    struct index index;
    uint8_t *fates; /* by ledger index */
    redisContext *client;
    const struct la_op **ops; /* scratch for one history */
    uint8_t *local;
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

static void judge_key(struct pass *pass, uint64_t key, redisReply *const *replies)
{
    char name[LA_KEY_NAME_MAX];
    uint64_t from = pass->index.start[key];
    uint32_t keys = la_plan_keys(&pass->ledger->head->plan);
    uint32_t count = (uint32_t)(pass->index.start[key + 1] - from);
    name_of(pass, key, name);
    for (uint32_t i = 0; i < count; i++)
        pass->ops[i] = &pass->ledger->ops[pass->index.order[from + i]];
    memset(pass->local, 0, count);
    struct la_history history = {&pass->ledger->head->plan,
                                 name,
                                 (uint32_t)(key / keys),
                                 (uint32_t)(key % keys),
                                 count,
                                 pass->ops,
                                 pass->local,
                                 pass->findings};
    type_of(pass, key)->judge(&history, replies);
    for (uint32_t i = 0; i < count; i++) {
        pass->fates[pass->index.order[from + i]] = pass->local[i];
        pass->result->checked += pass->ops[i]->outcome != LA_OUTCOME_UNKNOWN;
    }
}

static int lost_connection(struct pass *pass, const char *what)
{
    snprintf(pass->result->why, sizeof pass->result->why, "reading back failed: %.200s", what);
    return -1;
}

/* An error that says the key is there with another type is a finding; any other means it was not read. */
static bool usable(const redisReply *reply)
{
    return reply->type != REDIS_REPLY_ERROR || !strncmp(reply->str, "WRONGTYPE", 9);
}

static int read_one(struct pass *pass, uint64_t key)
{
    redisReply *replies[REPLIES_MAX] = {NULL};
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

/* Asks for a batch of keys in one go, then judges the answers. */
static int read_keys(struct pass *pass)
{
    uint64_t batch[BATCH];
    char name[LA_KEY_NAME_MAX];
    for (uint64_t key = 0; key < pass->index.keys;) {
        int count = 0;
        for (; count < BATCH && key < pass->index.keys; key++) {
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
static bool written(void *context, uint32_t session, uint32_t key)
{
    const struct pass *pass = context;
    uint32_t keys = la_plan_keys(&pass->ledger->head->plan);
    return session < pass->ledger->head->sessions && key < keys &&
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

static void note_lost(const struct la_ledger *ledger, const struct la_op *op, struct la_verify *result)
{
    result->lost++;
    result->lost_marked += op->done_ns <= ledger->head->mark_ns;
    result->lost_bytes += op->kind == LA_OP_DEL || op->kind == LA_OP_INCR ? 0 : ledger->head->plan.value_size;
    uint64_t *earliest = &result->earliest_lost_ns[epoch_of(ledger, op)];
    if (!*earliest || op->done_ns < *earliest)
        *earliest = op->done_ns;
}

static void report_hole(const struct la_op *op, uint64_t index, bool same_client, struct la_findings *findings)
{
    char name[LA_KEY_NAME_MAX];
    char evidence[128];
    la_key_name(name, op->session, op->key);
    snprintf(evidence, sizeof evidence, "ledger record %llu, acknowledged at %llu ns", (unsigned long long)index,
             (unsigned long long)op->done_ns);
    bool deletion = op->kind == LA_OP_DEL;
    la_findings_add(findings, deletion ? LA_RESURRECTED : LA_HOLE, evidence,
                    "%s: %s %u is lost, yet a later write %s is there", name, deletion ? "deletion" : "write", op->seq,
                    same_client ? "of the same client" : "sent after its reply");
}

void la_verify_judge(const struct la_ledger *ledger, uint64_t count, uint8_t *fates, struct la_findings *findings,
                     struct la_verify *result)
{
    struct latest latest = {.kept_by_session = la_alloc(ledger->head->sessions + 1U, sizeof(uint64_t))};
    for (uint64_t i = 0; i < count; i++) {
        const struct la_op *op = &ledger->ops[i];
        if (fates[i] != LA_FATE_KEPT)
            continue;
        uint32_t epoch = epoch_of(ledger, op);
        result->survivors += epoch < atomic_load(&ledger->head->epoch);
        latest.kept_by_session[op->session] = i + 1;
        if (op->invoked_ns > latest.kept_invoked[epoch])
            latest.kept_invoked[epoch] = op->invoked_ns;
    }
    for (uint64_t i = 0; i < count; i++) {
        const struct la_op *op = &ledger->ops[i];
        bool acked = op->outcome == LA_OUTCOME_OK || op->outcome == LA_OUTCOME_WRONG;
        result->acked += acked;
        result->unknown += op->outcome == LA_OUTCOME_UNKNOWN;
        if (op->outcome == LA_OUTCOME_WRONG)
            la_findings_add(findings, LA_CORRUPT, NULL, "la:%u:%u: the reply to operation %u cannot be", op->session,
                            op->key, op->seq);
        if (fates[i] != LA_FATE_LOST)
            continue;
        note_lost(ledger, op, result);
        bool same_client = latest.kept_by_session[op->session] > i;
        if (same_client || op->done_ns < latest.kept_invoked[epoch_of(ledger, op)])
            report_hole(op, i, same_client, findings);
    }
    free(latest.kept_by_session);
}

static int read_back(struct pass *pass, const struct la_strings *ignore)
{
    struct la_error error;
    pass->client = la_client_connect(pass->address, TIMEOUT_MS, &error);
    if (!pass->client)
        return lost_connection(pass, error.text);
    int bad = read_keys(pass);
    struct la_keyscan scan = {pass->client, pass->address, ignore, written, pass, pass->findings, 0};
    if (!bad && la_keyscan(&scan, &error))
        bad = lost_connection(pass, error.text);
    pass->result->keys = scan.keys;
    redisFree(pass->client);
    return bad;
}

int la_verify_node(const struct la_ledger *ledger, const struct la_address *address, const struct la_strings *ignore,
                   struct la_findings *findings, struct la_verify *result)
{
    struct pass pass = {.ledger = ledger, .address = address, .findings = findings, .result = result};
    uint64_t count = la_ledger_count(ledger);
    *result = (struct la_verify){.read_ns = la_now_ns()};
    uint64_t longest = build_index(ledger, count, &pass.index);
    pass.fates = la_alloc(count, 1);
    pass.ops = la_alloc(longest, sizeof(struct la_op *));
    pass.local = la_alloc(longest, 1);
    int bad = read_back(&pass, ignore);
    la_verify_judge(ledger, count, pass.fates, findings, result);
    result->complete = !bad && result->checked == result->acked;
    if (!bad && !result->complete)
        snprintf(result->why, sizeof result->why, "only %llu of %llu acknowledged operations were checked",
                 (unsigned long long)result->checked, (unsigned long long)result->acked);
    free(pass.index.start);
    free(pass.index.order);
    free(pass.fates);
    free(pass.ops);
    free(pass.local);
    return result->complete ? 0 : -1;
}
