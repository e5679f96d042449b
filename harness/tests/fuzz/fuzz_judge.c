/*
 * What a server may say when it is read back: anything. Whatever it answers, a judge gives a fate to each operation and
 * reports the rest; it never crashes.
 *
 * Input: the type (1 byte), how many operations (1), for each its kind, outcome, result and field (1 byte each); the
 * rest are the server's replies, as they come over the wire.
 */
#include <stdlib.h>
#include <string.h>

#include "redis/replies.h"
#include "types/fates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPS = 24, RECORD = 4 };

static const struct la_address plain;
static const struct la_plan plan = {.clients = 1, .pipeline = 1, .value_size = 64, .wait_replicas = 1};

/* How many kinds the type has. */
static unsigned int kinds_of(const struct la_type *type)
{
    unsigned int count = 0;
    while (count < LA_KINDS_MAX && type->kinds[count].name)
        count++;
    return count;
}

static size_t make_ops(const uint8_t *data, size_t size, uint8_t type, struct la_op *ops)
{
    size_t count = 0;
    for (; count < OPS && (count + 1) * RECORD <= size; count++) {
        const uint8_t *from = data + count * RECORD;
        ops[count] = (struct la_op){.session = 3, .key = 5, .seq = (uint32_t)count + 1, .type = type};
        ops[count].kind = (uint8_t)(1 + from[0] % kinds_of(la_types[type]));
        ops[count].outcome = from[1] % 3;
        ops[count].result = from[2] % 2;
        ops[count].field = from[3];
        ops[count].invoked_ns = 1000000 * (count + 1);
        ops[count].done_ns = ops[count].outcome ? ops[count].invoked_ns + 1000 : 0;
    }
    return count;
}

static void judge(struct la_op *ops, size_t count, redisReply *const *replies, uint8_t type)
{
    const struct la_op *pointers[OPS];
    uint8_t fates[OPS] = {0};
    struct la_findings findings = {0};
    for (size_t i = 0; i < count; i++)
        pointers[i] = &ops[i];
    struct la_history history = {.plan = &plan,
                                 .name = "la:3:5",
                                 .address = &plain,
                                 .session = 3,
                                 .key = 5,
                                 .count = (uint32_t)count,
                                 .ops = pointers,
                                 .fates = fates,
                                 .findings = &findings,
                                 .asked_ns = 100000000,
                                 .answered_ns = 101000000};
    la_types[type]->judge(&history, replies);
    for (size_t i = 0; i < count; i++)
        if (fates[i] > LA_FATE_LOST || (fates[i] == LA_FATE_LOST && ops[i].outcome == LA_OUTCOME_UNKNOWN))
            abort();
}

/* A reply to a write is taken as it comes, too. */
static void accept(struct la_op *op, const redisReply *reply)
{
    struct la_key_state state = {0};
    op->field %= LA_FIELDS; /* as the load chooses them */
    if (reply->type != REDIS_REPLY_ERROR)
        la_types[op->type]->accept(&state, op, reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct la_op ops[OPS];
    redisReply *replies[LA_READS_MAX] = {NULL};
    if (size < 2)
        return 0;
    uint8_t type = (uint8_t)(data[0] % la_type_count);
    if (!la_types[type]->judge)
        return 0;
    size_t wanted = data[1] % OPS * RECORD;
    wanted = wanted < size - 2 ? wanted : size - 2;
    size_t count = make_ops(data + 2, wanted, type, ops);
    struct la_bounded bounded = {0};
    redisReader *reader = redisReaderCreate();
    la_bounded_attach(&bounded, reader, size); /* a larger array cannot become a reply */
    redisReaderFeed(reader, (const char *)data + 2 + wanted, size - 2 - wanted);
    int got = 0;
    while (got < la_types[type]->reads && redisReaderGetReply(reader, (void **)&replies[got]) == REDIS_OK &&
           replies[got])
        got++;
    if (count && got == la_types[type]->reads) {
        judge(ops, count, replies, type);
        accept(&ops[0], replies[0]);
    }
    for (int i = 0; i < got; i++)
        freeReplyObject(replies[i]);
    redisReaderFree(reader);
    return 0;
}
