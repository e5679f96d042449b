#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cmocka_all.h"
#include "driver/rule.h"

static const struct fi_role roles[] = {{"server", ""}, {"child", ""}, {"save-child", "temp-*.rdb"}};

static const struct {
    const char *text;
    uint32_t ops;
    uint32_t action;
    uint64_t arg, nth, every, after;
    uint32_t role;
    const char *path;
} good[] = {
    {"op=write do=error:EIO", 1U << FI_OP_WRITE, FI_DO_ERROR, EIO, 0, 0, 0, FI_ROLE_ANY, "**"},
    {"op=fdatasync path=appendonlydir/*.incr.aof role=any nth=3 do=error:ENOSPC", 1U << FI_OP_FDATASYNC, FI_DO_ERROR,
     ENOSPC, 3, 0, 0, FI_ROLE_ANY, "appendonlydir/*.incr.aof"},
    {"do=kill op=rename,unlink role=save-child", 1U << FI_OP_RENAME | 1U << FI_OP_UNLINK, FI_DO_KILL, 0, 0, 0, 0, 2,
     "**"},
    {"op=fsync after=2 every=5 do=kill:group", 1U << FI_OP_FSYNC | 1U << FI_OP_FDATASYNC | 1U << FI_OP_FSYNC_DIR,
     FI_DO_KILL_GROUP, 0, 0, 5, 2, FI_ROLE_ANY, "**"},
    {"op=write do=torn:7", 1U << FI_OP_WRITE, FI_DO_TORN, 7, 0, 0, 0, FI_ROLE_ANY, "**"},
    {"op=write path=*.aof do=file-limit:2k", 1U << FI_OP_WRITE, FI_DO_FILE_LIMIT, 2048, 0, 0, 0, FI_ROLE_ANY, "*.aof"},
    {"op=write do=short:2k", 1U << FI_OP_WRITE, FI_DO_SHORT, 2048, 0, 0, 0, FI_ROLE_ANY, "**"},
    {"  op=any-write\tdo=disk-full:3m ", 1U << FI_OP_WRITE | 1U << FI_OP_TRUNCATE, FI_DO_DISK_FULL, 3 << 20, 0, 0, 0,
     FI_ROLE_ANY, "**"},
    {"op=write do=disk-full:free:400k", 1U << FI_OP_WRITE, FI_DO_DISK_FULL, 400 << 10, 0, 0, 0, FI_ROLE_ANY, "**"},
    {"op=write do=disk-full:free:0", 1U << FI_OP_WRITE, FI_DO_DISK_FULL, 0, 0, 0, 0, FI_ROLE_ANY, "**"},
    {"op=fork role=server do=error:ENOMEM", 1U << FI_OP_FORK, FI_DO_ERROR, ENOMEM, 0, 0, 0, FI_ROLE_SERVER, "**"},
    {"op=read path=*.rdb do=flip:9", 1U << FI_OP_READ, FI_DO_FLIP, 9, 0, 0, 0, FI_ROLE_ANY, "*.rdb"},
    {"op=write do=flip", 1U << FI_OP_WRITE, FI_DO_FLIP, 0, 0, 0, 0, FI_ROLE_ANY, "**"},
    {"op=rename nth=1 do=power-cut", 1U << FI_OP_RENAME, FI_DO_POWER_CUT, 0, 1, 0, 0, FI_ROLE_ANY, "**"},
    {"op=network do=hang", FI_OPS_NET, FI_DO_HANG, 0, 0, 0, 0, FI_ROLE_ANY, "**"},
    {"op=clock do=clock:x600", 1U << FI_OP_CLOCK, FI_DO_CLOCK, 600 * FI_CLOCK_RATE_ONE, 0, 0, 0, FI_ROLE_ANY, "**"},
    {"op=clock do=clock:-200ppm", 1U << FI_OP_CLOCK, FI_DO_CLOCK, 999800, 0, 0, 0, FI_ROLE_ANY, "**"},
    {"op=clock do=clock:+5000", 1U << FI_OP_CLOCK, FI_DO_CLOCK, 5000, 0, 0, 0, FI_ROLE_ANY, "**"},
    {"op=rename do=signal:TERM", 1U << FI_OP_RENAME, FI_DO_SIGNAL, SIGTERM, 0, 0, 0, FI_ROLE_ANY, "**"},
    {"op=fsync-dir do=signal:SIGSEGV", 1U << FI_OP_FSYNC_DIR, FI_DO_SIGNAL, SIGSEGV, 0, 0, 0, FI_ROLE_ANY, "**"},
    {"op=any,read,fork do=note", FI_OPS_FILE | FI_BIT(FI_OP_READ) | FI_BIT(FI_OP_FORK), FI_DO_NOTE, 0, 0, 0, 0,
     FI_ROLE_ANY, "**"},
    {"op=open do=delay:250", 1U << FI_OP_OPEN, FI_DO_DELAY, 250, 0, 0, 0, FI_ROLE_ANY, "**"},
};

