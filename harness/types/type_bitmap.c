/* Bitmaps: each operation sets the bit of its own number. */
#include <stdio.h>

#include "types/fates.h"

static int write_key(const struct la_write *write)
{
    char offset[16];
    snprintf(offset, sizeof offset, "%u", write->op->seq);
    la_send(write->client, write->address, "SETBIT", write->name, offset, "1", NULL);
    return 1;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)state;
    (void)op;
    return la_is_between(reply, 0, 0);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    const redisReply *bits = replies[0];
    if (bits->type != REDIS_REPLY_STRING && bits->type != REDIS_REPLY_NIL) {
        la_fates_report(history, LA_CORRUPT, bits->str, "no longer a bitmap");
        return;
    }
    for (uint32_t bit = 0; bit / 8 < bits->len; bit++) {
        if (!((unsigned char)bits->str[bit / 8] >> (7 - bit % 8) & 1))
            continue;
        uint32_t at = la_fates_find(history, bit);
        if (at < history->count)
            history->fates[at] = LA_FATE_KEPT;
        else
            la_fates_report(history, LA_PHANTOM, NULL, "bit %u is set, and nobody set it", bit);
    }
    la_fates_items(history);
}

const struct la_type la_type_bitmap = {
    .name = "bitmap",
    .commands = "SETBIT GET",
    .kinds = {{.name = "setbit"}},
    .reads = 1,
    .choose = la_choose_only,
    .write = write_key,
    .accept = accept,
    .read = la_read_string,
    .judge = judge,
};
