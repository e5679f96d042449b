#include "redis/recording.h"

#include <hiredis/sds.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "redis/replies.h"

static const char *const left_out[] = {
    "AUTH",      "HELLO",     "CLIENT",  "CONFIG",     "DEBUG",        "MONITOR",      "SUBSCRIBE", "PSUBSCRIBE",
    "SHUTDOWN",  "REPLICAOF", "SLAVEOF", "BGSAVE",     "SAVE",         "BGREWRITEAOF", "PSYNC",     "SYNC",
    "REPLCONF",  "WAIT",      "WAITAOF", "WATCH",      "UNWATCH",      "FAILOVER",     "CLUSTER",   "BLPOP",
    "BRPOP",     "BLMOVE",    "BLMPOP",  "BRPOPLPUSH", "BZPOPMIN",     "BZPOPMAX",     "BZMPOP",    "ACL",
    "COMMAND",   "INFO",      "PING",    "QUIT",       "SSUBSCRIBE",   "UNSUBSCRIBE",  "MODULE",    "SELECT",
    "MULTI",     "EXEC",      "DISCARD", "RESET",      "PUNSUBSCRIBE", "SUNSUBSCRIBE", "ASKING",    "READONLY",
    "READWRITE", "SLOWLOG",   "LATENCY", "PUBLISH",    "SPUBLISH",     "PUBSUB",       "ROLE",      "LASTSAVE",
    "ECHO",      "TIME",      "LOLWUT",
};

/* They leave nothing behind that could be lost. PFCOUNT is not among them: it changes the key, a cache in it. */
static const char *const reads[] = {
    "BITCOUNT",     "BITFIELD_RO", "BITPOS",      "DBSIZE",  "DUMP",        "EVALSHA_RO", "EVAL_RO",   "EXISTS",
    "EXPIRETIME",   "FCALL_RO",    "GEODIST",     "GEOHASH", "GEOPOS",      "GEOSEARCH",  "GET",       "GETBIT",
    "GETRANGE",     "HEXISTS",     "HEXPIRETIME", "HGET",    "HGETALL",     "HKEYS",      "HLEN",      "HMGET",
    "HPEXPIRETIME", "HPTTL",       "HRANDFIELD",  "HSCAN",   "HSTRLEN",     "HTTL",       "HVALS",     "KEYS",
    "LCS",          "LINDEX",      "LLEN",        "LPOS",    "LRANGE",      "MEMORY",     "MGET",      "OBJECT",
    "PEXPIRETIME",  "PTTL",        "RANDOMKEY",   "SCAN",    "SCARD",       "SDIFF",      "SINTER",    "SINTERCARD",
    "SISMEMBER",    "SMEMBERS",    "SMISMEMBER",  "SORT_RO", "SRANDMEMBER", "SSCAN",      "STRALGO",   "STRLEN",
    "SUBSTR",       "SUNION",      "TOUCH",       "TTL",     "TYPE",        "XINFO",      "XLEN",      "XPENDING",
    "XRANGE",       "XREAD",       "XREVRANGE",   "ZCARD",   "ZCOUNT",      "ZDIFF",      "ZINTER",    "ZINTERCARD",
    "ZLEXCOUNT",    "ZMSCORE",     "ZRANDMEMBER", "ZRANGE",  "ZRANGEBYLEX", "ZRANK",      "ZREVRANGE", "ZREVRANK",
    "ZSCAN",        "ZSCORE",      "ZUNION",
};

/* These, too, where no word says that the result is kept. */
static const char *const reads_unless_stored[] = {
    "SORT",          "GEORADIUS",      "GEORADIUSBYMEMBER", "GEORADIUS_RO", "GEORADIUSBYMEMBER_RO",
    "ZRANGEBYSCORE", "ZREVRANGEBYLEX", "ZREVRANGEBYSCORE",
};