static void parses_what_is_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct fi_rule rule;
        struct fi_rule_error error;
        assert_int_equal(fi_rule_parse(good[i].text, roles, 3, &rule, &error), 0);
        assert_int_equal(rule.ops, good[i].ops);
        assert_int_equal(rule.action, good[i].action);
        assert_int_equal(rule.arg, good[i].arg);
        assert_int_equal(rule.nth, good[i].nth);
        assert_int_equal(rule.every, good[i].every);
        assert_int_equal(rule.after, good[i].after);
        assert_int_equal(rule.role, good[i].role);
        assert_string_equal(rule.path, good[i].path);
        assert_string_equal(rule.text, good[i].text);
    }
}

static void parses_conditions(void **state)
{
    (void)state;
    struct fi_rule rule;
    struct fi_rule_error error;
    const char *text = "op=write offset=1k-2k during=10-20 p=0.25 do=error:EIO";
    assert_int_equal(fi_rule_parse(text, roles, 3, &rule, &error), 0);
    assert_int_equal(rule.offset_from, 1024);
    assert_int_equal(rule.offset_to, 2048);
    assert_int_equal(rule.from_ns, 10000000);
    assert_int_equal(rule.until_ns, 20000000);
    assert_int_equal(rule.chance, FI_CHANCE_ONE / 4);
    assert_int_equal(fi_rule_parse("op=recv peer=6379 during=5- do=hang", roles, 3, &rule, &error), 0);
    assert_int_equal(rule.peer, 6379);
    assert_int_equal(rule.until_ns, 0);
}

