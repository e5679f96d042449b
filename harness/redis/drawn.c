#include "redis/drawn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* Where in an XADD the server makes up an id; 0: nowhere. */
static size_t made_up_id(const redisReply *command)
{
    size_t i = 2;
    while (i < command->elements && !strcasecmp(command->element[i]->str, "NOMKSTREAM"))
        i++;
    bool trims = i < command->elements &&
                 (!strcasecmp(command->element[i]->str, "MAXLEN") || !strcasecmp(command->element[i]->str, "MINID"));
    if (trims) {
        i++;
        i += i < command->elements && strchr("=~", *command->element[i]->str) && command->element[i]->len == 1;
        i++;
        if (i + 1 < command->elements && !strcasecmp(command->element[i]->str, "LIMIT"))
            i += 2;
    }
    return i < command->elements && strchr(command->element[i]->str, '*') ? i : 0;
}

static bool is_random(const redisReply *command)
{
    return la_recorded_is(command, "SPOP") || (la_recorded_is(command, "XADD") && made_up_id(command));
}

bool la_drawn_is_random(const struct la_recorded *item)
{
    for (size_t i = 0; i < item->count; i++)
        if (is_random(item->commands[i]))
            return true;
    return false;
}

static void put_word(FILE *file, const char *word, size_t length)
{
    fprintf(file, "$%zu\r\n", length);
    fwrite(word, 1, length, file);
    fputs("\r\n", file);
}

static void put_reply(FILE *file, const redisReply *text)
{
    put_word(file, text->str, (size_t)text->len);
}

static void put_head(FILE *file, uint64_t number, size_t index, size_t words)
{
    char text[32];
    fprintf(file, "*%zu\r\n", words + 2);
    put_word(file, text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)number));
    put_word(file, text, (size_t)snprintf(text, sizeof text, "%zu", index));
}

static void note_popped(FILE *file, const redisReply *command, const redisReply *reply, uint64_t number, size_t index)
{
    size_t members = reply->type == REDIS_REPLY_ARRAY ? reply->elements : reply->type == REDIS_REPLY_STRING;
    if (!members)
        return; /* there was nothing to draw */
    put_head(file, number, index, members + 2);
    put_word(file, "SREM", 4);
    put_reply(file, command->element[1]);
    for (size_t i = 0; i < members; i++)
        put_reply(file, reply->type == REDIS_REPLY_ARRAY ? reply->element[i] : reply);
}

static void note_id(FILE *file, const redisReply *command, const redisReply *reply, uint64_t number, size_t index)
{
    size_t at = made_up_id(command);
    if (reply->type != REDIS_REPLY_STRING)
        return; /* NOMKSTREAM, and no stream */
    put_head(file, number, index, command->elements);
    for (size_t i = 0; i < command->elements; i++)
        put_reply(file, i == at ? reply : command->element[i]);
}

void la_drawn_note(FILE *file, uint64_t number, const struct la_recorded *item, const redisReply *reply)
{
    for (size_t i = 0; i < item->count; i++) {
        const redisReply *command = item->commands[i];
        const redisReply *own = item->count == 1                                          ? reply
                                : reply->type == REDIS_REPLY_ARRAY && i < reply->elements ? reply->element[i]
                                                                                          : NULL;
        if (!own || command->elements < 2)
            continue;
        if (la_recorded_is(command, "SPOP"))
            note_popped(file, command, own, number, i);
        else if (la_recorded_is(command, "XADD") && made_up_id(command))
            note_id(file, command, own, number, i);
    }
    fflush(file);
}

/* Takes the reply over. */
static void put_in_place(struct la_recording *recording, redisReply *noted)
{
    bool whole = noted->type == REDIS_REPLY_ARRAY && noted->elements > 2;
    uint64_t number = whole ? strtoull(noted->element[0]->str, NULL, 10) : 0;
    size_t index = whole ? strtoull(noted->element[1]->str, NULL, 10) : 0;
    if (!number || number > recording->count || index >= recording->items[number - 1].count) {
        freeReplyObject(noted);
        return;
    }
    freeReplyObject(noted->element[0]);
    freeReplyObject(noted->element[1]);
    noted->elements -= 2;
    memmove(noted->element, noted->element + 2, noted->elements * sizeof(redisReply *));
    recording->items[number - 1].popped = la_recorded_is(noted, "SREM");
    redisReply **place = &recording->items[number - 1].commands[index];
    freeReplyObject(*place);
    *place = noted;
}

int la_drawn_read(struct la_recording *recording, const char *path, struct la_error *error)
{
    size_t size = 0;
    void *noted = NULL;
    if (access(path, F_OK))
        return 0;
    char *text = la_read_file(path, SIZE_MAX, &size, error);
    if (!text)
        return -1;
    redisReader *reader = redisReaderCreate();
    redisReaderFeed(reader, text, size);
    while (redisReaderGetReply(reader, &noted) == REDIS_OK && noted)
        put_in_place(recording, noted);
    redisReaderFree(reader);
    free(text);
    return 0;
}
