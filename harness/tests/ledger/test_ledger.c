/* A ledger file that is cut, flipped or foreign is an error message, never a crash and never believed. */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "cmocka_all.h"
#include "ledger/ledger.h"
#include "ledger/value.h"
#include "types/ledger_check.h"
#include "types/types.h"

enum { OPS = 50, FLIPS = 3000 };

static char path[64];

static int set_up(void **state)
{
    (void)state;
    struct la_ledger ledger = {0};
    struct la_error error;
    struct la_plan plan = {.seed = 1, .clients = 1, .pipeline = 1, .value_size = 64, .keys = {5, 2, 2, 2, 2}};
    strcpy(path, "/tmp/ledger-XXXXXX");
    close(mkstemp(path));
    unlink(path);
    assert_int_equal(la_ledger_create(&ledger, path, &plan, 2 * OPS, &error), 0);
    ledger.head->sessions = 2;
    ledger.head->acked = OPS;
    for (uint32_t i = 0; i < OPS; i++) {
        uint16_t key = (uint16_t)(i % 13);
        ledger.ops[i] =
            (struct la_op){.invoked_ns = i + 1, .done_ns = i + 2, .session = i % 2, .seq = i + 1, .key = key};
        ledger.ops[i].type = (uint8_t)la_plan_type(&plan, key);
        ledger.ops[i].outcome = LA_OUTCOME_OK;
        ledger.ops[i].kind = 1;
        ledger.head->count++;
    }
    la_ledger_close(&ledger);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static int try_open(struct la_error *error)
{
    struct la_ledger ledger = {0};
    int result = la_ledger_open(&ledger, path, error);
    la_ledger_close(&ledger);
    return result;
}

static void overwrite(size_t at, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, bytes, size, (off_t)at), (ssize_t)size);
    close(fd);
}

static XXH128_hash_t content(void)
{
    struct la_error error;
    size_t size;
    char *bytes = la_read_file(path, 16 << 20, &size, &error);
    assert_non_null(bytes);
    XXH128_hash_t hash = XXH3_128bits(bytes, size);
    free(bytes);
    return hash;
}

/* What was answered after the power was cut has no reply, and the file stays what the load wrote. */
static void a_cut_is_told_to_the_reader(void **state)
{
    (void)state;
    struct la_ledger ledger = {0};
    struct la_error error;
    assert_int_equal(la_ledger_open(&ledger, path, &error), 0);
    uint64_t acked = ledger.head->acked;
    uint64_t cut_ns[2] = {ledger.ops[OPS / 2].done_ns, 0};
    la_ledger_close(&ledger);
    overwrite(offsetof(struct la_ledger_head, cut_ns), cut_ns, sizeof cut_ns);
    XXH128_hash_t before = content();
    assert_int_equal(la_ledger_open(&ledger, path, &error), 0);
    for (uint64_t i = 0; i < OPS; i++)
        assert_int_equal(!ledger.ops[i].done_ns, i > OPS / 2);
    assert_int_equal(ledger.head->acked, acked - (OPS - OPS / 2 - 1));
    la_ledger_forget_lives(&ledger, 0);
    assert_int_equal(ledger.head->acked, 0);
    assert_int_equal(ledger.changed_from, 0); /* whatever was changed first */
    assert_int_equal(ledger.changed_to, OPS);
    la_ledger_close(&ledger);
    assert_true(XXH128_isEqual(before, content()));
}

/* One of before there were times of cuts: shorter, and read as it is. */
static void version_3_is_read(void **state)
{
    (void)state;
    struct la_ledger ledger = {0};
    struct la_error error;
    const uint32_t version = 3;
    const size_t without = offsetof(struct la_ledger_head, cut_ns);
    assert_int_equal(la_ledger_open(&ledger, path, &error), 0);
    struct la_op first = ledger.ops[0];
    size_t size = OPS * sizeof(struct la_op);
    overwrite(without, ledger.ops, size);
    la_ledger_close(&ledger);
    overwrite(offsetof(struct la_ledger_head, version), &version, sizeof version);
    assert_int_equal(truncate(path, (off_t)(without + size)), 0);
    uint64_t room = OPS;
    overwrite(offsetof(struct la_ledger_head, capacity), &room, sizeof room);
    assert_int_equal(la_ledger_open(&ledger, path, &error), 0);
    assert_int_equal(la_ledger_count(&ledger), OPS);
    assert_memory_equal(&ledger.ops[0], &first, sizeof first);
    la_ledger_close(&ledger);
}

static void survives_a_load_that_was_killed(void **state)
{
    (void)state;
    struct la_ledger ledger = {0};
    struct la_error error;
    assert_int_equal(la_ledger_open(&ledger, path, &error), 0);
    assert_int_equal(la_ledger_count(&ledger), OPS);
    ledger.head->count = OPS + 1; /* claimed, and killed before the record was finished */
    assert_int_equal(la_ledger_count(&ledger), OPS);
    la_ledger_close(&ledger);
    assert_int_equal(try_open(&error), 0);
}

