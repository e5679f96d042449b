#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "driver/control.h"
#include "shared/clock.h"
#include "shared/engine.h"

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
    const struct fi_control_plan plan = {.data_dir = f->dir, .roles = roles, .role_count = 2, .seed = 7};
    f->control = fi_control_create(f->file, &plan, why, sizeof why);
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
    return fi_control_arm(f->control, &rule, 0, why, sizeof why);
}

/* Which of the operations 1..20 a rule fires on, as a picture. */
static void picture(struct fixture *f, uint32_t role, uint32_t op, const char *path, char out[21])
{
    struct fi_operation operation = {.time_ns = UINT64_MAX / 2, .role = role, .op = op, .path = path, .bytes = 10};
    for (int i = 0; i < 20; i++, operation.offset += 10)
        out[i] = fi_engine_decide(f->control, &operation).rule >= 0 ? 'x' : '.';
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
        {"op=write do=short:9", "xxxxxxxxxxxxxxxxxxxx"},
        {"op=write do=short:10", "...................."},
        {"op=write nth=2 do=torn:9", ".x.................."},
        {"op=write nth=2 do=torn:10", "...................."},
        {"op=fsync do=error:EIO", "...................."},
        {"op=write role=child do=error:EIO", "...................."},
        {"op=write role=server path=a/* do=error:EIO", "xxxxxxxxxxxxxxxxxxxx"},
        {"op=write path=b/* do=error:EIO", "...................."},
        {"op=write offset=25-41 do=error:EIO", "..xxx..............."},
        {"op=write offset=30-31 do=error:EIO", "...x................"},
        {"op=write offset=25-1k every=2 do=error:EIO", "...x.x.x.x.x.x.x.x.x"},
        {"op=write during=0-1 do=error:EIO", "...................."},
        {"op=write during=1- do=error:EIO", "xxxxxxxxxxxxxxxxxxxx"},
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
    char text[64];
    for (int i = 0; i < FI_RULES_MAX; i++) {
        snprintf(text, sizeof text, "op=write nth=%d do=kill", i + 1);
        assert_int_equal(arm(f, text), i);
    }
    assert_int_equal(arm(f, "op=write nth=100 do=kill"), -1);
    assert_int_equal(fi_control_rules(f->control), FI_RULES_MAX);
}

static void chance_depends_on_seed_file_and_number_alone(void **state)
{
    struct fixture *f = *state;
    char out[3][21];
    assert_int_equal(arm(f, "op=write p=0.5 do=error:EIO"), 0);
    picture(f, FI_ROLE_SERVER, FI_OP_WRITE, "file", out[0]);
    memset(f->control->rules[0].files, 0, sizeof f->control->rules[0].files);
    picture(f, FI_ROLE_SERVER, FI_OP_WRITE, "other", out[1]);
    picture(f, FI_ROLE_SERVER, FI_OP_WRITE, "file", out[2]);
    assert_string_equal(out[0], out[2]);
    assert_string_not_equal(out[0], out[1]);
    assert_non_null(strchr(out[0], 'x'));
    assert_non_null(strchr(out[0], '.'));
    memset(f->control->rules[0].files, 0, sizeof f->control->rules[0].files);
    f->control->seed++;
    picture(f, FI_ROLE_SERVER, FI_OP_WRITE, "file", out[1]);
    assert_string_not_equal(out[0], out[1]);
}

static void a_temporary_file_is_the_same_file_in_every_run(void **state)
{
    (void)state;
    static const struct {
        const char *path, *stable;
    } rows[] = {{"temp-123.rdb", "temp-*.rdb"},
                {"temp-rewriteaof-bg-123.aof", "temp-rewriteaof-bg-*.aof"},
                {"temp-1234.rdb", "temp-1234.rdb"},
                {"123", "*"},
                {"a.12.123", "a.12.*"},
                {"", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[64];
        fi_engine_stable_path(rows[i].path, 123, out, sizeof out);
        assert_string_equal(out, rows[i].stable);
    }
    char small[4];
    fi_engine_stable_path("abcdef", 1, small, sizeof small);
    assert_string_equal(small, "abc");
}

static void rules_that_contradict_each_other_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(arm(f, "op=fsync path=a nth=2 do=error:EIO"), 0);
    assert_int_equal(arm(f, "op=fsync path=a nth=2 do=error:ENOSPC"), -1);
    assert_int_equal(arm(f, "op=fsync path=a nth=3 do=error:ENOSPC"), 1);
    assert_int_equal(arm(f, "op=fsync,rename do=delay:5"), 2);
    assert_int_equal(arm(f, "op=rename path=x nth=7 do=kill"), -1);
    fi_control_disarm(f->control, 2);
    assert_int_equal(arm(f, "op=rename path=x nth=7 do=kill"), 3);
}