unsigned int la_recording_selects(const redisReply *command)
{
    return (unsigned int)strtoul(command->element[1]->str, NULL, 10);
}

long long la_recording_deadline_ms(const redisReply *command)
{
    if (command->elements > 2 && la_recorded_is(command, "PEXPIREAT"))
        return strtoll(command->element[2]->str, NULL, 10);
    if (command->elements > 2 && la_recorded_is(command, "EXPIREAT"))
        return strtoll(command->element[2]->str, NULL, 10) * 1000;
    for (size_t i = 1; i + 1 < command->elements; i++) { /* among a SET's options, say */
        long long number = strtoll(command->element[i + 1]->str, NULL, 10);
        if (!strcasecmp(command->element[i]->str, "PXAT"))
            return number;
        if (!strcasecmp(command->element[i]->str, "EXAT"))
            return number * 1000;
    }
    return 0;
}

bool la_recorded_is(const redisReply *command, const char *name)
{
    return !strcasecmp(command->element[0]->str, name);
}

static bool has_word(const redisReply *command, const char *word)
{
    for (size_t i = 1; i < command->elements; i++)
        if (!strcasecmp(command->element[i]->str, word))
            return true;
    return false;
}

#define IS_AMONG(command, names) LA_IS_AMONG((command)->element[0]->str, names)

static bool only_reads(const redisReply *command)
{
    if (IS_AMONG(command, reads_unless_stored))
        return !has_word(command, "STORE") && !has_word(command, "STOREDIST");
    return IS_AMONG(command, reads);
}

static bool wanted(const redisReply *command)
{
    if (IS_AMONG(command, left_out) || only_reads(command))
        return false;
    return !la_recorded_is(command, "XREADGROUP") || !has_word(command, "BLOCK");
}

static bool shaped(const redisReply *command)
{
    bool good = command->type == REDIS_REPLY_ARRAY && command->elements > 0;
    for (size_t i = 0; good && i < command->elements; i++)
        good = command->element[i]->type == REDIS_REPLY_STRING;
    return good;
}

struct la_recorded *la_recording_add(struct la_recording *recording, unsigned int database)
{
    if (recording->count == recording->room) {
        recording->room = recording->room ? 2 * recording->room : 1024;
        recording->items = la_realloc(recording->items, recording->room, sizeof *recording->items);
    }
    struct la_recorded *item = &recording->items[recording->count++];
    *item = (struct la_recorded){.database = database};
    return item;
}

static void add_command(struct la_recorded *item, redisReply *command)
{
    item->commands = la_realloc(item->commands, item->count + 1, sizeof(redisReply *));
    item->commands[item->count++] = command;
}

static redisReply *as_reply(int count, sds *words)
{
    char *request = NULL;
    void *reply = NULL;
    size_t *lengths = la_alloc((size_t)count, sizeof *lengths);
    for (int i = 0; i < count; i++)
        lengths[i] = sdslen(words[i]);
    int length = redisFormatCommandArgv(&request, count, (const char **)words, lengths);
    redisReader *reader = redisReaderCreate();
    redisReaderFeed(reader, request, (size_t)length);
    redisReaderGetReply(reader, &reply);
    redisReaderFree(reader);
    redisFreeCommand(request);
    free(lengths);
    return reply;
}

void la_recording_put(struct la_recorded *item, int count, char **words)
{
    add_command(item, as_reply(count, words));
}

/* Where a reader of a recording stands. */
struct place {
    struct la_recording *recording;
    unsigned int database;
    bool inside; /* between MULTI and EXEC */
    bool open;   /* and its item has been begun */
};

static struct la_recorded *last_item(const struct place *place)
{
    return &place->recording->items[place->recording->count - 1];
}

static void free_item(struct la_recorded *item)
{
    for (size_t i = 0; i < item->count; i++)
        freeReplyObject(item->commands[i]);
    free(item->commands);
}