static void keeps_everything_when_trimmed(void **state)
{
    (void)state;
    struct la_ledger ledger = {0};
    struct la_error error;
    struct stat st;
    assert_int_equal(la_ledger_open(&ledger, path, &error), 0);
    la_ledger_trim(&ledger, path);
    la_ledger_close(&ledger);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, sizeof(struct la_ledger_head) + OPS * sizeof(struct la_op));
    assert_int_equal(la_ledger_open(&ledger, path, &error), 0);
    assert_int_equal(la_ledger_count(&ledger), OPS);
    la_ledger_close(&ledger);
}

static void a_cut_file_is_refused(void **state)
{
    (void)state;
    struct la_error error;
    static const off_t sizes[] = {sizeof(struct la_ledger_head) + OPS * sizeof(struct la_op), 300000, 100, 1, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(truncate(path, sizes[i]), 0);
        assert_int_equal(try_open(&error), -1);
        assert_non_null(strstr(error.text, path));
    }
}

static void a_missing_file_is_refused(void **state)
{
    (void)state;
    struct la_error error;
    struct la_ledger ledger = {0};
    assert_int_equal(la_ledger_open(&ledger, "/nonexistent/ledger", &error), -1);
    assert_non_null(strstr(error.text, "No such file"));
}

/* Whatever byte is changed: either it is refused, or what is read stays within bounds (the sanitizers watch). */
static void any_flipped_byte_is_survived(void **state)
{
    (void)state;
    uint64_t random = 1;
    int fd = open(path, O_RDWR);
    size_t head = sizeof(struct la_ledger_head);
    int refused = 0;
    for (int i = 0; i < FLIPS; i++) {
        struct la_error error;
        unsigned char byte;
        /* the whole start of the head, and the records; the table of sessions is data without a wrong value */
        uint64_t dice = la_random(&random);
        off_t at = i % 2 ? (off_t)(dice % 120) : (off_t)(head + dice % (OPS * sizeof(struct la_op)));
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        unsigned char changed = (unsigned char)(byte ^ (1U << (dice >> 32) % 8));
        assert_int_equal(pwrite(fd, &changed, 1, at), 1);
        struct la_ledger ledger = {0};
        if (la_ledger_open(&ledger, path, &error)) {
            refused++;
        } else {
            for (uint64_t n = 0; n < la_ledger_count(&ledger); n++)
                assert_true(ledger.ops[n].session < ledger.head->sessions);
            la_ledger_close(&ledger);
        }
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
    assert_true(refused > FLIPS / 10);
}

static void a_type_that_does_not_exist_is_refused(void **state)
{
    (void)state;
    struct la_ledger ledger = {0};
    struct la_error error;
    assert_int_equal(la_ledger_open(&ledger, path, &error), 0);
    struct la_plan plan = ledger.head->plan;
    la_ledger_close(&ledger);
    plan.keys[la_type_count] = plan.keys[4];
    plan.keys[4] = 0;
    overwrite(offsetof(struct la_ledger_head, plan), &plan, sizeof plan);
    assert_int_equal(try_open(&error), -1);
}

static void errors_are_told_apart(void **state)
{
    (void)state;
    struct la_ledger ledger = {0};
    struct la_error error;
    char text[32];
    assert_int_equal(la_ledger_open(&ledger, path, &error), 0);
    assert_int_equal(la_ledger_error(&ledger, "MISCONF no disk"), 0);
    assert_int_equal(la_ledger_error(&ledger, "LOADING"), 1);
    assert_int_equal(la_ledger_error(&ledger, "MISCONF no disk"), 0);
    unsigned int group = la_ledger_error(&ledger, "NOGROUP No such key 'la:0:1' or consumer group 'g'");
    assert_int_equal(la_ledger_error(&ledger, "NOGROUP No such key 'la:9:7' or consumer group 'g'"), group);
    assert_int_not_equal(la_ledger_error(&ledger, "ERR can't do this"), la_ledger_error(&ledger, "ERR can't do that"));
    /* of what Redis 6.0 says, the part that counts stands at the end */
    unsigned int script = la_ledger_error(&ledger, "ERR Error running script (call to "
                                                   "f_fd4fe0fd6c1a0e39db45986e035d41b9f5c48131): @user_script:1: "
                                                   "@user_script: 1: -NOREPLICAS Not enough good replicas to write.");
    assert_non_null(strstr(ledger.head->errors[script].text, "(call to f_): "));
    assert_non_null(strstr(ledger.head->errors[script].text, "-NOREPLICAS Not enough"));
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "error %d", i);
        assert_true(la_ledger_error(&ledger, text) < LA_ERRORS_MAX);
    }
    assert_string_equal(ledger.head->errors[LA_ERRORS_MAX - 1].text, "other errors");
    la_ledger_close(&ledger);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(survives_a_load_that_was_killed), TEST(keeps_everything_when_trimmed),
        TEST(a_cut_is_told_to_the_reader),     TEST(version_3_is_read),
        TEST(a_cut_file_is_refused),           cmocka_unit_test(a_missing_file_is_refused),
        TEST(any_flipped_byte_is_survived),    TEST(a_type_that_does_not_exist_is_refused),
        TEST(errors_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
