/* What is a password in the text of a terminal, and what is not. */
#include "playbook/secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void is_hidden(const char *text, const char *wanted)
{
    struct la_strings known = {0};
    char *copy = la_strdup(text);
    la_secrets_hide(copy, strlen(copy), &known);
    assert_string_equal(copy, wanted);
    free(copy);
    la_strings_free(&known);
}

static void test_what_is_typed(void **state)
{
    (void)state;
    is_hidden("redis-cli -a hunter2 GET a", "redis-cli -a ******* GET a");
    is_hidden("redis-cli -h x -a 'amp&Pw 5' GET a", "redis-cli -h x -a ********** GET a");
    is_hidden("redis-cli --pass=\"two words\" PING", "redis-cli --pass=*********** PING");
    is_hidden("redis-cli -u redis://me:urlPw11@host:1 PING", "redis-cli -u redis://me:*******@host:1 PING");
    is_hidden("REDISCLI_AUTH=varied redis-cli PING", "REDISCLI_AUTH=****** redis-cli PING");
    is_hidden("127.0.0.1:6379> auth name secret", "127.0.0.1:6379> auth **** ******");
    is_hidden("not connected> AUTH secret", "not connected> AUTH ******");
    is_hidden("echo 'AUTH piped' | redis-cli", "echo 'AUTH *****' | redis-cli");
    is_hidden("redis-cli config set requirepass genuine", "redis-cli config set requirepass *******");
    is_hidden("requirepass genuine", "requirepass *******");
    is_hidden("redis-cli ACL SETUSER bob on '>first22' '>second3' +@all",
              "redis-cli ACL SETUSER bob on '>*******' '>*******' +@all");
    is_hidden("user bob on >aclPw15 ~*", "user bob on >******* ~*");
}

static void test_where_else_it_stands(void **state)
{
    (void)state;
    is_hidden("redis-cli -a hunter2 PING\nhunter2!", "redis-cli -a ******* PING\n*******!");
    is_hidden("1) \"requirepass\"\r\n2) \"genuine\"\r\nmore", "1) \"requirepass\"\r\n2) *********\r\nmore");
    is_hidden("requirepass\r\ngenuine\r\n", "requirepass\r\n*******\r\n");
    is_hidden("redis-cli -a wrapped-ac \rross PING", "redis-cli -a ********** \r**** PING");
    is_hidden("\033[0;1mredis-cli\033[0m -a \033[1mhunter2\033[0m PING",
              "\033[0;1mredis-cli\033[0m -a \033[1m*******\033[0m PING");
    is_hidden("127.0.0.1:6379> a\r127.0.0.1:6379> auth hunter\r127.0.0.1:6379> auth hunter2",
              "127.0.0.1:6379> a\r127.0.0.1:6379> auth ******\r127.0.0.1:6379> auth *******");
}

static void test_what_is_none(void **state)
{
    static const char *const harmless[] = {"cp -a /var/lib/redis/. /backup/",
                                           "grep requirepass /etc/redis/redis.conf",
                                           "Are you sure your configuration is correct?",
                                           "systemctl stop redis",
                                           "(error) NOAUTH Authentication required.",
                                           "redis-cli DBSIZE | grep -a 2000",
                                           "useradd -m somebody"};
    (void)state;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        is_hidden(harmless[i], harmless[i]);
    is_hidden("redis-cli -a s ping; ls s", "redis-cli -a * ping; ls s");
}

static void test_much_of_it(void **state)
{
#ifdef __SANITIZE_ADDRESS__ /* its regexec measures the whole text each time */
    enum { LINES = 2000 };
#else
    enum { LINES = 50000 };
#endif
    static const char line[] = "redis-cli -a hunter2 ping\n";
    struct la_strings known = {0};
    (void)state;
    char *text = la_alloc(LINES * strlen(line) + 1, 1);
    for (size_t i = 0; i < LINES; i++)
        memcpy(text + i * strlen(line), line, strlen(line));
    la_secrets_hide(text, LINES * strlen(line), &known);
    assert_null(strstr(text, "hunter2"));
    assert_int_equal(known.count, 1);
    la_strings_free(&known);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_typed),
                                       cmocka_unit_test(test_where_else_it_stands), cmocka_unit_test(test_what_is_none),
                                       cmocka_unit_test(test_much_of_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
