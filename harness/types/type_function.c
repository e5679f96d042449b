/* Functions (Redis 7): FUNCTION LOAD of a library that is the key's own, then FCALL, which writes what a script does.
 */
#include <stdio.h>

#include "types/fates.h"

enum { LOAD = 1, CALL };

static void choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    (void)state;
    (void)dice;
    op->kind = op->seq == 1 ? LOAD : CALL;
}

/* Library and function: as the key, in letters that are allowed. */
static struct la_subkey library_of(const char *name)
{
    struct la_subkey library;
    snprintf(library.text, sizeof library.text, "%s", name);
    for (char *at = library.text; *at; at++)
        *at = (char)(*at == ':' ? '_' : *at);
    return library;
}

struct code {
    char text[512];
};

static struct code code_of(const struct la_address *address, const struct la_subkey *library)
{
    struct code code;
    snprintf(
        code.text, sizeof code.text,
        "#!lua name=%s\nredis.register_function('%s',function(keys,args) return {redis.call('%.40s',keys[1],args[1]),"
        "redis.call('%.40s',keys[2]),redis.call('%.40s',keys[3],args[1])} end)",
        library->text, library->text, la_command_name(address, "SET"), la_command_name(address, "INCR"),
        la_command_name(address, "RPUSH"));
    return code;
}

static int write_key(const struct la_write *write)
{
    struct la_subkey library = library_of(write->name);
    if (write->op->kind == CALL) {
        la_send(write->client, write->address, "FCALL", library.text, "3", la_subkey_of(write->name, 'a').text,
                la_subkey_of(write->name, 'b').text, la_subkey_of(write->name, 'c').text, write->value, NULL);
        return 1;
    }
    struct code code = code_of(write->address, &library);
    la_send(write->client, write->address, "FUNCTION", "LOAD", "REPLACE", code.text, NULL);
    return 1;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    return op->kind == LOAD ? reply->type == REDIS_REPLY_STRING : la_triple_accept(state, op, reply);
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "FUNCTION", "LIST", "LIBRARYNAME", library_of(name).text, "WITHCODE", NULL);
    la_triple_read(client, address, name);
}

/* The code in what FUNCTION LIST says of one library; NULL: it says none. */
static const redisReply *code_in(const redisReply *list)
{
    const redisReply *fields = list->type == REDIS_REPLY_ARRAY && list->elements == 1 ? list->element[0] : NULL;
    for (size_t i = 0; fields && fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2)
        if (la_is_text(fields->element[i], "library_code"))
            return fields->element[i + 1];
    return NULL;
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    la_triple_judge(history, replies + 1);
    if (history->ops[0]->kind != LOAD)
        return;
    history->fates[0] = LA_FATE_NONE;
    if (replies[0]->type != REDIS_REPLY_ARRAY || !replies[0]->elements) {
        la_fates_lost(history, 0, 1);
        return;
    }
    struct la_subkey library = library_of(history->name);
    const redisReply *code = code_in(replies[0]);
    if (code && la_is_text(code, code_of(history->address, &library).text))
        history->fates[0] = LA_FATE_KEPT;
    else
        la_fates_report(history, LA_CORRUPT, code ? code->str : NULL, "the library's code is not what was loaded");
}

const struct la_type la_type_function = {
    .name = "function",
    .commands = "FUNCTION FCALL SET INCR RPUSH",
    .kinds = {{.name = "function-load"}, {"fcall", .value = true}},
    .parts = "abc",
    .reads = 4,
    .choose = choose,
    .write = write_key,
    .accept = accept,
    .read = read_key,
    .judge = judge,
};
