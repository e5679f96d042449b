/*
 * Crash states of small histories whose outcome is known. A program makes the changes under the journal; what each
 * policy may leave is written out here by hand.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/state.h"
#include "fixture.h"

enum { SEEDS = 40 };

static int set_up(void **state)
{
    *state = fixture_new(FI_BACKEND_PRELOAD);
    return 0;
}

static void run(struct fixture *f, const char *operations)
{
    fixture_run(f, operations);
    assert_true(WIFEXITED(f->status) && WEXITSTATUS(f->status) == 0);
}

static void out_dir(const struct fixture *f, char out[LA_PATH_MAX])
{
    la_path(out, "%s/out", f->top);
}

/* Makes a state; the content of `name` in it as a string to be freed, NULL when it is not there. */
static char *after_cut(struct fixture *f, struct la_crash_spec spec, const char *name)
{
    struct la_trail trail;
    struct la_error error = {""};
    char out[LA_PATH_MAX];
    char path[LA_PATH_MAX];
    out_dir(f, out);
    char *command = la_format("rm -rf %s", out);
    assert_int_equal(system(command), 0);
    free(command);
    assert_int_equal(mkdir(out, 0700), 0);
    if (la_trail_read(&trail, f->side, f->data, UINT64_MAX, &error) || la_crash_write(&trail, &spec, out, NULL, &error))
        fail_msg("%s", error.text);
    /* what is made must be allowed, or one of the two is wrong */
    if (spec.policy != LA_POLICY_TEAR && !la_crash_allows(&trail, spec.profile, out, NULL, &error))
        fail_msg("the state of seed %d is not allowed: %s", (int)spec.seed, error.text);
    la_trail_free(&trail);
    la_path(path, "%s/%s", out, name);
    return la_read_file(path, 1 << 20, NULL, &error);
}

static const struct la_crash_spec drop = {LA_FS_EXT4, LA_POLICY_DROP, 1};
static const struct la_crash_spec drop_posix = {LA_FS_POSIX, LA_POLICY_DROP, 1};

static const struct {
    const char *operations;
    const char *file;  /* which file */
    const char *ext4;  /* its content with everything dropped that is not durable; NULL: gone */
    const char *posix; /* the same under posix */
} rows[] = {
    {"open write", "file", NULL, NULL},
    {"open write fsync", "file", "0123456789", NULL}, /* of the name, posix says nothing */
    {"open write fsync fsyncdir", "file", "0123456789", "0123456789"},
    {"open write fsync fsyncdir write", "file", "0123456789", "0123456789"},
    {"open fsyncdir write", "file", "", ""},
    {"openplain write fsync fsyncdir overwrite", "file", "0123456789", "0123456789"},
    {"openplain write overwrite fsync fsyncdir", "file", "01abcd6789", "01abcd6789"},
    {"openplain write fsync fsyncdir truncate", "file", "0123456789", "0123456789"},
    {"openplain write fsync fsyncdir truncate fsync", "file", "", ""},
    {"open write fsync fsyncdir rename", "file", "0123456789", "0123456789"},
    {"open write fsync fsyncdir rename fsyncdir", "renamed", "0123456789", "0123456789"},
    {"open write fsync fsyncdir unlink", "file", "0123456789", "0123456789"},
    {"open write fsync fsyncdir unlink fsyncdir", "file", NULL, NULL},
    {"open write fsync fsyncdir stream renameover", "file", "0123456789", "0123456789"},
    {"open write fsync fsyncdir stream renameover fsyncdir", "file", "", ""}, /* the name, not the data */
    {"open write syncrange", "file", NULL, NULL},                             /* makes nothing durable */
    {"open write sync", "file", "0123456789", "0123456789"},
    {"open write fsync fsyncdir writev rawwrite fdatasync", "file", "012345678901230123010123456789",
     "012345678901230123010123456789"},
};

