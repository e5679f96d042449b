#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/index.h"
#include "ledger/value.h"
#include "redis/keyscan.h"
#include "redis/replies.h"
#include "types/fates.h"
#include "verify/kept.h"
#include "verify/reads.h"
#include "verify/sent.h"
#include "verify/tally.h"
#include "verify/verify_recorded.h"

enum { BATCH = 1024, BATCH_BYTES = 8 << 20, TIMEOUT_MS = 20000 };

struct pass {
    const struct la_ledger *ledger;
    const struct la_address *address;
    const struct la_verify_options *options;
    struct la_findings *findings;
    struct la_verify *result;
    struct la_reads *reads;       /* NULL: not kept */
    struct la_kept *kept;         /* likewise */
    struct la_kept *kept_already; /* what is judged in place of a server; NULL: a server is read */
    struct la_index index;
    struct la_tally tally;
    redisContext *client;
    const struct la_op **ops; /* scratch for one history */
    uint8_t *local;
    uint64_t asked_ns;    /* the batch */
    uint64_t answered_ns; /* the key; 0: just now */
    long long expiring;   /* keys that were seen to have a time to live */
    long long own;        /* keys that the scenario's commands name */
    uint64_t shown;       /* keys that the scan has named, given ones included */
    struct la_replies replies;
    struct la_keyscan scan;       /* on a connection of its own */
    uint8_t *seen;                /* by key: which of its parts the scan has named, as bits */
    uint32_t keys;                /* in a session */
    const struct la_type **types; /* of each of them */
};

static bool touched(const struct la_index *index, uint64_t key)
{
    return index->start[key + 1] > index->start[key];
}

static const struct la_type *type_of(const struct pass *pass, uint64_t key)
{
    return pass->types[key % pass->keys];
}

static void name_of(const struct pass *pass, uint64_t key, char out[LA_KEY_NAME_MAX])
{
    la_key_name(out, (uint32_t)(key / pass->keys), (uint32_t)(key % pass->keys));
}

/* One key's history, in scratch that the next one uses again. */
static struct la_history history_of(struct pass *pass, uint64_t key, const char *name)
{
    uint32_t count = la_index_ops(&pass->index, pass->ledger, key, pass->ops);
    memset(pass->local, 0, count);
    return (struct la_history){.plan = &pass->ledger->head->plan,
                               .name = name,
                               .address = pass->address,
                               .session = (uint32_t)(key / pass->keys),
                               .key = (uint32_t)(key % pass->keys),
                               .count = count,
                               .ops = pass->ops,
                               .fates = pass->local,
                               .findings = pass->findings,
                               .asked_ns = pass->asked_ns,
                               .answered_ns = pass->answered_ns ? pass->answered_ns : la_now_ns(),
                               .lenient_ns = pass->options->lenient_ns,
                               .timeless = pass->options->timeless};
}

static void judge_key(struct pass *pass, uint64_t key, redisReply *const *replies)
{
    char name[LA_KEY_NAME_MAX];
    name_of(pass, key, name);
    struct la_history history = history_of(pass, key, name);
    const struct la_kept_key kept = {history.session, history.key, history.asked_ns, history.answered_ns};
    if (pass->kept)
        la_kept_add(pass->kept, &kept, replies, type_of(pass, key)->reads);
    type_of(pass, key)->judge(&history, replies);
    if (pass->reads)
        la_reads_add(pass->reads, &history);
    for (uint32_t i = 0; i < history.count; i++) {
        la_tally_add(&pass->tally, pass->ops[i], (enum la_fate)pass->local[i]);
        pass->result->checked += pass->ops[i]->outcome != LA_OUTCOME_UNKNOWN && !history.unjudged;
    }
    pass->expiring += history.expires;
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
        replies[i] = la_client_reply(pass->client);
        if (!replies[i])
            bad = lost_connection(pass, pass->client->errstr);
        else if (!usable(replies[i]))
            bad = lost_connection(pass, replies[i]->str);
    }
    if (!bad)
        judge_key(pass, key, replies);
    for (int i = 0; i < reads; i++)
        la_replies_free(&pass->replies, replies[i]);
    return bad;
}

/* Keys in one batch: the server holds all of their values ready at once. */
static int batch_size(const struct la_plan *plan)
{
    int fitting = (int)(BATCH_BYTES / la_value_largest(plan)) + 1;
    return fitting < BATCH ? fitting : BATCH;
}

