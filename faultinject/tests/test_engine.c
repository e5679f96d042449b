#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "control.h"
#include "engine.h"

static const struct fi_role roles[] = {{"save-child", "temp-*.rdb"}, {"rewrite-child", "temp-rewriteaof-*"}};

struct fixture {
    char dir[64];
    char file[96];
    struct fi_control *control;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char why[256];
    snprintf(f->dir, sizeof f->dir, "/tmp/engine-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->file, sizeof f->file, "%s/control", f->dir);
    f->control = fi_control_create(f->file, f->dir, roles, 2, why, sizeof why);
    assert_non_null(f->control);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fi_control_close(f->control);
    unlink(f->file);
    rmdir(f->dir);
    free(f);
    return 0;
}

static int arm(struct fixture *f, const char *text)
{
    struct fi_rule rule;
    struct fi_rule_error error;
    char why[256];
    assert_int_equal(fi_rule_parse(text, f->control->roles, f->control->role_count, &rule, &error), 0);
    return fi_control_arm(f->control, &rule, why, sizeof why);
}

/* Which of the operations 1..20 a rule fires on, as a picture. */
static void picture(struct fixture *f, uint32_t role, uint32_t op, const char *path, char out[21])
{
    for (int i = 0; i < 20; i++)
        out[i] = fi_engine_decide(f->control, role, op, path).rule >= 0 ? 'x' : '.';
    out[20] = '\0';
}

static void fires_when_it_should(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *rule, *fired;
    } rows[] = {
        {"op=write nth=3 do=error:EIO", "..x................."},
        {"op=write every=4 do=error:EIO", "...x...x...x...x...x"},
        {"op=write after=15 do=error:EIO", "...............xxxxx"},
        {"op=write after=5 every=6 do=error:EIO", "..........x.....x..."},
        {"op=write do=error:EIO", "xxxxxxxxxxxxxxxxxxxx"},
        {"op=fsync do=error:EIO", "...................."},
        {"op=write role=child do=error:EIO", "...................."},
        {"op=write role=server path=a/* do=error:EIO", "xxxxxxxxxxxxxxxxxxxx"},
        {"op=write path=b/* do=error:EIO", "...................."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[21];
        int rule = arm(f, rows[i].rule);
        assert_true(rule >= 0);
        picture(f, FI_ROLE_SERVER, FI_OP_WRITE, "a/file", out);
        assert_string_equal(out, rows[i].fired);
        fi_control_disarm(f->control, rule);
        picture(f, FI_ROLE_SERVER, FI_OP_WRITE, "a/file", out);
        assert_string_equal(out, "....................");
    }
    assert_false(fi_engine_cares(f->control, FI_OP_WRITE));
}

static void runs_out_of_rules_politely(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < FI_RULES_MAX; i++)
        assert_int_equal(arm(f, "op=write nth=1 do=kill"), i);
    assert_int_equal(arm(f, "op=write nth=1 do=kill"), -1);
}

static void names_a_child_by_its_first_file(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fi_engine_child_role(f->control, FI_ROLE_CHILD, "temp-12.rdb"), 2);
    assert_int_equal(fi_engine_child_role(f->control, FI_ROLE_CHILD, "temp-rewriteaof-12.aof"), 3);
    assert_int_equal(fi_engine_child_role(f->control, FI_ROLE_CHILD, "other"), FI_ROLE_CHILD);
    assert_int_equal(fi_engine_child_role(f->control, FI_ROLE_SERVER, "temp-12.rdb"), FI_ROLE_SERVER);
}

static void keeps_the_budget(void **state)
{
    struct fixture *f = *state;
    char text[64];
    uint64_t used = sizeof(struct fi_control); /* the block itself lies in the directory here */
    snprintf(text, sizeof text, "op=write do=disk-full:%llu", (unsigned long long)used - 1);
    assert_int_equal(arm(f, text), -1);
    snprintf(text, sizeof text, "op=write do=disk-full:%llu", (unsigned long long)used + 100);
    assert_true(arm(f, text) >= 0);
    assert_int_equal(arm(f, text), -1);
    assert_int_equal(fi_engine_disk_take(f->control, 60), 60);
    assert_int_equal(fi_engine_disk_take(f->control, 60), 40);
    assert_int_equal(fi_engine_disk_take(f->control, 60), 0);
    fi_engine_disk_give(f->control, 25);
    assert_int_equal(fi_engine_disk_take(f->control, 60), 25);
    fi_control_disarm(f->control, 0);
    assert_int_equal(fi_engine_disk_take(f->control, 60), 60);
}

enum { THREADS = 4, EACH = 20000 };

static void *hammer(void *argument)
{
    struct fi_control *control = argument;
    struct fi_origin origin = {.pid = 1, .op = FI_OP_WRITE, .path = "file"};
    for (int i = 0; i < EACH; i++) {
        struct fi_decision decision = fi_engine_decide(control, FI_ROLE_SERVER, FI_OP_WRITE, "file");
        if (decision.rule >= 0)
            fi_engine_record(control, &decision, &origin);
        fi_engine_disk_give(control, fi_engine_disk_take(control, 10));
    }
    return NULL;
}

static void counts_each_operation_once_across_threads(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    int rule = arm(f, "op=write every=10 do=error:EIO");
    assert_true(arm(f, "op=write do=disk-full:1g") >= 0);
    int64_t before = f->control->disk_used;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, f->control), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(f->control->rules[rule].seen, THREADS * EACH);
    assert_int_equal(f->control->rules[rule].fired, THREADS * EACH / 10);
    assert_int_equal(f->control->disk_used, before);
    uint64_t lost;
    assert_int_equal(fi_control_log_count(f->control, &lost), THREADS * EACH / 10);
    assert_int_equal(lost, 0);
}

static void a_foreign_file_is_no_control_block(void **state)
{
    struct fixture *f = *state;
    char why[256];
    char path[96];
    assert_null(fi_control_open("/nonexistent/control", why, sizeof why));
    assert_null(fi_control_create(f->file, f->dir, roles, 2, why, sizeof why)); /* exists */
    snprintf(path, sizeof path, "%s/short", f->dir);
    FILE *file = fopen(path, "w");
    fputs("too short", file);
    fclose(file);
    assert_null(fi_control_open(path, why, sizeof why));
    assert_non_null(strstr(why, "too small"));
    unlink(path);
    f->control->version++;
    assert_null(fi_control_open(f->file, why, sizeof why));
    assert_non_null(strstr(why, "not a control block of version"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fires_when_it_should),
        TEST(runs_out_of_rules_politely),
        TEST(names_a_child_by_its_first_file),
        TEST(keeps_the_budget),
        TEST(counts_each_operation_once_across_threads),
        TEST(a_foreign_file_is_no_control_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
