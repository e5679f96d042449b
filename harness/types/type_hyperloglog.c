/*
 * HyperLogLogs: PFADD of an element of its own. An element raises one of 16384 registers or none, so what came back is
 * judged register by register, from the representation that GET gives. Which register an element falls on is the
 * server's own affair; that it is as in Redis shows in the replies to PFADD, and where it is not, nothing is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "types/fates.h"

enum { REGISTERS = 16384, INDEX_BITS = 14, HEAD = 16, ELEMENT_MAX = 48 };

/* MurmurHash64A, as Redis seeds it. */
static uint64_t hash_of(const char *element, size_t length)
{
    const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
    uint64_t hash = UINT64_C(0xadc83b19) ^ length * m;
    size_t at = 0;
    for (uint64_t word; at + sizeof word <= length; at += sizeof word) {
        memcpy(&word, element + at, sizeof word);
        word *= m;
        word ^= word >> 47;
        hash = (hash ^ word * m) * m;
    }
    uint64_t rest = 0;
    memcpy(&rest, element + at, length - at);
    if (length > at)
        hash = (hash ^ rest) * m;
    hash = (hash ^ hash >> 47) * m;
    return hash ^ hash >> 47;
}

struct place {
    uint32_t index;
    uint8_t rank;
};

static size_t element_of(char out[ELEMENT_MAX], const struct la_op *op)
{
    return (size_t)snprintf(out, ELEMENT_MAX, "%u.%u.%u", op->session, op->key, op->seq);
}

static struct place place_of(const struct la_op *op)
{
    char element[ELEMENT_MAX];
    uint64_t hash = hash_of(element, element_of(element, op));
    uint64_t rest = hash >> INDEX_BITS | UINT64_C(1) << (64 - INDEX_BITS);
    return (struct place){(uint32_t)(hash % REGISTERS), (uint8_t)(__builtin_ctzll(rest) + 1)};
}

static int write_key(const struct la_write *write)
{
    char element[ELEMENT_MAX];
    element_of(element, write->op);
    la_send(write->client, write->address, "PFADD", write->name, element, NULL);
    return 1;
}

static bool accept(struct la_key_state *state, struct la_op *op, const redisReply *reply)
{
    (void)state;
    op->result = reply->integer == 1;
    return la_is_between(reply, 0, 1);
}

static bool read_dense(const unsigned char *from, size_t length, uint8_t *registers)
{
    if (length < (size_t)REGISTERS * 6 / 8)
        return false;
    for (size_t i = 0; i < REGISTERS; i++) {
        size_t bit = i * 6;
        unsigned int low = from[bit / 8];
        unsigned int high = bit / 8 + 1 < length ? from[bit / 8 + 1] : 0;
        registers[i] = (uint8_t)((low | high << 8) >> bit % 8 & 63);
    }
    return true;
}

/* Runs: 00nnnnnn and 01nnnnnn nnnnnnnn of zeros, 1vvvvvnn of a value. */
static bool read_sparse(const unsigned char *from, size_t length, uint8_t *registers)
{
    size_t next = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned int code = from[i];
        size_t run = (code & 63) + 1;
        uint8_t value = 0;
        if (code & 128) {
            run = (code & 3) + 1;
            value = (uint8_t)((code >> 2 & 31) + 1);
        } else if (code & 64) {
            if (++i == length)
                return false;
            run = ((code & 63) << 8 | from[i]) + 1;
        }
        if (next + run > REGISTERS)
            return false;
        memset(registers + next, value, run);
        next += run;
    }
    return next == REGISTERS;
}

static bool read_registers(const redisReply *reply, uint8_t *registers)
{
    if (reply->type == REDIS_REPLY_NIL)
        return true;
    if (reply->type != REDIS_REPLY_STRING || reply->len < HEAD || memcmp(reply->str, "HYLL", 4) != 0)
        return false;
    const unsigned char *from = (const unsigned char *)reply->str + HEAD;
    size_t length = (size_t)reply->len - HEAD;
    return reply->str[4] == 0 ? read_dense(from, length, registers) : read_sparse(from, length, registers);
}

/* The replies say whether elements fall where they do in Redis. Leaves in `most` what each register may reach. */
static bool as_in_redis(const struct la_history *history, uint8_t *most)
{
    for (uint32_t i = 0; i < history->count; i++) {
        struct place place = place_of(history->ops[i]);
        bool raises = place.rank > most[place.index];
        if (history->ops[i]->outcome != LA_OUTCOME_UNKNOWN && history->ops[i]->result != raises)
            return false;
        if (raises)
            most[place.index] = place.rank;
    }
    return true;
}

static void judge_registers(struct la_history *history, const uint8_t *registers, const uint8_t *most)
{
    uint8_t *seen = la_alloc(REGISTERS, 1);
    for (uint32_t i = 0; i < history->count; i++) {
        struct place place = place_of(history->ops[i]);
        bool first = place.rank > seen[place.index];
        if (first)
            seen[place.index] = place.rank;
        if (registers[place.index] < place.rank)
            la_fates_lost(history, i, i + 1);
        else /* only the first to raise a register so far can be seen in it */
            history->fates[i] = first && registers[place.index] == place.rank ? LA_FATE_KEPT : LA_FATE_IMPLIED;
    }
    free(seen);
    for (uint32_t i = 0; i < REGISTERS; i++)
        if (registers[i] > most[i])
            la_fates_report(history, LA_PHANTOM, NULL, "register %u holds %u, and no element raised it so far", i,
                            registers[i]);
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    uint8_t *registers = la_alloc(REGISTERS, 1);
    uint8_t *most = la_alloc(REGISTERS, 1);
    if (!as_in_redis(history, most))
        history->unjudged = "the server's HyperLogLog is not that of Redis: its replies to PFADD differ";
    else if (!read_registers(replies[0], registers))
        la_fates_report(history, LA_CORRUPT, NULL, "no longer a HyperLogLog");
    else
        judge_registers(history, registers, most);
    free(registers);
    free(most);
}

const struct la_type la_type_hyperloglog = {
    .name = "hyperloglog",
    .commands = "PFADD GET",
    .kinds = {{.name = "pfadd"}},
    .reads = 1,
    .choose = la_choose_only,
    .write = write_key,
    .accept = accept,
    .read = la_read_string,
    .judge = judge,
};