/* Is this a key that the load wrote to? Exactly as it is made: la:SESSION:KEY, and a letter where a key has parts. */
static bool ours(const struct pass *pass, int database, const char *name, bool *again)
{
    char *end = NULL;
    char made[LA_KEY_NAME_MAX];
    if (strncmp(name, "la:", 3) != 0)
        return false;
    unsigned long session = strtoul(name + 3, &end, 10);
    unsigned long key = *end == ':' ? strtoul(end + 1, &end, 10) : pass->keys;
    if (session >= pass->ledger->head->sessions || key >= pass->keys)
        return false;
    la_key_name(made, (uint32_t)session, (uint32_t)key);
    size_t length = strlen(made);
    if (strncmp(name, made, length) != 0)
        return false;
    const char *rest = name + length;
    const struct la_type *type = pass->types[key];
    unsigned int home = type->database ? type->database((uint32_t)session) : 0;
    bool fits = type->parts ? rest[0] == ':' && rest[1] && strchr(type->parts, rest[1]) && !rest[2] : !rest[0];
    uint64_t index = session * pass->keys + key;
    if (!fits || (unsigned int)database != home || !touched(&pass->index, index))
        return false;
    uint8_t bit = (uint8_t)(1U << (type->parts ? strchr(type->parts, rest[1]) - type->parts : 0));
    *again = pass->seen[index] & bit; /* a scan may name a key more than once */
    pass->seen[index] |= bit;
    return true;
}

static void visit(void *context, int database, const redisReply *name)
{
    struct pass *pass = context;
    pass->shown++;
    if ((database == 0 && !strcmp(name->str, LA_RECOVERY_KEY)) ||
        la_keyscan_find(pass->options->ignore, database, name->str))
        return;
    if (la_sent_names(pass->options->sent, name->str, name->len)) {
        pass->own++;
        return;
    }
    bool text = strlen(name->str) == (size_t)name->len;
    bool again = false;
    bool known = text && ours(pass, database, name->str, &again);
    pass->result->keys += !again;
    pass->shown -= again;
    if (!known)
        la_findings_add(pass->findings, LA_PHANTOM, name->str, "a key in database %d that nobody wrote", database);
}

/* Keys that are asked for in one go. */
struct batch {
    uint64_t keys[BATCH];
    int count;
    uint64_t asked_ns;
};

/* Asks for the next keys, from *next on. */
static int ask(struct pass *pass, struct batch *batch, uint64_t *next)
{
    char name[LA_KEY_NAME_MAX];
    int most = batch_size(&pass->ledger->head->plan);
    batch->asked_ns = la_now_ns();
    for (batch->count = 0; batch->count < most && *next < pass->index.keys; ++*next) {
        if (!touched(&pass->index, *next))
            continue;
        name_of(pass, *next, name);
        type_of(pass, *next)->read(pass->client, pass->address, name);
        batch->keys[batch->count++] = *next;
    }
    return la_client_flush(pass->client) ? lost_connection(pass, pass->client->errstr) : 0;
}

/* A server that refuses to list its keys can be asked for each: what is lost is seen, what is too much is not. */
static int give_up_scan(struct pass *pass, const char *why)
{
    if (pass->scan.client->err)
        return lost_connection(pass, why);
    snprintf(pass->result->unlisted, sizeof pass->result->unlisted,
             "keys that nobody wrote were not looked for: %.200s", why);
    pass->scan.database = -1; /* there is nothing more to come */
    return 0;
}

/* While one batch is judged, the server is busy with the next. */
static int read_keys(struct pass *pass)
{
    struct batch batches[2];
    struct la_error error;
    uint64_t next = 0;
    if (ask(pass, &batches[0], &next))
        return -1;
    for (int turn = 0; batches[turn].count; turn = !turn) {
        if (ask(pass, &batches[!turn], &next))
            return -1;
        pass->asked_ns = batches[turn].asked_ns;
        for (int i = 0; i < batches[turn].count; i++)
            if (read_one(pass, batches[turn].keys[i]))
                return -1;
        if (la_keyscan_step(&pass->scan, false, &error) < 0 && give_up_scan(pass, error.text))
            return -1;
    }
    return 0;
}

/* How many keys may have a time to live: on a replica also those that were seen expired, which it keeps until told. */
static long long may_expire(const struct pass *pass, const char *info)
{
    char role[16] = "";
    long long most = (long long)pass->options->ignore->count + pass->own;
    la_info_field(info, "role", role, sizeof role);
    if (!strcmp(role, "master"))
        return most + pass->expiring;
    for (uint64_t key = 0; key < pass->index.keys; key++)
        most += touched(&pass->index, key) && type_of(pass, key)->expires;
    return most;
}

