/* Lists: RPUSH of one element; the list must be the elements in order. */
#include "types/fates.h"

static int write_key(const struct la_write *write)
{
    la_send(write->client, write->address, "RPUSH", write->name, write->value, NULL);
    return 1;
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    la_fates_elements(history, replies[0]);
}

const struct la_type la_type_list = {
    .name = "list",
    .commands = "RPUSH LRANGE",
    .kinds = {{"rpush", .value = true}},
    .reads = 1,
    .choose = la_choose_only,
    .write = write_key,
    .accept = la_accept_count,
    .read = la_read_list,
    .judge = judge,
};