/* What was discarded was never done. */
static void discard(struct place *place)
{
    if (!place->open)
        return;
    place->recording->left_out += last_item(place)->count;
    free_item(last_item(place));
    place->recording->count--;
}

/* Takes one command, which it owns from now on. */
static void take(struct place *place, redisReply *command)
{
    struct la_recording *recording = place->recording;
    bool select = la_recorded_is(command, "SELECT") && command->elements == 2;
    if (select)
        place->database = la_recording_selects(command);
    if (la_recorded_is(command, "MULTI")) {
        place->inside = true;
    } else if (la_recorded_is(command, "EXEC") || la_recorded_is(command, "DISCARD")) {
        if (la_recorded_is(command, "DISCARD"))
            discard(place);
        place->inside = place->open = false;
    } else if (select ? place->open : wanted(command)) {
        struct la_recorded *item = place->open ? last_item(place) : la_recording_add(recording, place->database);
        place->open = place->inside;
        add_command(item, command);
        return;
    } else if (!select)
        recording->left_out++;
    freeReplyObject(command);
}

/* ---- an append-only file ---- */

/* Between two commands there may be a time (aof-timestamp-enabled): a line that begins with #. */
static void skip_notes(redisReader *reader)
{
    const char *end;
    while (reader->ridx < 0 && reader->pos < reader->len && reader->buf[reader->pos] == '#' &&
           (end = memchr(reader->buf + reader->pos, '\n', reader->len - reader->pos)))
        reader->pos = (size_t)(end - reader->buf) + 1;
}

/* The next command; NULL: more must be fed first, or (reader->err) there is none. */
static redisReply *next_command(redisReader *reader)
{
    void *reply = NULL;
    skip_notes(reader);
    if (reader->ridx < 0 && reader->pos < reader->len && reader->buf[reader->pos] == '#')
        return NULL;
    return redisReaderGetReply(reader, &reply) == REDIS_OK ? reply : NULL;
}

static int read_aof(struct place *place, const char *path, const char *text, size_t size, struct la_error *error)
{
    enum { PIECE = 1 << 16, WORDS = 1 << 20 }; /* so many words a torn command may have, that the file does not hold */
    struct la_bounded bounded = {0};
    redisReader *reader = redisReaderCreate();
    la_bounded_attach(&bounded, reader, size > WORDS ? size : WORDS);
    size_t number = 0;
    size_t whole = 0;
    bool good = true;
    for (size_t at = 0; good && at < size;) {
        redisReply *reply;
        size_t length = size - at < PIECE ? size - at : PIECE;
        redisReaderFeed(reader, text + at, length);
        at += length;
        for (; good && (reply = next_command(reader)); number++) {
            whole = at - (reader->len - reader->pos);
            good = shaped(reply);
            if (good)
                take(place, reply);
            else
                freeReplyObject(reply);
        }
        good = good && !reader->err;
    }
    place->recording->torn = reader->ridx < 0 ? reader->len - reader->pos : size - whole;
    redisReaderFree(reader);
    return good ? 0 : la_fail(error, "%s: after %zu commands there is something else than a command", path, number);
}

/* ---- MONITOR: 1700000000.123456 [0 127.0.0.1:6379] "SET" "key" "value" ---- */

static int read_monitor_line(struct place *place, char *line, const char *path, int number, struct la_error *error)
{
    int from = 0;
    if (!*line || !strcmp(line, "OK"))
        return 0;
    bool begins = sscanf(line, "%*[0-9.] [%u %n", &place->database, &from) == 1 && from;
    const char *end = begins ? strstr(line + from, "] ") : NULL; /* within it may be another: [::1]:6379 */
    if (!end)
        return la_fail(error, "%s:%d: neither an append-only file nor a line of MONITOR", path, number);
    if (!strncmp(line + from, "lua]", 4)) /* part of a script that is there as a whole */
        return 0;
    int count = 0;
    sds *words = sdssplitargs(end + 2, &count);
    if (!words || !count) {
        sdsfreesplitres(words, count);
        return la_fail(error, "%s:%d: no command", path, number);
    }
    take(place, as_reply(count, words));
    sdsfreesplitres(words, count);
    place->inside = place->open = false; /* other clients' commands may stand in between */
    return 0;
}