static void what_is_not_durable_is_gone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        void *mine;
        set_up(&mine);
        struct fixture *f = mine;
        run(f, rows[i].operations);
        const char *expected[] = {rows[i].ext4, rows[i].posix};
        const struct la_crash_spec specs[] = {drop, drop_posix};
        for (int k = 0; k < 2; k++) {
            char *content = after_cut(f, specs[k], rows[i].file);
            const char *want = expected[k];
            if (!content != !want || (want && strcmp(content, want) != 0))
                fail_msg("%s (%s): expected %s, got %s", rows[i].operations, k ? "posix" : "ext4",
                         want ? want : "nothing", content ? content : "nothing");
            free(content);
        }
        fixture_free(&mine);
    }
}

/* The kernel marks pages clean that it could not write: the next fsync succeeds and brings them not. */
static void a_failed_fsync_is_not_made_good_by_the_next(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=fsync nth=1 do=error:EIO");
    run(f, "open writepages fsync writepages fsync fsyncdir");
    char *content = after_cut(f, drop, "file");
    assert_non_null(content);
    assert_int_equal(content[0], '\0');
    assert_int_equal(content[8191], '\0');
    assert_int_equal(content[8192], '7');
    assert_int_equal(content[16383], '7');
    free(content);
}

/* What shares its page with a later write goes out with it: never that write alone, with a hole before it. */
static void a_later_write_takes_its_whole_page_along(void **state)
{
    struct fixture *f = *state;
    int outcomes[2] = {0, 0};
    fixture_arm(f, "op=fsync nth=2 do=error:EIO");
    run(f, "open write fsync write fsync write fsyncdir");
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        char *content = after_cut(f, (struct la_crash_spec){LA_FS_EXT4, LA_POLICY_SUBSET, seed}, "file");
        assert_non_null(content);
        bool whole = !strcmp(content, "012345678901234567890123456789");
        assert_true(whole || !strcmp(content, "0123456789"));
        outcomes[whole]++;
        free(content);
    }
    assert_true(outcomes[0] && outcomes[1]);
}

/* On btrfs it has not only not become durable: it is gone, and what is written behind it leaves a hole. */
static void a_reverted_file_is_what_it_was_at_its_last_fsync(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=fsync nth=2 do=revert:EIO");
    run(f, "openplain write fsync overwrite write fsync read size write size fsync fsyncdir");
    assert_string_equal(f->output,
                        "openplain=0 write=10 fsync=0 overwrite=4 write=10 fsync=-1:EIO read=12345678 size=10 "
                        "write=10 size=30 fsync=0 fsyncdir=0 ");
    char *content = after_cut(f, drop, "file");
    assert_memory_equal(content,
                        "0123456789\0\0\0\0\0\0\0\0\0\0"
                        "0123456789",
                        30);
    free(content);
}

/* The journal must follow what really happens to the file when others append while it is reverted. */
static void a_revert_beside_a_writer_can_be_followed(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=fsync every=4 do=revert:EIO");
    run(f, "open fsyncdir fsyncstorm");
    assert_string_equal(f->output, "open=0 fsyncdir=0 fsyncstorm=50 ");
    char *content = after_cut(f, drop, "file");
    assert_non_null(content);
    free(content);
}

static void truncated_bytes_come_back_with_a_revert(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=fsync nth=2 do=revert:EIO");
    run(f, "open write write fsync truncate write overwrite fsync size read");
    assert_string_equal(f->output,
                        "open=0 write=10 write=10 fsync=0 truncate=0 write=10 overwrite=4 fsync=-1:EIO size=20 "
                        "read=12345678 ");
}

/* But a page that is written to again goes out whole. */
static void a_page_that_is_dirty_again_goes_out(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=fsync nth=1 do=error:EIO");
    run(f, "open write fsync write fsync fsyncdir");
    char *content = after_cut(f, drop, "file");
    assert_string_equal(content, "01234567890123456789");
    free(content);
}

static void a_lie_makes_nothing_durable(void **state)
{
    struct fixture *f = *state;
    run(f, "open write fsync fsyncdir");
    fixture_arm(f, "op=fsync do=lie");
    run(f, "open write fsync fsyncdir");
    char *content = after_cut(f, drop, "file");
    assert_string_equal(content, "0123456789");
    free(content);
}