static const struct {
    const char *text;
    int column;
    const char *message;
} bad[] = {
    {"", 1, "op= is missing"},
    {"op=write", 9, "do= is missing"},
    {"op=wirte do=kill", 4, "unknown operation 'wirte'"},
    {"op=write,fysnc do=kill", 10, "unknown operation 'fysnc'"},
    {"op=write do=explode", 13, "unknown action 'explode'"},
    {"op=open when=done do=kill", 1, "but open and read"},
    {"op=any,read when=done do=kill", 1, "but open and read"},
    {"op=send when=done do=kill", 1, "operations on files"},
    {"op=rename when=done do=error:EIO", 1, "what is done stays done"},
    {"op=write when=done do=torn:1", 1, "what is done stays done"},
    {"op=rename when=later do=kill", 16, "expected 'done'"},
    {"op=write do=signal:WHAT", 20, "unknown signal 'WHAT'"},
    {"op=write do=signal", 13, "needs an argument"},
    {"op=write do=signal:KILL", 20, "for KILL there is do=kill"},
    {"op=clock do=signal:TERM", 1, "everything but clock"},
    {"op=write do=error:EWHAT", 19, "unknown error 'EWHAT'"},
    {"op=write do=error", 13, "needs an argument"},
    {"op=write nth=0 do=kill", 14, "must be 1 or more"},
    {"op=write nth=3x do=kill", 15, "expected a whole number"},
    {"op=write nth=99999999999999999999 do=kill", 14, "out of range: at most"},
    {"op=write nth=2 every=3 do=kill", 1, "nth goes without"},
    {"op=write role=chef do=kill", 15, "unknown role 'chef'; use any, server, child, save-child"},
    {"op=write path=/etc/passwd do=kill", 15, "relative to the data directory"},
    {"op=write path=../x do=kill", 15, "relative to the data directory"},
    {"op=write while=now do=kill", 10, "unknown key 'while'"},
    {"op=write op=fsync do=kill", 10, "'op' is given twice"},
    {"op=write kill", 10, "expected key=value"},
    {"op=fsync do=torn:3", 1, "'torn' is for op=write only"},
    {"op=write do=kill:all", 18, "expected 'group'"},
    {"op=write path=x do=disk-full:1m", 1, "budget for the whole data directory"},
    {"op=write do=disk-full:0", 1, "1 byte or more"},
    {"op=write do=disk-full:free", 23, "expected a whole number"},
    {"op=write do=disk-full:free:", 28, "expected a whole number"},
    {"op=write do=torn:free:5", 18, "expected a whole number"},
    {"op=open do=revert:EIO", 1, "'revert' is for fsync and fdatasync only"},
    {"op=write do=file-limit:0", 1, "1 byte or more"},
    {"op=fsync do=file-limit:1m", 1, "'file-limit' is for op=write only"},
    {"op=fork path=x do=kill", 1, "can never match"},
    {"op=write path=a/../../b do=kill", 15, "stays below it"},
    {"op=write path=dir/ do=kill", 15, "can never match"},
    {"op=write path=./a do=kill", 15, "can never match"},
    {"op=write path=a//b do=kill", 15, "can never match"},
    {"op=write offset=9-9 do=kill", 17, "can never match"},
    {"op=write offset=9 do=kill", 17, "expected FROM-TO"},
    {"op=write during=5-3 do=kill", 17, "can never match"},
    {"op=write p=0 do=kill", 12, "above 0 and below 1"},
    {"op=write p=1.5 do=kill", 12, "above 0 and below 1"},
    {"op=write p=x do=kill", 12, "expected a probability"},
    {"op=write nth=2 p=0.5 do=kill", 1, "nth goes without"},
    {"op=write peer=6379 do=kill", 1, "peer is for connect"},
    {"op=send offset=0-9 do=kill", 1, "offset is for read and write"},
    {"op=send peer=0 do=kill", 14, "a port is 1 to 65535"},
    {"op=read do=lie", 1, "'lie' is for"},
    {"op=fsync do=flip", 1, "'flip' is for read and write only"},
    {"op=clock do=error:EIO", 1, "'error' is for everything but clock"},
    {"op=write do=clock:x5", 1, "'clock' is for op=clock only"},
    {"op=clock do=clock:5", 19, "expected xN"},
    {"op=clock do=clock:x0", 20, "a number from 1"},
    {"op=clock nth=1 do=clock:x5", 1, "no conditions"},
    {"op=write do=hang:3", 18, "takes no argument"},
};

static void names_the_place_of_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fi_rule rule;
        struct fi_rule_error error;
        assert_int_equal(fi_rule_parse(bad[i].text, roles, 3, &rule, &error), -1);
        assert_int_equal(error.column, bad[i].column);
        assert_non_null(strstr(error.message, bad[i].message));
    }
}

static void refuses_a_rule_that_is_too_long(void **state)
{
    (void)state;
    char text[2 * FI_TEXT_MAX];
    memset(text, ' ', sizeof text);
    memcpy(text, "op=write do=kill", 16);
    text[sizeof text - 1] = '\0';
    struct fi_rule rule;
    struct fi_rule_error error;
    assert_int_equal(fi_rule_parse(text, roles, 3, &rule, &error), -1);
    assert_int_equal(error.column, FI_TEXT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_what_is_right),
        cmocka_unit_test(parses_conditions),
        cmocka_unit_test(names_the_place_of_what_is_wrong),
        cmocka_unit_test(refuses_a_rule_that_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
