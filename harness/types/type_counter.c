/* Counters: INCR, whose reply says how many came before. */
#include "types/fates.h"

static int write_key(const struct la_write *write)
{
    la_send(write->client, write->address, "INCR", write->name, NULL);
    return 1;
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    const redisReply *reply = replies[0];
    unsigned long long value;
    if (!la_is_number(reply, &value) && reply->type != REDIS_REPLY_NIL) {
        la_fates_report(history, LA_CORRUPT, reply->str, "no longer a counter");
        return;
    }
    if (value > history->count) {
        la_fates_report(history, LA_PHANTOM, reply->str, "counts %llu of %u increments", value, history->count);
        return;
    }
    for (uint32_t i = 0; i < value; i++)
        history->fates[i] = LA_FATE_KEPT;
    la_fates_lost(history, (uint32_t)value, history->count);
}

const struct la_type la_type_counter = {
    .name = "counter",
    .commands = "INCR GET",
    .kinds = {{.name = "incr"}},
    .reads = 1,
    .choose = la_choose_only,
    .write = write_key,
    .accept = la_accept_count,
    .read = la_read_string,
    .judge = judge,
};