/*
 * Times to live of other types' keys are not read: a server that invents them gives itself away by their number. Any
 * key that was there before the load may have one. To be asked after the scan, which has removed what has expired.
 */
static int check_expires(struct pass *pass)
{
    char *info = la_client_info(pass->scan.client, pass->address);
    struct la_keyspace keyspace = la_info_keyspace(info);
    long long expires = keyspace.expires;
    if (!info)
        return lost_connection(pass, "INFO: no reply");
    long long most = may_expire(pass, info);
    free(info);
    /* Counted, and shown to nobody: they have expired, and the server deletes nothing while writes are paused. */
    long long hidden = keyspace.keys - (long long)pass->shown;
    most += hidden > 0 ? hidden : 0;
    if (expires > most)
        la_findings_add(pass->findings, LA_WRONG_TTL, NULL,
                        "%lld keys have a time to live, %lld at most were given one", expires, most);
    return 0;
}

/* Libraries that nobody loaded; of given data they may be. */
static int check_libraries(struct pass *pass)
{
    long long loaded = la_sent_libraries(pass->options->sent);
    int function = la_type_find("function");
    if (pass->options->ignore->count)
        return 0;
    redisReply *list = la_client_send(pass->scan.client, pass->address, "FUNCTION LIST");
    if (!list)
        return lost_connection(pass, "FUNCTION LIST: no reply");
    for (uint64_t key = 0; key < pass->index.keys; key++)
        loaded += touched(&pass->index, key) && type_of(pass, key) == la_types[function];
    if (list->type == REDIS_REPLY_ARRAY && (long long)list->elements > loaded)
        la_findings_add(pass->findings, LA_PHANTOM, NULL, "%zu function libraries, %lld at most were loaded",
                        list->elements, loaded);
    freeReplyObject(list);
    return 0;
}

/* Reads the keys, and goes through all names meanwhile. */
static int read_and_scan(struct pass *pass)
{
    struct la_error error;
    int bad = la_keyscan_begin(&pass->scan, &error) ? lost_connection(pass, error.text) : read_keys(pass);
    int left = bad ? -1 : 1;
    while (left > 0)
        left = la_keyscan_step(&pass->scan, true, &error);
    if (!bad && left < 0)
        bad = give_up_scan(pass, error.text);
    if (!bad && pass->scan.blind)
        bad = give_up_scan(pass, "INFO is refused, so only database 0 is known of");
    la_keyscan_end(&pass->scan);
    if (!bad && pass->result->unlisted[0])
        return 0;
    return bad || check_expires(pass) || check_libraries(pass) ? -1 : 0;
}

static int read_back(struct pass *pass)
{
    struct la_error error;
    int bad = 0;
    pass->client = la_client_connect(pass->address, TIMEOUT_MS, &error);
    pass->scan = (struct la_keyscan){.address = pass->address, .visit = visit, .context = pass};
    pass->scan.client = pass->client ? la_client_connect(pass->address, TIMEOUT_MS, &error) : NULL;
    if (!pass->scan.client) {
        bad = lost_connection(pass, error.text);
    } else {
        la_client_allow(pass->client, LA_VALUES_BYTES);
        la_replies_attach(&pass->replies, pass->client);
        bad = read_and_scan(pass);
        la_client_close(pass->scan.client);
    }
    if (pass->client)
        la_client_close(pass->client);
    return bad;
}

/* Opens what keeps the reads, where they are to be kept, and reads. */
static int read_and_keep(struct pass *pass)
{
    struct la_error error;
    struct la_reads reads;
    struct la_kept kept;
    const struct la_verify_options *options = pass->options;
    if (!options->reads_path)
        return read_back(pass);
    if (la_reads_create(&reads, options->reads_path, &error))
        return lost_connection(pass, error.text);
    if (la_kept_create(&kept, options->kept_path, options->timeless, options->lenient_ns, &error)) {
        la_reads_close(&reads, &error);
        return lost_connection(pass, error.text);
    }
    pass->reads = &reads;
    pass->kept = &kept;
    int bad = read_back(pass);
    pass->reads = NULL;
    pass->kept = NULL;
    int lost = la_kept_close(&kept, &error);
    return la_reads_close(&reads, &error) || lost ? lost_connection(pass, error.text) : bad;
}

