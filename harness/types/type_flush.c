/*
 * Databases that are flushed: SET and FLUSHDB in a database that the session has for itself, by a script that goes
 * there: were SELECT a command of its own, and refused, FLUSHDB would empty another database. Sessions that come too
 * late for a database of their own delete the key in database 0 instead.
 */
#include <stdio.h>

#include "types/fates.h"

enum { SET = 1, FLUSH, DEL, REMOVED_ONE_IN = 2, DATABASES = 15 };

static unsigned int database_of(uint32_t session)
{
    return session < DATABASES ? session + 1 : 0;
}

static void choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    (void)state;
    op->kind = SET;
    if (dice % REMOVED_ONE_IN == 0)
        op->kind = database_of(op->session) ? FLUSH : DEL;
}

static int write_key(const struct la_write *write)
{
    static const char *const commands[] = {[SET] = "SET", [FLUSH] = "FLUSHDB", [DEL] = "DEL"};
    static const char *const arguments[] = {[SET] = ",KEYS[1],ARGV[2]", [FLUSH] = "", [DEL] = ",KEYS[1]"};
    char script[192];
    char database[8];
    snprintf(database, sizeof database, "%u", database_of(write->op->session));
    snprintf(script, sizeof script, "redis.call('%.40s',ARGV[1]) return redis.call('%.40s'%s)",
             la_command_name(write->address, "SELECT"), la_command_name(write->address, commands[write->op->kind]),
             arguments[write->op->kind]);
    la_send(write->client, write->address, "EVAL", script, "1", write->name, database,
            write->op->kind == SET ? write->value : NULL, NULL);
    return 1;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)state;
    return op->kind == DEL ? la_is_between(reply, 0, 1) : la_is_status(reply, "OK");
}

/* The session stands in the name: la:SESSION:KEY. */
static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    unsigned int session = 0;
    char database[8];
    sscanf(name, "la:%u", &session);
    snprintf(database, sizeof database, "%u", database_of(session));
    la_send(client, address, "SELECT", database, NULL);
    la_send(client, address, "GET", name, NULL);
    la_send(client, address, "SELECT", "0", NULL);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    la_string_judge(history, replies + 1);
}

const struct la_type la_type_flush = {
    .name = "flush",
    .commands = "EVAL SELECT FLUSHDB SET DEL GET",
    .probe = "EVAL \"return redis.call('SELECT',15)\" 0",
    .kinds = {{"set", .value = true}, {"flushdb", .removes = true}, {"del", .removes = true}},
    .reads = 3,
    .single = true,
    .database = database_of,
    .choose = choose,
    .write = write_key,
    .accept = accept,
    .read = read_key,
    .judge = judge,
};