static void the_log_reads_the_same_in_every_run(void **state)
{
    struct fixture *f = *state;
    char line[2][512];
    assert_int_equal(arm(f, "op=write do=error:EIO"), 0);
    struct fi_operation operation = {.time_ns = 5,
                                     .pid = 77,
                                     .tid = 78,
                                     .role = 2,
                                     .process = 1,
                                     .thread = 1,
                                     .op = FI_OP_WRITE,
                                     .bytes = 10,
                                     .offset = -1,
                                     .path = "temp-77.rdb"};
    for (int i = 0; i < 2; i++) {
        struct fi_decision decision = fi_engine_decide(f->control, &operation);
        fi_engine_record(f->control, &decision, &operation);
    }
    fi_control_log_line(f->control, 1, false, line[0], sizeof line[0]);
    assert_string_equal(line[0], "save-child#1 thread#1 write temp-*.rdb number=2 on-file=2 bytes=10 rule=0 "
                                 "'op=write do=error:EIO'");
    fi_control_log_line(f->control, 1, true, line[1], sizeof line[1]);
    assert_non_null(strstr(line[1], "pid=77 tid=78 save-child#1"));
}

static void a_clock_goes_on_from_where_it_was(void **state)
{
    struct fixture *f = *state;
    struct fi_rule rule;
    struct fi_rule_error error;
    char why[256];
    struct fi_clock_reading reading;
    assert_false(fi_clock_read(&f->control->clock, &reading));
    assert_int_equal(fi_rule_parse("op=clock do=clock:x10", f->control->roles, 2, &rule, &error), 0);
    assert_int_equal(fi_control_arm(f->control, &rule, 1000, why, sizeof why), 0);
    assert_int_equal(f->control->clock.base_ns, 1000);
    assert_int_equal(fi_rule_parse("op=clock do=clock:-3", f->control->roles, 2, &rule, &error), 0);
    assert_int_equal(fi_control_arm(f->control, &rule, 1100, why, sizeof why), 1);
    assert_int_equal(f->control->clock.base_ns, 2000); /* 100 ns, ten times as long */
    assert_true(fi_clock_read(&f->control->clock, &reading));
    assert_int_equal(reading.rate, 10 * FI_CLOCK_RATE_ONE);
    assert_int_equal(reading.jump_ns, -3000000);
    assert_int_equal(fi_clock_virtual(&reading, 1150), 2500);
    assert_int_equal(fi_clock_virtual(&reading, 1050), 2000); /* before the change */
    assert_int_equal(fi_clock_real(&reading, 2500), 1150);
    assert_int_equal(fi_clock_virtual_span(&reading, 7), 70);
    assert_int_equal(fi_clock_real_span(&reading, 70), 7);
    assert_int_equal(f->control->rules[1].fired, 1);
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
    struct fi_operation operation = {.pid = 1, .op = FI_OP_WRITE, .path = "file"};
    for (int i = 0; i < EACH; i++) {
        struct fi_decision decision = fi_engine_decide(control, &operation);
        if (decision.rule >= 0)
            fi_engine_record(control, &decision, &operation);
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
    const struct fi_control_plan plan = {.data_dir = f->dir};
    assert_null(fi_control_create(f->file, &plan, why, sizeof why)); /* exists */
    snprintf(path, sizeof path, "%s/short", f->dir);
    FILE *file = fopen(path, "w");
    fputs("too short", file);
    fclose(file);
    assert_null(fi_control_open(path, why, sizeof why));
    assert_non_null(strstr(why, "too small"));
    unlink(path);
    f->control->head.version++;
    assert_null(fi_control_open(f->file, why, sizeof why));
    assert_non_null(strstr(why, "not a control block of version"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fires_when_it_should),
        TEST(runs_out_of_rules_politely),
        TEST(chance_depends_on_seed_file_and_number_alone),
        cmocka_unit_test(a_temporary_file_is_the_same_file_in_every_run),
        TEST(rules_that_contradict_each_other_are_refused),
        TEST(the_log_reads_the_same_in_every_run),
        TEST(a_clock_goes_on_from_where_it_was),
        TEST(names_a_child_by_its_first_file),
        TEST(keeps_the_budget),
        TEST(counts_each_operation_once_across_threads),
        TEST(a_foreign_file_is_no_control_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
