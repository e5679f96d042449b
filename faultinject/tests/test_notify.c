/* The supervisor, on a statically linked victim: the same rules and the same log as those of the library. */
#include "driver/notify.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

static int set_up(void **state)
{
    *state = fixture_new(FI_BACKEND_NOTIFY);
    return 0;
}

static const struct fixture_row rows[] = {
    {"op=open path=nothing do=error:EIO", "open write rawwrite stream fsync truncate mkdir rename fork close",
     "open=0 write=10 rawwrite=10 stream=10 fsync=0 truncate=0 mkdir=0 rename=0 fork=0 close=0 ", 0},
    {"op=fsync do=error:EIO", "open fsync fdatasync fsyncdir", "open=0 fsync=-1:EIO fdatasync=-1:EIO fsyncdir=-1:EIO ",
     3},
    {"op=fsync-dir do=error:EIO", "open fsync fsyncdir", "open=0 fsync=0 fsyncdir=-1:EIO ", 1},
    {"op=fdatasync nth=2 do=error:EIO", "open fsync fdatasync fdatasync",
     "open=0 fsync=0 fdatasync=0 fdatasync=-1:EIO ", 1},
    {"op=sync-range do=error:EIO", "open syncrange", "open=0 syncrange=-1:EIO ", 1},
    {"op=fsync path=. do=delay:1", "open sync", "open=0 sync=0 ", 1},
    {"op=open path=file do=error:EACCES", "open stream", "open=-1:EACCES stream=10 ", 1},
    {"op=open path=stream do=error:EMFILE", "open stream", "open=0 stream=-1:EMFILE ", 1},
    {"op=open path=file do=error:EIO", "openraw", "openraw=-1:EIO ", 1},
    {"op=open path=file do=error:EIO", "openat2", "openat2=-1:EIO ", 1},
    {"op=rename path=renamed do=error:EIO", "open rename", "open=0 rename=-1:EIO ", 1},
    {"op=rename path=file do=error:EIO", "open renameout", "open=0 renameout=-1:EIO ", 1},
    {"op=unlink do=error:EPERM", "open unlink", "open=0 unlink=-1:EPERM ", 1},
    {"op=truncate do=error:EIO", "open truncate", "open=0 truncate=-1:EIO ", 1},
    {"op=mkdir path=sub do=error:ENOSPC", "mkdir", "mkdir=-1:ENOSPC ", 1},
    {"op=link do=error:EPERM", "open link symlink", "open=0 link=-1:EPERM symlink=-1:EPERM ", 2},
    {"op=fork do=error:ENOMEM", "fork", "fork=-1:ENOMEM ", 1},
    {"op=fork do=error:EAGAIN", "open thread", "open=0 thread=0 ", 0}, /* a thread is no process */
    {"op=open role=save-child do=kill", "open fork write", "open=0 fork=1009 write=10 ", 1},
    {"op=open role=child do=error:EIO", "fork", "fork=0 ", 0},
    {"op=fsync do=delay:20", "open fsync fsync", "open=0 fsync=0 fsync=0 ", 2},
    {"op=truncate do=lie", "open write truncate size", "open=0 write=10 truncate=0 size=10 ", 1},
    {"op=unlink do=lie", "open write unlink open size", "open=0 write=10 unlink=0 open=0 size=10 ", 1},
    {"op=rename do=lie", "open rename rename", "open=0 rename=0 rename=0 ", 2},
    {"op=fsync,unlink,rename do=error:EIO", "outside pipe", "outside=10 pipe=10 ", 0},
    {"op=write do=file-limit:25", "open write write write write fsync truncate write",
     "open=0 write=10 write=10 write=5 write=-1:EFBIG fsync=0 truncate=0 write=10 ", 1},
    {"op=write do=file-limit:1m", "open write write fsync", "open=0 write=10 write=10 fsync=0 ", 0},
    {"op=unlink path=nothing do=delay:1", "open helper write", "open=0 helper=0 write=10 ", 0},
};

