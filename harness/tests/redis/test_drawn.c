/* What a server draws at random, put in the place of what was sent. */
#include <hiredis/sds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "redis/drawn.h"

static void put(struct la_recording *recording, const char *line)
{
    int count = 0;
    sds *words = sdssplitargs(line, &count);
    struct la_recorded item = {0};
    la_recording_put(&item, count, words);
    *la_recording_add(recording, 0) = item;
    sdsfreesplitres(words, count);
}

static redisReply *reply_of(const char *text)
{
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    redisReaderFeed(reader, text, strlen(text));
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    redisReaderFree(reader);
    return reply;
}

static char *words_of(const redisReply *command)
{
    sds text = sdsempty();
    for (size_t i = 0; i < command->elements; i++)
        text = sdscatprintf(text, "%s%s", i ? " " : "", command->element[i]->str);
    char *copy = la_strdup(text);
    sdsfree(text);
    return copy;
}

static const struct {
    const char *sent;
    const char *reply;
    const char *becomes;
    bool random;
} rows[] = {
    {"SPOP s", "$1\r\na\r\n", "SREM s a", true},
    {"spop s 2", "*2\r\n$1\r\na\r\n$2\r\nbb\r\n", "SREM s a bb", true},
    {"SPOP s", "$-1\r\n", "SPOP s", true},
    {"SPOP s 3", "*0\r\n", "SPOP s 3", true},
    {"SREM s a", ":1\r\n", "SREM s a", false},
    {"XADD x * f v", "$3\r\n5-1\r\n", "XADD x 5-1 f v", true},
    {"XADD x 5-* f v", "$3\r\n5-0\r\n", "XADD x 5-0 f v", true},
    {"XADD x NOMKSTREAM * f v", "$-1\r\n", "XADD x NOMKSTREAM * f v", true},
    {"XADD x NOMKSTREAM MAXLEN ~ 10 LIMIT 5 * f v", "$3\r\n5-1\r\n", "XADD x NOMKSTREAM MAXLEN ~ 10 LIMIT 5 5-1 f v",
     true},
    {"XADD x MINID 7 * f v", "$3\r\n8-1\r\n", "XADD x MINID 7 8-1 f v", true},
    {"XADD x 1-1 f *", "$3\r\n1-1\r\n", "XADD x 1-1 f *", false}, /* a value */
};

static void test_each_way(void **state)
{
    (void)state;
    char path[] = "/tmp/drawn-XXXXXX";
    struct la_recording recording = {0};
    struct la_error error;
    FILE *file = fdopen(mkstemp(path), "w");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put(&recording, rows[i].sent);
        assert_int_equal(la_drawn_is_random(&recording.items[i]), rows[i].random);
        redisReply *reply = reply_of(rows[i].reply);
        la_drawn_note(file, i + 1, &recording.items[i], reply);
        freeReplyObject(reply);
    }
    fputs("*3\r\n$2\r\n99\r\n$1\r\n0\r\n$1\r\nx\r\n*1\r\n$1\r\nx\r\n*3\r\n$1", file); /* of no item; no number; torn */
    fclose(file);
    assert_int_equal(la_drawn_read(&recording, path, &error), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *words = words_of(recording.items[i].commands[0]);
        assert_string_equal(words, rows[i].becomes);
        free(words);
    }
    unlink(path);
    assert_int_equal(la_drawn_read(&recording, path, &error), 0); /* no file: nothing was drawn */
    la_recording_free(&recording);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_way)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