/* What was kept, in place of a server. */
static int judge_kept(struct pass *pass)
{
    struct la_kept_key at;
    while (la_kept_next(pass->kept_already, &at)) {
        redisReply *replies[LA_READS_MAX];
        uint64_t key = (uint64_t)at.session * pass->keys + at.key;
        if (at.key >= pass->keys || key >= pass->index.keys || pass->seen[key]++ || !touched(&pass->index, key))
            return lost_connection(pass, "the file of replies does not go with the ledger");
        pass->asked_ns = at.asked_ns;
        pass->answered_ns = at.answered_ns;
        int count = type_of(pass, key)->reads;
        if (la_kept_replies(pass->kept_already, replies, count))
            return lost_connection(pass, "the file of replies is damaged");
        judge_key(pass, key, replies);
        for (int i = 0; i < count; i++)
            freeReplyObject(replies[i]);
    }
    return 0;
}

static int judge_recorded(struct pass *pass)
{
    struct la_error error;
    const struct la_recorded_sides sides = {pass->address, pass->options->reference, pass->options->sent,
                                            pass->options->changed};
    long long keys =
        la_recorded_judge(pass->ledger, pass->options->recording, &sides, pass->findings, &pass->tally, &error);
    if (keys < 0)
        return lost_connection(pass, error.text);
    pass->result->keys = (uint64_t)keys;
    pass->result->checked = pass->result->acked;
    return 0;
}

static void list_types(struct pass *pass)
{
    const struct la_plan *plan = &pass->ledger->head->plan;
    pass->keys = la_plan_keys(plan);
    pass->types = la_alloc(pass->keys, sizeof(struct la_type *));
    for (uint32_t key = 0; key < pass->keys; key++)
        pass->types[key] = la_types[la_plan_type(plan, key)];
}

static int judge_by_keys(struct pass *pass)
{
    list_types(pass);
    la_index_make(&pass->index, pass->ledger, la_ledger_count(pass->ledger));
    pass->ops = la_alloc(pass->index.longest, sizeof(struct la_op *));
    pass->local = la_alloc(pass->index.longest, 1);
    pass->seen = la_alloc(pass->index.keys, 1);
    int bad = pass->kept_already ? judge_kept(pass) : read_and_keep(pass);
    la_index_free(&pass->index);
    la_replies_release(&pass->replies);
    free(pass->types);
    free(pass->ops);
    free(pass->local);
    free(pass->seen);
    return bad;
}

static int judge_all(struct pass *pass)
{
    const struct la_ledger *ledger = pass->ledger;
    struct la_verify *result = pass->result;
    *result = (struct la_verify){.read_ns = la_now_ns()};
    la_tally_begin(&pass->tally, ledger, pass->options->fault_ns, pass->findings, result);
    int bad = pass->options->recording ? judge_recorded(pass) : judge_by_keys(pass);
    la_tally_end(&pass->tally);
    /* what the load counted while it ran is held against what was found in the ledger afterwards */
    uint64_t acked = atomic_load(&ledger->head->acked);
    acked = acked > result->acked ? acked : result->acked;
    result->complete = !bad && result->checked == acked;
    if (!bad && !result->complete && !result->why[0])
        snprintf(result->why, sizeof result->why, "only %llu of %llu acknowledged operations were checked",
                 (unsigned long long)result->checked, (unsigned long long)acked);
    return result->complete ? 0 : -1;
}

int la_verify_node(const struct la_ledger *ledger, const struct la_address *address,
                   const struct la_verify_options *options, struct la_findings *findings, struct la_verify *result)
{
    struct pass pass = {
        .ledger = ledger, .address = address, .options = options, .findings = findings, .result = result};
    return judge_all(&pass);
}

int la_verify_kept(const struct la_ledger *ledger, const char *path, const struct la_address *address,
                   struct la_findings *findings, struct la_verify *result, struct la_error *error)
{
    struct la_kept kept;
    struct la_verify_options options = {0};
    struct pass pass = {.ledger = ledger,
                        .address = address,
                        .options = &options,
                        .findings = findings,
                        .result = result,
                        .kept_already = &kept};
    int opened = la_kept_open(&kept, path, &options.timeless, &options.lenient_ns, error);
    if (opened)
        return opened;
    int bad = judge_all(&pass);
    la_kept_close(&kept, error);
    return bad ? la_fail(error, "%s", result->why) : 0;
}