/* At random, but always something that the profile allows, the same for the same seed, and not always the same. */
static void random_states_are_allowed_and_differ(void **state)
{
    struct fixture *f = *state;
    run(f, "openplain write fsync fsyncdir writepages overwrite writepages stream rename link unlink mkdir truncate");
    for (int profile = 0; profile < LA_FS_COUNT; profile++) {
        if (!la_filesystems[profile].modelled)
            continue;
        int there = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct la_crash_spec spec = {(enum la_fs)profile, LA_POLICY_SUBSET, seed};
            char *first = after_cut(f, spec, "renamed");
            char *second = after_cut(f, spec, "renamed");
            assert_int_equal(!first, !second);
            if (first)
                assert_string_equal(first, second);
            there += first != NULL;
            free(first);
            free(second);
            spec.policy = LA_POLICY_TEAR;
            free(after_cut(f, spec, "file"));
        }
        assert_true(there > 0 && there < SEEDS);
    }
}

/* The state at an earlier moment is worked out from the files as they are at the end. */
static void the_cut_may_lie_in_the_past(void **state)
{
    struct fixture *f = *state;
    struct la_trail trail;
    struct la_error error = {""};
    run(f, "openplain write fsync fsyncdir overwrite fsync truncate fsync unlink fsyncdir");
    static const struct {
        uint64_t cut;
        const char *content;
    } moments[] = {{5, "0123456789"}, {7, "01abcd6789"}, {9, ""}, {10, ""}, {11, NULL}};
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        char path[LA_PATH_MAX];
        char out[LA_PATH_MAX];
        out_dir(f, out);
        char *command = la_format("rm -rf %s", out);
        assert_int_equal(system(command), 0);
        free(command);
        assert_int_equal(mkdir(out, 0700), 0);
        assert_int_equal(la_trail_read(&trail, f->side, f->data, moments[i].cut, &error), 0);
        assert_int_equal(la_crash_write(&trail, &drop, out, NULL, &error), 0);
        la_trail_free(&trail);
        la_path(path, "%s/file", out);
        char *content = la_read_file(path, 1 << 20, NULL, &error);
        if (moments[i].content)
            assert_string_equal(content, moments[i].content);
        else
            assert_null(content);
        free(content);
    }
}

static void a_damaged_journal_is_an_error_and_no_crash(void **state)
{
    struct fixture *f = *state;
    struct la_trail trail;
    struct la_error error = {""};
    run(f, "open write fsync");
    f->journal->records[1].file = FI_FILES_MAX + 5;
    assert_int_equal(la_trail_read(&trail, f->side, f->data, UINT64_MAX, &error), -1);
    la_trail_free(&trail);
    f->journal->records[1].file = 0;
    f->journal->records[2].offset = UINT64_MAX - 3;
    la_trail_read(&trail, f->side, f->data, UINT64_MAX, &error);
    la_trail_free(&trail);
    f->journal->next = FI_RECORDS_MAX + 1;
    assert_int_equal(la_trail_read(&trail, f->side, f->data, UINT64_MAX, &error), -1);
    assert_non_null(strstr(error.text, "full"));
    la_trail_free(&trail);
    f->journal->magic = 0;
    assert_int_equal(la_trail_read(&trail, f->side, f->data, UINT64_MAX, &error), -1);
    la_trail_free(&trail);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_durable_is_gone),    TEST(a_failed_fsync_is_not_made_good_by_the_next),
        TEST(a_page_that_is_dirty_again_goes_out),        TEST(a_lie_makes_nothing_durable),
        TEST(a_later_write_takes_its_whole_page_along),   TEST(a_reverted_file_is_what_it_was_at_its_last_fsync),
        TEST(a_revert_beside_a_writer_can_be_followed),   TEST(truncated_bytes_come_back_with_a_revert),
        TEST(random_states_are_allowed_and_differ),       TEST(the_cut_may_lie_in_the_past),
        TEST(a_damaged_journal_is_an_error_and_no_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
