/*
 * Recorded traffic (load.replay): each operation is one item of the recording, in its order, by one connection. What it
 * does is not known here: what came back is held against another server that was sent the same, see verify_recorded.h.
 */
#include "redis/recording.h"
#include "types/types.h"

static int write_key(const struct la_write *write)
{
    const struct la_recorded *item = &write->recording->items[write->op->seq - 1];
    *write->lead = *write->database != item->database;
    return la_recording_send(item, write->client, write->database);
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)state;
    (void)op;
    (void)reply; /* any reply but an error is one that the recorded server may have given, too */
    return true;
}

const struct la_type la_type_replay = {
    .name = "replay",
    .kinds = {{.name = "recorded"}},
    .alone = true,
    .single = true,
    .choose = la_choose_only,
    .write = write_key,
    .accept = accept,
};
