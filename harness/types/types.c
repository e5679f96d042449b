#include "types/types.h"

#include <hiredis/sds.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One row a type. The order is that of la_plan.keys, and of the ledger: new ones go to the end. */
#define TYPES(ROW)                                                                                                     \
    ROW(string)                                                                                                        \
    ROW(counter)                                                                                                       \
    ROW(list)                                                                                                          \
    ROW(hash)                                                                                                          \
    ROW(transaction)                                                                                                   \
    ROW(set)                                                                                                           \
    ROW(zset)                                                                                                          \
    ROW(stream)                                                                                                        \
    ROW(group)                                                                                                         \
    ROW(bitmap)                                                                                                        \
    ROW(hyperloglog)                                                                                                   \
    ROW(geo)                                                                                                           \
    ROW(append)                                                                                                        \
    ROW(range)                                                                                                         \
    ROW(script)                                                                                                        \
    ROW(expiry)                                                                                                        \
    ROW(move)                                                                                                          \
    ROW(flush)                                                                                                         \
    ROW(wait)                                                                                                          \
    ROW(waitaof)                                                                                                       \
    ROW(field_expiry)                                                                                                  \
    ROW(function)                                                                                                      \
    ROW(queue)                                                                                                         \
    ROW(replay)

#define DECLARE(name) extern const struct la_type la_type_##name;
#define ENTER(name)   &la_type_##name,
TYPES(DECLARE)
const struct la_type *const la_types[] = {TYPES(ENTER)};
const unsigned int la_type_count = sizeof la_types / sizeof *la_types;

_Static_assert(sizeof la_types / sizeof *la_types <= LA_TYPES_MAX, "la_plan.keys has room for every type");

int la_type_find(const char *name)
{
    for (unsigned int i = 0; i < la_type_count; i++)
        if (!strcmp(la_types[i]->name, name))
            return (int)i;
    return -1;
}

const struct la_kind *la_op_kind(const struct la_op *op)
{
    return &la_types[op->type]->kinds[op->kind - 1];
}

bool la_op_waits(const struct la_op *op)
{
    return la_op_kind(op)->blocks || la_types[op->type]->promised;
}

/*
 * 15 bytes, as long as redis-benchmark's at least: in Redis a shorter name lies in another size class of the allocator
 * than the entry that points to it, which costs the server a cache miss, and a tenth of its speed, at every command.
 */
void la_key_name(char out[LA_KEY_NAME_MAX], uint32_t session, uint32_t key)
{
    char *at = stpcpy(out, "la:");
    at = la_put_digits(at, session, 6, ':');
    la_put_digits(at, key, 5, '\0');
}

/*
 * One request, in place: *COUNT, then $LENGTH and the word, for each. hiredis formats it elsewhere first, and copies;
 * that took a third of the load's time.
 */
static void put_request(redisContext *client, int count, const char *const *words, const size_t *lengths)
{
    enum { FRAME = 32 }; /* around a word: two line ends, a mark and a number */
    size_t room = FRAME;
    for (int i = 0; i < count; i++)
        room += FRAME + lengths[i];
    sds buffer = sdsMakeRoomFor(client->obuf, room);
    char *begin = buffer + sdslen(buffer);
    char *at = begin;
    *at++ = '*';
    at = la_put_number(at, (uint64_t)count, '\r');
    *at++ = '\n';
    for (int i = 0; i < count; i++) {
        *at++ = '$';
        at = la_put_number(at, lengths[i], '\r');
        *at++ = '\n';
        memcpy(at, words[i], lengths[i]);
        at += lengths[i];
        *at++ = '\r';
        *at++ = '\n';
    }
    sdsIncrLen(buffer, (int)(at - begin));
    client->obuf = buffer;
}

void la_send(redisContext *client, const struct la_address *address, ...)
{
    const char *words[16] = {""};
    size_t lengths[16];
    int count = 0;
    va_list args;
    va_start(args, address);
    for (const char *word; count < 16 && (word = va_arg(args, const char *)); count++)
        words[count] = word;
    va_end(args);
    words[0] = la_command_name(address, words[0]);
    for (int i = 0; i < count; i++)
        lengths[i] = strlen(words[i]);
    put_request(client, count, words, lengths);
}

bool la_is_status(const redisReply *reply, const char *text)
{
    return reply->type == REDIS_REPLY_STATUS && !strcmp(reply->str, text);
}

bool la_is_number(const redisReply *reply, unsigned long long *number)
{
    char plain[24];
    *number = reply->type == REDIS_REPLY_STRING ? strtoull(reply->str, NULL, 10) : 0;
    snprintf(plain, sizeof plain, "%llu", *number);
    return la_is_text(reply, plain);
}

bool la_is_text(const redisReply *reply, const char *text)
{
    size_t length = strlen(text);
    return reply->type == REDIS_REPLY_STRING && (size_t)reply->len == length && !memcmp(reply->str, text, length);
}

bool la_is_between(const redisReply *reply, long long low, long long high)
{
    return reply->type == REDIS_REPLY_INTEGER && reply->integer >= low && reply->integer <= high;
}

struct la_subkey la_subkey_of(const char *name, char which)
{
    struct la_subkey part;
    snprintf(part.text, sizeof part.text, "%s:%c", name, which);
    return part;
}