/* A last line that does not end, and cannot be read, is torn. */
static int read_monitor(struct place *place, char *text, const char *path, struct la_error *error)
{
    int number = 1;
    for (char *line; (line = strsep(&text, "\n")); number++) {
        size_t length = strcspn(line, "\r");
        line[length] = '\0';
        if (!read_monitor_line(place, line, path, number, error))
            continue;
        if (text)
            return -1;
        place->recording->torn = length;
    }
    return 0;
}

int la_recording_read(struct la_recording *recording, const char *path, struct la_error *error)
{
    *recording = (struct la_recording){0};
    struct place place = {.recording = recording};
    size_t size = 0;
    char *text = la_read_file(path, SIZE_MAX, &size, error);
    if (!text)
        return -1;
    int result = 0;
    if (!size)
        result = la_fail(error, "%s: the recording is empty", path);
    else if (size >= 5 && !memcmp(text, "REDIS", 5))
        result = la_fail(error, "%s: this is an RDB; a recording is an .incr.aof, or MONITOR's output", path);
    else if (*text == '*' || *text == '#')
        result = read_aof(&place, path, text, size, error);
    else if (strlen(text) < size)
        result = la_fail(error, "%s: with a zero byte it is neither an append-only file nor MONITOR's output", path);
    else
        result = read_monitor(&place, text, path, error);
    free(text);
    if (!result && !recording->count)
        result = la_fail(error, "%s: no command in it that could be sent again", path);
    if (result)
        la_recording_free(recording);
    return result;
}

void la_recording_free(struct la_recording *recording)
{
    for (size_t i = 0; i < recording->count; i++)
        free_item(&recording->items[i]);
    free(recording->items);
    free(recording->drawn);
    *recording = (struct la_recording){0};
}

unsigned int la_recording_last_database(const struct la_recording *recording)
{
    unsigned int last = 0;
    for (size_t i = 0; i < recording->count; i++) {
        const struct la_recorded *item = &recording->items[i];
        last = item->database > last ? item->database : last;
        for (size_t c = 0; c < item->count; c++)
            if (la_recorded_is(item->commands[c], "SELECT") && la_recording_selects(item->commands[c]) > last)
                last = la_recording_selects(item->commands[c]);
    }
    return last;
}

void la_recording_words(const redisReply *command, const char **words, size_t *lengths)
{
    for (size_t i = 0; i < command->elements; i++) {
        words[i] = command->element[i]->str;
        lengths[i] = (size_t)command->element[i]->len;
    }
}

static void send_command(redisContext *client, const redisReply *command)
{
    const char **words = la_alloc(command->elements, sizeof *words);
    size_t *lengths = la_alloc(command->elements, sizeof *lengths);
    la_recording_words(command, words, lengths);
    redisAppendCommandArgv(client, (int)command->elements, words, lengths);
    free(words);
    free(lengths);
}

int la_recording_send(const struct la_recorded *item, redisContext *client, unsigned int *database)
{
    int replies = (int)item->count;
    if (*database != item->database) {
        redisAppendCommand(client, "SELECT %u", item->database);
        *database = item->database;
        replies++;
    }
    if (item->count > 1) {
        redisAppendCommand(client, "MULTI");
        replies += 2;
    }
    for (size_t i = 0; i < item->count; i++) {
        send_command(client, item->commands[i]);
        if (la_recorded_is(item->commands[i], "SELECT"))
            *database = UINT_MAX; /* it is in that only when the transaction is carried out */
    }
    if (item->count > 1)
        redisAppendCommand(client, "EXEC");
    return replies;
}
