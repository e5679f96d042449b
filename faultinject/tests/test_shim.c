/* The shared library, preloaded into the victim: what each action does to each operation, however it is made. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "control.h"

enum { ARGS_MAX = 32 };

static const struct fi_role roles[] = {{"save-child", "temp-*.rdb"}};

struct fixture {
    char top[64];
    char data[96];
    char block[96];
    struct fi_control *control;
    char output[4096]; /* what the victim printed */
    int status;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char why[256];
    snprintf(f->top, sizeof f->top, "/tmp/shim-XXXXXX");
    assert_non_null(mkdtemp(f->top));
    snprintf(f->data, sizeof f->data, "%s/data", f->top);
    snprintf(f->block, sizeof f->block, "%s/control", f->top);
    assert_int_equal(mkdir(f->data, 0700), 0);
    f->control = fi_control_create(f->block, f->data, roles, 1, why, sizeof why);
    assert_non_null(f->control);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    fi_control_close(f->control);
    snprintf(command, sizeof command, "rm -r %s", f->top);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static void arm(struct fixture *f, const char *text)
{
    struct fi_rule rule;
    struct fi_rule_error error;
    char why[256];
    assert_int_equal(fi_rule_parse(text, f->control->roles, f->control->role_count, &rule, &error), 0);
    assert_true(fi_control_arm(f->control, &rule, why, sizeof why) >= 0);
}

static void become_victim(struct fixture *f, char *line, int out)
{
    char *args[ARGS_MAX] = {VICTIM};
    int count = 1;
    for (char *word = strtok(line, " "); word && count < ARGS_MAX - 1; word = strtok(NULL, " "))
        args[count++] = word;
    setpgid(0, 0);
    dup2(out, STDOUT_FILENO);
    setenv("LD_PRELOAD", SHIM, 1);
    if (!getenv(FI_CONTROL_ENV))
        setenv(FI_CONTROL_ENV, f->block, 1);
    if (chdir(f->data) == 0)
        execv(VICTIM, args);
    _exit(98);
}

static void run(struct fixture *f, const char *operations)
{
    char line[512];
    int ends[2];
    snprintf(line, sizeof line, "%s", operations);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0)
        become_victim(f, line, ends[1]);
    close(ends[1]);
    size_t used = 0;
    for (ssize_t got; (got = read(ends[0], f->output + used, sizeof f->output - 1 - used)) > 0;)
        used += (size_t)got;
    f->output[used] = '\0';
    close(ends[0]);
    waitpid(pid, &f->status, 0);
}

static long size_of(struct fixture *f, const char *name)
{
    char path[160];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", f->data, name);
    return stat(path, &st) ? -1 : (long)st.st_size;
}

static const struct {
    const char *rule, *operations, *printed;
    uint64_t fired;
} rows[] = {
    /* nothing armed that matters: everything as it is */
    {"op=write path=nothing do=error:EIO", "open write rawwrite writev stream fsync truncate mkdir rename close",
     "open=0 write=10 rawwrite=10 writev=10 stream=10 fsync=0 truncate=0 mkdir=0 rename=0 close=0 ", 0},
    {"op=write nth=2 do=error:ENOSPC", "open write write write", "open=0 write=10 write=-1:ENOSPC write=10 ", 1},
    {"op=write nth=1 do=error:EIO", "open rawwrite rawwrite", "open=0 rawwrite=-1:EIO rawwrite=10 ", 1},
    {"op=write path=stream do=error:ENOSPC", "open write stream", "open=0 write=10 stream=-1:ENOSPC ", 1},
    {"op=write do=short:3", "open write writev", "open=0 write=3 writev=3 ", 2},
    {"op=write nth=1 do=short:6", "open writev", "open=0 writev=6 ", 1},
    {"op=fsync do=error:EIO", "open fsync fdatasync fsyncdir", "open=0 fsync=-1:EIO fdatasync=-1:EIO fsyncdir=-1:EIO ",
     3},
    {"op=fsync-dir do=error:EIO", "open fsync fsyncdir", "open=0 fsync=0 fsyncdir=-1:EIO ", 1},
    {"op=fdatasync do=error:EIO", "open fsync fdatasync", "open=0 fsync=0 fdatasync=-1:EIO ", 1},
    {"op=open path=file do=error:EACCES", "open stream", "open=-1:EACCES stream=10 ", 1},
    {"op=open path=stream do=error:EMFILE", "open stream", "open=0 stream=-1:EMFILE ", 1},
    {"op=rename path=renamed do=error:EIO", "open rename", "open=0 rename=-1:EIO ", 1},
    {"op=unlink do=error:EPERM", "open unlink", "open=0 unlink=-1:EPERM ", 1},
    {"op=truncate do=error:EIO", "open truncate", "open=0 truncate=-1:EIO ", 1},
    {"op=mkdir path=sub do=error:ENOSPC", "mkdir", "mkdir=-1:ENOSPC ", 1},
    {"op=fork do=error:ENOMEM", "fork", "fork=-1:ENOMEM ", 1},
    {"op=write role=save-child do=kill", "open write fork write", "open=0 write=10 fork=1009 write=10 ", 1},
    {"op=write role=save-child do=error:EIO", "open write fork write", "open=0 write=10 fork=1 write=10 ", 1},
    {"op=write role=child do=error:EIO", "fork", "fork=0 ", 0},
    {"op=write do=delay:1", "open write", "open=0 write=10 ", 1},
    {"op=any do=error:EIO", "outside pipe", "outside=10 pipe=10 ", 0},
    {"op=write path=helped do=delay:1", "open helper write", "open=0 helper=0 write=10 ", 1},
};

