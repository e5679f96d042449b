/* Somebody's redis.conf: flattened, moved into the sandbox, without secrets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "nodes/config.h"

static char dir[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/config-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int read_conf(struct la_config *config, const char *text, struct la_error *error)
{
    char path[128];
    put("redis.conf", text);
    snprintf(path, sizeof path, "%s/redis.conf", dir);
    *config = (struct la_config){0};
    return la_config_read(config, path, error);
}

static void assert_value(const struct la_config *config, const char *name, const char *expected)
{
    char *value = la_config_get(config, name);
    if (expected)
        assert_string_equal(value, expected);
    else
        assert_null(value);
    free(value);
}

static void reads_quotes_comments_and_case(void **state)
{
    (void)state;
    struct la_config config;
    struct la_error error;
    assert_int_equal(read_conf(&config,
                               "# a comment\n\n  MaxMemory 100mb\nsave \"\"\nappendfilename \"my file.aof\"\n"
                               "rename-command CONFIG 'hidden'\nmaxmemory 200mb\r\n",
                               &error),
                     0);
    assert_value(&config, "maxmemory", "200mb");
    assert_value(&config, "save", "");
    assert_value(&config, "appendfilename", "my file.aof");
    assert_value(&config, "missing", NULL);
    la_config_free(&config);
}

static void flattens_includes(void **state)
{
    (void)state;
    struct la_config config;
    struct la_error error;
    put("one.inc", "maxclients 7\n");
    put("two.inc", "hz 33\n");
    assert_int_equal(read_conf(&config, "include *.inc\ninclude none-*.inc\nport 1\n", &error), 0);
    assert_value(&config, "maxclients", "7");
    assert_value(&config, "hz", "33");
    la_config_free(&config);
    assert_int_equal(read_conf(&config, "port 1\ninclude gone.conf\n", &error), -1);
    assert_non_null(strstr(error.text, "redis.conf:2: include gone.conf: no such file"));
    la_config_free(&config);
    char line[128];
    snprintf(line, sizeof line, "include %s/redis.conf\n", dir);
    assert_int_equal(read_conf(&config, line, &error), -1);
    assert_non_null(strstr(error.text, "nested deeper"));
    la_config_free(&config);
    assert_int_equal(read_conf(&config, "\nrequirepass \"open\n", &error), -1);
    assert_non_null(strstr(error.text, "redis.conf:2: unbalanced quotes"));
    la_config_free(&config);
}

static void an_overlay_replaces(void **state)
{
    (void)state;
    struct la_config config;
    struct la_error error;
    assert_int_equal(read_conf(&config, "save 900 1\nsave 60 10\nhz 10\n", &error), 0);
    assert_int_equal(la_config_overlay(&config, "save 1 1\nsave 2 2\n", "test", &error), 0);
    int saves = 0;
    for (size_t i = 0; i < config.count; i++)
        saves += !strcmp(config.items[i].name, "save");
    assert_int_equal(saves, 2);
    assert_value(&config, "save", "2 2");
    assert_value(&config, "hz", "10");
    la_config_free(&config);
}

static bool mentions(const struct la_strings *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++)
        if (strstr(list->items[i], word))
            return true;
    return false;
}

static void nothing_reaches_outside(void **state)
{
    (void)state;
    struct la_config config;
    struct la_error error;
    assert_int_equal(read_conf(&config,
                               "dir /var/lib/redis\nport 6379\nbind 0.0.0.0\nreplicaof 10.0.0.1 6379\n"
                               "daemonize yes\nlogfile /var/log/x\nunixsocket /run/x\ncluster-enabled yes\n"
                               "masterauth topsecret\nrequirepass topsecret\npidfile /run/y\nmaxmemory 1gb\n"
                               "user bob on >topsecret ~* +@all\nrename-command FLUSHALL \"\"\n",
                               &error),
                     0);
    assert_int_equal(la_config_sandbox(&config, dir, &error), 0);
    static const char *const gone[] = {"port",    "bind",       "replicaof",       "daemonize",
                                       "logfile", "unixsocket", "cluster-enabled", "pidfile"};
    assert_true(mentions(&config.changed, "dir: "));
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        assert_value(&config, gone[i], NULL);
        assert_true(mentions(&config.changed, gone[i]));
    }
    assert_value(&config, "maxmemory", "1gb");
    assert_string_equal(config.user, "lastack");
    assert_false(mentions(&config.changed, "topsecret"));
    for (size_t i = 0; i < config.count; i++)
        for (int a = 0; a < config.items[i].count; a++)
            assert_null(strstr(config.items[i].args[a], "topsecret"));
    assert_value(&config, "requirepass", config.password);
    assert_value(&config, "masterauth", NULL);
    assert_true(mentions(&config.renamed, "FLUSHALL"));
    la_config_free(&config);
}

static void acl_files_are_copied_without_their_secrets(void **state)
{
    (void)state;
    struct la_config config;
    struct la_error error;
    char line[128];
    put("users.acl", "user default off\nuser app on >topsecret ~* +@all\n");
    snprintf(line, sizeof line, "aclfile %s/users.acl\n", dir);
    assert_int_equal(read_conf(&config, line, &error), 0);
    assert_int_equal(la_config_sandbox(&config, dir, &error), 0);
    char *file = la_config_get(&config, "aclfile");
    assert_non_null(strstr(file, "/files/"));
    char *text = la_read_file(file, 10000, NULL, &error);
    assert_null(strstr(text, "topsecret"));
    assert_non_null(strstr(text, "user app on"));
    assert_non_null(strstr(text, "user lastack on"));
    free(text);
    free(file);
    la_config_free(&config);
    assert_int_equal(read_conf(&config, "\n\naclfile /nonexistent/users.acl\n", &error), 0);
    assert_int_equal(la_config_sandbox(&config, dir, &error), -1);
    assert_non_null(strstr(error.text, "redis.conf:3: aclfile"));
    la_config_free(&config);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct la_config config;
    struct la_config again = {0};
    struct la_error error;
    char folder[128];
    put("part.conf", "hz 17\nuser x on\n");
    assert_int_equal(
        read_conf(&config, "save \"\"\nrename-command X \"a \\\"quoted\\\" b\"\ninclude part.conf\nhz 18\n", &error),
        0);
    snprintf(folder, sizeof folder, "%s/written", dir);
    assert_int_equal(la_make_dirs(folder, &error), 0);
    assert_int_equal(la_config_write(&config, folder, "/elsewhere", &error), 0);
    assert_int_equal(la_config_read_back(&again, folder, &error), 0);
    assert_int_equal(again.parts, 2);
    assert_value(&again, "hz", "18");
    assert_value(&again, "user", "x on");
    assert_value(&again, "save", "");
    assert_value(&again, "rename-command", "X a \"quoted\" b");
    la_config_free(&config);
    la_config_free(&again);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_quotes_comments_and_case),
        TEST(flattens_includes),
        TEST(an_overlay_replaces),
        TEST(nothing_reaches_outside),
        TEST(acl_files_are_copied_without_their_secrets),
        TEST(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
