#include "cmocka_all.h"
#include "shared/pathglob.h"

static const struct {
    const char *glob, *path;
    bool matches;
} rows[] = {
    {"dump.rdb", "dump.rdb", true},
    {"dump.rdb", "dump.rdb2", false},
    {"*", "dump.rdb", true},
    {"*", "a/b", false},
    {"**", "a/b/c", true},
    {"**", "", true},
    {"*.rdb", "dump.rdb", true},
    {"*.rdb", "a/dump.rdb", false},
    {"**/x", "a/b/x", true},
    {"**x", "a/b/x", true},
    {"a/*.incr.aof", "a/f.1.incr.aof", true},
    {"a/*.incr.aof", "a/f.1.base.rdb", false},
    {"temp-?.rdb", "temp-7.rdb", true},
    {"temp-?.rdb", "temp-77.rdb", false},
    {"temp-*.rdb", "temp-77.rdb", true},
    {"?", "/", false},
    {"**.rdb", "a/b.rdb", true},
    {"a*b*c", "aXbYbZc", true},
    {"a*b*c", "aXbYbZ", false},
    {"**/b/*.c", "a/b/x/b/y.c", true},
    {"**/b/*.c", "a/b/x/y.c", false},
    {"", "", true},
    {"", "x", false},
    {".", ".", true},
};

static void matches_as_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (fi_glob_match(rows[i].glob, rows[i].path) != rows[i].matches)
            fail_msg("%s against %s", rows[i].glob, rows[i].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(matches_as_documented)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
