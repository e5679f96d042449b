/* Which keys a scenario's own commands name. */
#include <string.h>

#include "cmocka_all.h"
#include "verify/sent.h"

static struct la_strings lines_of(const char *const *lines)
{
    struct la_strings list = {0};
    for (; *lines; lines++)
        la_strings_add(&list, la_strdup(*lines));
    return list;
}

static bool names(const char *line, const char *name)
{
    struct la_strings list = lines_of((const char *const[]){"", line, NULL});
    bool yes = la_sent_names(&list, name, strlen(name));
    la_strings_free(&list);
    return yes;
}

static void test_words_are_names(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *name;
        bool yes;
    } rows[] = {
        {"SET mine 1", "mine", true},
        {"SET mine 1", "min", false},
        {"SET mine 1", "ine", false},
        {"SET mine 1", "mine2", false},
        {"SET \"mine\" 1", "mine", true},
        {"MSET a 1 b 2", "b", true},
        {"MSET aa 1 a 2", "a", true}, /* the second place, not the first */
        {"EVAL \"redis.call('set','k','v')\" 0", "k", true},
        {"EVAL \"redis.call('set','key','v')\" 0", "k", false},
        {"RENAME user:1 user:2", "user:2", true},
        {"RENAME user:1 user:2", "user", false},
        {"SET la:1:2 1", "la:1:2", false}, /* of the load: judged, whoever writes it */
        {"BGSAVE", "SAVE", false},
        {"SET mine 1", "", false},
        {"", "mine", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (names(rows[i].line, rows[i].name) != rows[i].yes)
            fail_msg("'%s' in '%s': expected %d", rows[i].name, rows[i].line, rows[i].yes);
    struct la_strings list = lines_of((const char *const[]){"SET mine 1", NULL});
    assert_false(la_sent_names(&list, "mine\0more", 9)); /* another key */
    la_strings_free(&list);
}

static void test_libraries_are_those_of_function(void **state)
{
    (void)state;
    struct la_strings list = lines_of((const char *const[]){"FUNCTION LOAD x", "function restore y", "BGSAVE", NULL});
    assert_int_equal(la_sent_libraries(&list), 2);
    la_strings_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_names),
        cmocka_unit_test(test_libraries_are_those_of_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