static void does_what_the_rule_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        void *mine;
        set_up(&mine);
        struct fixture *f = mine;
        arm(f, rows[i].rule);
        run(f, rows[i].operations);
        if (!WIFEXITED(f->status) || strcmp(f->output, rows[i].printed) || f->control->rules[0].fired != rows[i].fired)
            fail_msg("%s\n  expected %s(fired %d)\n  got      %s(fired %d) status %#x", rows[i].rule, rows[i].printed,
                     (int)rows[i].fired, f->output, (int)f->control->rules[0].fired, (unsigned)f->status);
        assert_int_equal(f->control->trap_state, FI_TRAP_ON);
        tear_down(&mine);
    }
}

static void tears_a_write_and_kills_the_group(void **state)
{
    struct fixture *f = *state;
    arm(f, "op=write nth=2 do=torn:4");
    run(f, "open write write write");
    assert_true(WIFSIGNALED(f->status));
    assert_int_equal(WTERMSIG(f->status), SIGKILL);
    assert_string_equal(f->output, "open=0 write=10 ");
    assert_int_equal(size_of(f, "file"), 14);
    assert_int_equal(f->control->log[0].bytes, 10);
    assert_string_equal(f->control->log[0].path, "file");
}

static void a_full_disk_takes_what_fits_and_gives_space_back(void **state)
{
    struct fixture *f = *state;
    arm(f, "op=write do=disk-full:25");
    run(f, "open write write write write truncate write");
    assert_string_equal(f->output, "open=0 write=10 write=10 write=5 write=-1:ENOSPC truncate=0 write=10 ");
    assert_int_equal(size_of(f, "file"), 10);
    assert_int_equal(f->control->rules[0].fired, 2);
    assert_int_equal(f->control->disk_used, 10);
}

static void a_write_too_small_to_be_cut_is_no_injection(void **state)
{
    struct fixture *f = *state;
    arm(f, "op=write do=short:10");
    arm(f, "op=write path=none do=torn:10");
    run(f, "open write writev");
    assert_string_equal(f->output, "open=0 write=10 writev=10 ");
    assert_int_equal(f->control->rules[0].fired, 0);
    assert_int_equal(f->control->log_next, 0);
}

static void an_unlinked_file_frees_its_space(void **state)
{
    struct fixture *f = *state;
    arm(f, "op=write do=disk-full:25");
    run(f, "open write writev unlink open write writev write");
    assert_string_equal(f->output, "open=0 write=10 writev=10 unlink=0 open=0 write=10 writev=10 write=5 ");
}

static void counts_what_was_done_and_by_whom(void **state)
{
    struct fixture *f = *state;
    run(f, "open write rawwrite stream fork fsync");
    assert_int_equal(fi_control_done(f->control, FI_ROLE_SERVER, 1U << FI_OP_WRITE), 3);
    assert_int_equal(fi_control_done(f->control, 2, 1U << FI_OP_WRITE), 1);
    assert_int_equal(fi_control_done(f->control, FI_ROLE_ANY, 1U << FI_OP_FSYNC), 1);
    assert_int_equal(fi_control_done(f->control, FI_ROLE_ANY, 1U << FI_OP_FORK), 1);
}

static void a_broken_block_lets_the_program_run(void **state)
{
    struct fixture *f = *state;
    f->control->magic = 0;
    run(f, "open write stream");
    assert_string_equal(f->output, "open=0 write=10 stream=10 ");
    setenv(FI_CONTROL_ENV, "/nonexistent", 1);
    run(f, "open write stream");
    unsetenv(FI_CONTROL_ENV);
    assert_string_equal(f->output, "open=0 write=10 stream=10 ");
    assert_int_equal(f->control->attached, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_what_the_rule_says),
        TEST(tears_a_write_and_kills_the_group),
        TEST(a_full_disk_takes_what_fits_and_gives_space_back),
        TEST(a_write_too_small_to_be_cut_is_no_injection),
        TEST(an_unlinked_file_frees_its_space),
        TEST(counts_what_was_done_and_by_whom),
        TEST(a_broken_block_lets_the_program_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