static void does_what_the_rule_says(void **state)
{
    (void)state;
    fixture_check_rows(FI_BACKEND_NOTIFY, rows, sizeof rows / sizeof *rows);
}

static void says_what_it_lacks(void **state)
{
    struct fixture *f = *state;
    static const char *const lacking[] = {
        "op=write do=error:EIO",
        "op=any do=delay:1",
        "op=read do=flip",
        "op=send do=hang",
        "op=write do=torn:3",
        "op=write do=disk-full:1m",
        "op=clock do=clock:x10",
        "op=write path=file do=file-limit:10",
        "op=write nth=2 do=file-limit:10",
        "op=fsync when=done do=kill",
        "op=rename when=done do=delay:1",
    };
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++) {
        struct fi_rule rule;
        struct fi_rule_error error;
        char why[256] = "";
        assert_int_equal(fi_rule_parse(lacking[i], f->control->roles, f->control->role_count, &rule, &error), 0);
        assert_int_equal(fi_control_arm(f->control, &rule, 0, why, sizeof why), -1);
        assert_non_null(strstr(why, "from outside the server"));
    }
}

static void kills_the_group(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=fsync nth=2 do=kill:group");
    fixture_run(f, "open write fsync write fsync write");
    assert_true(WIFSIGNALED(f->status));
    assert_string_equal(f->output, "open=0 write=10 fsync=0 write=10 ");
}

static void killed_when_a_rename_is_done(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=rename when=done do=kill:group");
    fixture_run(f, "open write rename fsyncdir write");
    assert_true(WIFSIGNALED(f->status));
    assert_true(
        !strncmp(f->output, "open=0 write=10 ", 16)); /* it may have come so far as to say that it has renamed */
    assert_null(strstr(f->output, "fsyncdir"));
    assert_int_equal(fixture_size(f, "renamed"), 10);
    assert_int_equal(f->control->rules[0].fired, 1);
}

static void a_rename_that_fails_is_not_done(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=rename nth=2 when=done do=kill:group");
    fixture_run(f, "open rename rename write");
    assert_string_equal(f->output, "open=0 rename=0 rename=-1:ENOENT write=10 ");
    assert_int_equal(f->control->rules[0].fired, 0);
}

static void a_hang_ends_when_the_rule_does(void **state)
{
    fixture_check_hang(*state);
}

/* With the operations that both back ends see, the log is the same line for line, but for where the library stands. */
static void the_log_is_that_of_the_library(void **state)
{
    (void)state;
    char log[2][4096] = {"", ""};
    for (int i = 0; i < 2; i++) {
        void *mine = fixture_new(i ? FI_BACKEND_NOTIFY : FI_BACKEND_PRELOAD);
        struct fixture *f = mine;
        fixture_arm(f, "op=fsync,rename,unlink,truncate,mkdir,fork,open p=0.5 do=delay:1");
        fixture_run(f, "open fsync fdatasync fsyncdir truncate fsync fork fork mkdir stream rename fsync fork");
        for (uint64_t entry = 0; entry < fi_control_log_count(f->control, NULL); entry++) {
            char line[512];
            fi_control_log_line(f->control, entry, false, line, sizeof line);
            const char *thread = strchr(line, ' '); /* the process that becomes the victim counts as a server too */
            strncat(log[i], thread, sizeof log[i] - strlen(log[i]) - 2);
            strcat(log[i], "\n");
        }
        fixture_free(&mine);
    }
    assert_true(*log[0] != '\0');
    assert_string_equal(log[0], log[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_what_the_rule_says),
        TEST(says_what_it_lacks),
        TEST(kills_the_group),
        TEST(killed_when_a_rename_is_done),
        TEST(a_rename_that_fails_is_not_done),
        TEST(a_hang_ends_when_the_rule_does),
        cmocka_unit_test(the_log_is_that_of_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
