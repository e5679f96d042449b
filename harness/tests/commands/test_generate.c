/* Calls that are made from a description. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmocka_all.h"
#include "commands/generate.h"
#include "commands/hints.h"

/* As COMMAND DOCS has them, in JSON. */
static const char zunionstore[] =
    "[[\"name\",\"destination\",\"type\",\"key\"],[\"name\",\"numkeys\",\"type\",\"integer\"],"
    "[\"name\",\"key\",\"type\",\"key\",\"flags\",[{\"ok\":\"multiple\"}]],"
    "[\"name\",\"weight\",\"type\",\"integer\",\"token\",\"WEIGHTS\",\"flags\",[{\"ok\":\"optional\"},{\"ok\":"
    "\"multiple\"}]]]";
static const char xtrim[] = "[[\"name\",\"key\",\"type\",\"key\"],[\"name\",\"trim\",\"type\",\"block\",\"arguments\",["
                            "[\"name\",\"maxlen\",\"type\",\"pure-token\",\"token\",\"MAXLEN\"],"
                            "[\"name\",\"approximately\",\"type\",\"pure-token\",\"token\",\"~\"],"
                            "[\"name\",\"threshold\",\"type\",\"string\"]]]]";

struct world {
    struct la_commands commands;
    struct la_command items[3];
    json_t *arguments[2];
};

static void make(struct world *world)
{
    *world = (struct world){0};
    world->arguments[0] = json_loads(xtrim, 0, NULL);
    world->arguments[1] = json_loads(zunionstore, 0, NULL);
    assert_non_null(world->arguments[0]);
    assert_non_null(world->arguments[1]);
    world->items[0] = (struct la_command){"flushall", "server", NULL};
    world->items[1] = (struct la_command){"xtrim", "stream", world->arguments[0]};
    world->items[2] = (struct la_command){"zunionstore", "sorted-set", world->arguments[1]};
    world->commands = (struct la_commands){.items = world->items, .count = 3};
}

static void end(struct world *world)
{
    json_decref(world->arguments[0]);
    json_decref(world->arguments[1]);
}

static long number(const redisReply *word)
{
    return strtol(word->str, NULL, 10);
}

/* ZUNIONSTORE destination numkeys key... [WEIGHTS weight...] */
static void check_union(const redisReply *words)
{
    long keys = number(words->element[2]);
    assert_true(keys == 1 || keys == 2);
    for (size_t i = 1; i < 3 + (size_t)keys; i++)
        assert_true(i == 2 || !strncmp(words->element[i]->str, "w:zset:", 7));
    bool weights = words->elements > 3 + (size_t)keys;
    assert_int_equal(words->elements, weights ? 4 + 2 * (size_t)keys : 3 + (size_t)keys);
    assert_true(!weights || !strcmp(words->element[3 + keys]->str, "WEIGHTS"));
}

static void test_calls_are_as_described(void **state)
{
    (void)state;
    struct world world;
    const struct la_address plain = {0};
    struct la_recording recording = {0};
    size_t seen[3] = {0};
    make(&world);
    la_commands_generate(&world.commands, &plain, 400, 7, &recording);
    assert_true(recording.count >= 400);
    assert_string_equal(recording.items[1].commands[0]->element[0]->str, "FLUSHALL");
    for (size_t i = 0; i < recording.count; i++) {
        const redisReply *words = recording.items[i].commands[0];
        const struct la_command *command = la_commands_sent(&world.commands, words);
        if (!command)
            continue; /* something that fills a key */
        seen[command - world.items]++;
        if (command == &world.items[2])
            check_union(words);
        if (command != &world.items[1])
            continue;
        assert_int_equal(words->elements, 4); /* ~ is not drawn */
        assert_string_equal(words->element[2]->str, "MAXLEN");
    }
    assert_int_equal(seen[0], 1);
    assert_true(seen[1] > 20 && seen[2] > 20);
    la_recording_free(&recording);
    end(&world);
}

static void test_the_same_seed_makes_the_same(void **state)
{
    (void)state;
    struct world world;
    const struct la_address plain = {0};
    struct la_recording once = {0};
    struct la_recording again = {0};
    make(&world);
    la_commands_generate(&world.commands, &plain, 200, 7, &once);
    la_commands_generate(&world.commands, &plain, 200, 7, &again);
    assert_int_equal(once.count, again.count);
    for (size_t i = 0; i < once.count; i++) {
        const redisReply *a = once.items[i].commands[0];
        const redisReply *b = again.items[i].commands[0];
        assert_int_equal(a->elements, b->elements);
        for (size_t n = 0; n < a->elements; n++)
            assert_string_equal(a->element[n]->str, b->element[n]->str);
    }
    la_recording_free(&once);
    la_recording_free(&again);
    end(&world);
}

static void test_a_renamed_command_is_left_out(void **state)
{
    (void)state;
    struct world world;
    char *pairs[] = {"FLUSHALL", "", "ZUNIONSTORE", "zu"};
    const struct la_strings renamed = {pairs, 4};
    const struct la_address address = {.renamed = &renamed};
    struct la_recording recording = {0};
    make(&world);
    la_commands_generate(&world.commands, &address, 200, 7, &recording);
    for (size_t i = 0; i < recording.count; i++) {
        const struct la_command *sent = la_commands_sent(&world.commands, recording.items[i].commands[0]);
        assert_true(!sent || sent == &world.items[1]);
    }
    la_recording_free(&recording);
    end(&world);
}

static void test_no_recipe_is_for_nothing(void **state)
{
    (void)state;
    for (const struct la_recipe *recipe = la_recipes; recipe->command; recipe++) {
        const char *last = strrchr(recipe->lines, '\n');
        const char *call = recipe->at_once ? "EXEC" : last ? last + 1 : recipe->lines;
        char name[64];
        snprintf(name, sizeof name, "%s", recipe->command);
        char *bar = strchr(name, '|');
        if (bar)
            *bar = ' ';
        assert_int_equal(strncasecmp(call, name, strlen(name)), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_are_as_described),
        cmocka_unit_test(test_the_same_seed_makes_the_same),
        cmocka_unit_test(test_a_renamed_command_is_left_out),
        cmocka_unit_test(test_no_recipe_is_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
