/* Lua scripts with several writes: those of a transaction, by EVAL. */
#include <stdio.h>

#include "types/fates.h"

static int write_key(const struct la_write *write)
{
    char script[256];
    snprintf(script, sizeof script,
             "return {redis.call('%.40s',KEYS[1],ARGV[1]),redis.call('%.40s',KEYS[2]),"
             "redis.call('%.40s',KEYS[3],ARGV[1])}",
             la_command_name(write->address, "SET"), la_command_name(write->address, "INCR"),
             la_command_name(write->address, "RPUSH"));
    la_send(write->client, write->address, "EVAL", script, "3", la_subkey_of(write->name, 'a').text,
            la_subkey_of(write->name, 'b').text, la_subkey_of(write->name, 'c').text, write->value, NULL);
    return 1;
}

const struct la_type la_type_script = {
    .name = "script",
    .commands = "EVAL SET INCR RPUSH GET LRANGE",
    .kinds = {{"eval", .value = true}},
    .parts = "abc",
    .reads = 3,
    .choose = la_choose_only,
    .write = write_key,
    .accept = la_triple_accept,
    .read = la_triple_read,
    .judge = la_triple_judge,
};
