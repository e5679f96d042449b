/* The shared library, preloaded into the victim: what each action does to each operation, however it is made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

enum { BEGINNING = 1 /* records of an empty directory */ };

static int set_up(void **state)
{
    *state = fixture_new(FI_BACKEND_PRELOAD);
    return 0;
}

static const struct fixture_row rows[] = {
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
    /* when it is done: one that fails is not */
    {"op=rename when=done do=delay:1", "open rename rename", "open=0 rename=0 rename=-1:ENOENT ", 1},
    {"op=rename nth=2 when=done do=kill", "open rename rename", "open=0 rename=0 rename=-1:ENOENT ", 0},
    {"op=write role=save-child when=done do=kill", "open write fork write", "open=0 write=10 fork=1009 write=10 ", 1},
    {"op=any do=error:EIO", "outside pipe", "outside=10 pipe=10 ", 0},
    {"op=fsync do=delay:1", "open signals", "open=0 signals=0 ", 2},
    {"op=write do=flip:800", "open write write", "open=0 write=10 write=10 ", 0}, /* there is no such bit */
    {"op=read do=flip:800", "open write read", "open=0 write=10 read=12345678 ", 0},
    /* however a file is opened */
    {"op=open path=file do=error:EIO", "openraw", "openraw=-1:EIO ", 1},
    {"op=write path=file do=error:EIO", "openraw write", "openraw=0 write=-1:EIO ", 1},
    {"op=write path=file do=error:EIO", "openat2 write", "openat2=0 write=-1:EIO ", 1},
    {"op=link do=error:EPERM", "open link symlink", "open=0 link=-1:EPERM symlink=-1:EPERM ", 2},
    {"op=sync-range do=error:EIO", "open syncrange", "open=0 syncrange=-1:EIO ", 1},
    {"op=fsync path=. do=delay:1", "open sync", "open=0 sync=0 ", 1},
    {"op=rename path=file do=error:EIO", "open renameout", "open=0 renameout=-1:EIO ", 1},
    /* lies: success without effect */
    {"op=write nth=2 do=lie", "open write write write size read",
     "open=0 write=10 write=10 write=10 size=30 "
     "read=12345678 ",
     1},
    {"op=truncate do=lie", "open write truncate size", "open=0 write=10 truncate=0 size=10 ", 1},
    {"op=unlink do=lie", "open write unlink open size", "open=0 write=10 unlink=0 open=0 size=10 ", 1},
    {"op=rename do=lie", "open rename rename", "open=0 rename=0 rename=0 ", 2},
    {"op=fsync do=lie", "open write fsync", "open=0 write=10 fsync=0 ", 1},
    /* bit rot: 0x30 ^ 1 << 1 is '2' */
    {"op=read do=flip:1", "open write read readstream", "open=0 write=10 read=212345678 readstream=212345678 ", 2},
    {"op=read offset=8-9 do=flip", "open write read", "open=0 write=10 read=12345679 ", 1},
    {"op=write offset=8-9 do=flip", "open write write read", "open=0 write=10 write=10 read=12345679 ", 1},
    {"op=read do=error:EIO", "open write read readstream", "open=0 write=10 read=-1:EIO readstream=-1:EIO ", 2},
    {"op=read path=file do=short:3", "open write read", "open=0 write=10 read=12 ", 1},
    {"op=write offset=10-20 do=error:EIO", "open write write", "open=0 write=10 write=-1:EIO ", 1},
    /* sockets, by the port of the other end */
    {"op=connect peer=29100 do=error:ECONNREFUSED", "connect", "connect=-1:ECONNREFUSED ", 1},
    {"op=connect peer=29101 do=error:ECONNREFUSED", "connect send recv", "connect=0 send=10 recv=10 ", 0},
    {"op=connect do=hang", "connect", "connect=-1:ETIMEDOUT ", 1},
    {"op=accept peer=29100 nth=1 do=error:ECONNABORTED", "connect", "connect=-1:ECONNABORTED ", 1},
    {"op=send peer=29100 do=error:ECONNRESET", "connect send recv", "connect=0 send=-1:ECONNRESET recv=-1:EAGAIN ", 1},
    {"op=send peer=29100 do=hang", "connect send send recv", "connect=0 send=-1:EAGAIN send=-1:EAGAIN recv=-1:EAGAIN ",
     2},
    {"op=recv nth=1 do=hang", "connect send recv recv", "connect=0 send=10 recv=-1:EAGAIN recv=10 ", 1},
    {"op=send nth=1 do=lie", "connect send recv", "connect=0 send=10 recv=-1:EAGAIN ", 1},
    {"op=send do=short:4", "connect send recv", "connect=0 send=4 recv=4 ", 1},
    {"op=network do=delay:1", "open write connect send recv", "open=0 write=10 connect=0 send=10 recv=10 ", 4},
    /* time */
    {"op=clock do=clock:x600", "sleep poll timedwait monowait select",
     "sleep=1 poll=1 timedwait=1 monowait=1 select=1 ", 1},
    {"op=clock do=clock:+7200000", "wall", "wall=2 ", 1},
    {"op=clock do=clock:+500000ppm", "tick", "tick=15 ", 1},
    {"op=clock do=clock:-500000ppm", "tick", "tick=5 ", 1},
    {"op=write path=file do=file-limit:25", "open write write write write truncate write",
     "open=0 write=10 write=10 write=5 write=-1:EFBIG truncate=0 write=10 ", 2},
    {"op=write path=helped do=delay:1", "open helper write", "open=0 helper=0 write=10 ", 1},
};

static void does_what_the_rule_says(void **state)
{
    (void)state;
    fixture_check_rows(FI_BACKEND_PRELOAD, rows, sizeof rows / sizeof *rows);
}

static void tears_a_write_and_kills_the_group(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=write nth=2 do=torn:4");
    fixture_run(f, "open write write write");
    assert_true(WIFSIGNALED(f->status));
    assert_int_equal(WTERMSIG(f->status), SIGKILL);
    assert_string_equal(f->output, "open=0 write=10 ");
    assert_int_equal(fixture_size(f, "file"), 14);
    assert_int_equal(f->control->log[0].bytes, 10);
    assert_string_equal(f->control->log[0].path, "file");
}

static void a_full_disk_takes_what_fits_and_gives_space_back(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=write do=disk-full:25");
    fixture_run(f, "open write write write write truncate write");
    assert_string_equal(f->output, "open=0 write=10 write=10 write=5 write=-1:ENOSPC truncate=0 write=10 ");
    assert_int_equal(fixture_size(f, "file"), 10);
    assert_int_equal(f->control->rules[0].fired, 2);
    assert_int_equal(f->control->disk_used, 10);
}

static void what_is_left_is_counted_from_what_is_there(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "open write write");
    fixture_arm(f, "op=write do=disk-full:free:15");
    fixture_run(f, "open write write write");
    assert_string_equal(f->output, "open=0 write=10 write=5 write=-1:ENOSPC ");
    assert_int_equal(f->control->rules[0].fired, 2);
}

static void a_write_too_small_to_be_cut_is_no_injection(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=write path=none do=torn:10");
    fixture_arm(f, "op=write do=short:10");
    fixture_run(f, "open write writev");
    assert_string_equal(f->output, "open=0 write=10 writev=10 ");
    assert_int_equal(f->control->rules[0].fired, 0);
    assert_int_equal(f->control->log_next, 0);
}

static void a_full_disk_says_so(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "open room");
    assert_string_equal(f->output, "open=0 room=99999 ");
    fixture_arm(f, "op=write do=disk-full:20000");
    fixture_run(f, "open room write write room");
    assert_string_equal(f->output, "open=0 room=16384 write=10 write=10 room=16384 ");
}

static void what_it_cannot_follow_is_noted_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *operations, *noted;
    } blind[] = {
        {"open write rawwrite openraw stream fsync rename link", ""},
        {"open write mmap", "a shared writable mapping of a watched file"},
        {"iouring", "io_uring"},
        {"open renameout", "a rename or link across the data directory's border"},
        {"open write punch", "fallocate or ioctl that moves, clones or punches out data"},
        {"openat2", "a file opened by openat2 or by a handle"},
        {"opensynced write", "a file opened with O_SYNC or O_DSYNC"},
    };
    for (size_t i = 0; i < sizeof blind / sizeof *blind; i++) {
        void *mine;
        char words[256];
        set_up(&mine);
        struct fixture *f = mine;
        fixture_run(f, blind[i].operations);
        assert_true(WIFEXITED(f->status));
        assert_int_equal(fi_control_blind(f->control, words, sizeof words), *blind[i].noted != '\0');
        assert_string_equal(words, blind[i].noted);
        fixture_free(&mine);
    }
}

static void a_hang_ends_when_the_rule_does(void **state)
{
    fixture_check_hang(*state);
}

static void a_held_up_fsync_holds_up_writes_to_its_file(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=fsync do=hang");
    pid_t pid = fork();
    if (pid == 0) {
        while (!f->control->busy_count)
            usleep(1000);
        usleep(3000000);
        fi_control_disarm(f->control, 0);
        _exit(0);
    }
    fixture_run(f, "open fsyncbeside");
    waitpid(pid, NULL, 0);
    assert_string_equal(f->output, "open=0 fsyncbeside=1 ");
    assert_int_equal(f->control->busy_count, 0);
}

/* One record as a line: what, on which file, where. */
static void say(const struct fi_journal *journal, uint64_t index, char *out, size_t size)
{
    const struct fi_record *record = &journal->records[index];
    const char *file = record->file < FI_FILES_MAX ? fi_journal_text(journal, journal->files[record->file].name) : "-";
    snprintf(out, size, "%s %s %s>%s %llu+%llu of %llu%s%s", fi_op_name(record->op), file,
             fi_journal_text(journal, record->name), fi_journal_text(journal, record->name2),
             (unsigned long long)record->offset, (unsigned long long)record->length,
             (unsigned long long)record->old_size, record->undo == FI_NO_UNDO ? "" : " saved",
             record->gone == FI_NO_FILE ? "" : " kept");
}

static void the_journal_has_every_change_in_order(void **state)
{
    struct fixture *f = *state;
    static const char *const lines[] = {
        "open file file> 0+0 of 0",
        "write file > 0+10 of 0",
        "write file > 10+10 of 10",
        "write file > 2+4 of 20 saved",
        "fdatasync file > 0+0 of 0",
        "fsync-dir - .> 0+0 of 0",
        "truncate file > 0+0 of 20 saved",
        "open stream stream> 0+0 of 0",
        "write stream > 0+10 of 0",
        "rename stream stream>file 0+0 of 0 kept",
        "unlink stream file> 0+0 of 0",
        "mkdir - sub> 0+0 of 0",
        "link - symlinked>somewhere 0+0 of 0",
    };
    fixture_run(
        f, "openplain write rawwrite overwrite fdatasync fsyncdir truncate stream renameover unlink mkdir symlink");
    assert_int_equal(fi_journal_count(f->journal), BEGINNING + sizeof lines / sizeof *lines);
    for (uint64_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[256];
        say(f->journal, BEGINNING + i, line, sizeof line);
        assert_string_equal(line, lines[i]);
        assert_int_equal(f->journal->records[BEGINNING + i].state, FI_RECORD_DONE);
        assert_int_equal(f->journal->records[BEGINNING + i].end, BEGINNING + i + 1);
    }
    char why[128];
    assert_false(fi_journal_incomplete(f->journal, why, sizeof why));
    assert_int_equal(f->journal->undone, 4 + 20);
}

static void a_child_writes_to_the_same_journal(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "open write fork write");
    assert_int_equal(fi_journal_count(f->journal), BEGINNING + 5);
    assert_int_equal(f->journal->records[BEGINNING + 3].op, FI_OP_WRITE);
    assert_int_equal(f->journal->records[BEGINNING + 3].role, 2);
    assert_int_equal(f->journal->records[BEGINNING + 4].role, FI_ROLE_SERVER);
}

static void a_full_journal_says_so(void **state)
{
    struct fixture *f = *state;
    char why[128];
    f->journal->next = FI_RECORDS_MAX - 1;
    fixture_run(f, "open write write");
    assert_string_equal(f->output, "open=0 write=10 write=10 ");
    assert_true(fi_journal_incomplete(f->journal, why, sizeof why));
    assert_non_null(strstr(why, "full"));
}

/* What was durable must not be taken for new because its fsync found no room. */
static void a_full_journal_reverts_nothing(void **state)
{
    struct fixture *f = *state;
    f->journal->next = FI_RECORDS_MAX;
    fixture_arm(f, "op=fsync nth=2 do=revert:EIO");
    fixture_run(f, "open write fsync write fsync size");
    assert_string_equal(f->output, "open=0 write=10 fsync=0 write=10 fsync=-1:EIO size=20 ");
}

static void the_same_run_leaves_the_same_log(void **state)
{
    (void)state;
    char log[2][8192];
    for (int i = 0; i < 2; i++) {
        void *mine;
        set_up(&mine);
        struct fixture *f = mine;
        fixture_arm(f, "op=write p=0.4 do=delay:1");
        fixture_run(f, "open write write write fork stream write fork write write rawwrite fork");
        size_t used = 0;
        for (uint64_t entry = 0; entry < fi_control_log_count(f->control, NULL); entry++) {
            fi_control_log_line(f->control, entry, false, log[i] + used, sizeof log[i] - used);
            used += strlen(log[i] + used);
        }
        assert_true(used > 0);
        fixture_free(&mine);
    }
    assert_string_equal(log[0], log[1]);
}

static void the_power_is_cut_before_the_operation(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=fsync nth=2 do=power-cut");
    fixture_run(f, "open write fsync write fsync write");
    assert_true(WIFSIGNALED(f->status));
    assert_string_equal(f->output, "open=0 write=10 fsync=0 write=10 ");
    assert_int_equal(f->control->cut_at, BEGINNING + 4);
    assert_true(f->control->cut_ns > 0);
}

static void the_power_is_cut_after_the_operation(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=fsync nth=2 when=done do=power-cut");
    fixture_run(f, "open write fsync write fsync write");
    assert_true(WIFSIGNALED(f->status));
    assert_string_equal(f->output, "open=0 write=10 fsync=0 write=10 ");
    assert_int_equal(f->control->cut_at, BEGINNING + 5);
}

static void killed_when_a_rename_is_done(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=rename when=done do=kill:group");
    fixture_run(f, "open write rename write");
    assert_true(WIFSIGNALED(f->status));
    assert_string_equal(f->output, "open=0 write=10 ");
    assert_int_equal(fixture_size(f, "renamed"), 10);
}

static void a_budget_holds_whatever_else_is_armed(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=write do=delay:1");
    fixture_arm(f, "op=write do=disk-full:15");
    fixture_run(f, "open write write write size");
    assert_string_equal(f->output, "open=0 write=10 write=5 write=-1:ENOSPC size=15 ");
    assert_int_equal(f->control->rules[1].fired, 2);
}

static void a_limit_holds_whatever_else_is_armed(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=write do=delay:1");
    fixture_arm(f, "op=write do=file-limit:15");
    fixture_run(f, "open write write write size");
    assert_string_equal(f->output, "open=0 write=10 write=5 write=-1:EFBIG size=15 ");
    assert_int_equal(f->control->rules[0].fired, 1);
    assert_int_equal(f->control->rules[1].fired, 2);
}

/* What a descriptor was is forgotten when it may be something else. */
static void a_descriptor_that_changes_is_looked_at_again(void **state)
{
    struct fixture *f = *state;
    char line[256];
    fixture_run(f, "openplain write appendmode write closerange");
    assert_string_equal(f->output, "openplain=0 write=10 appendmode=0 write=10 closerange=10 ");
    assert_int_equal(fi_journal_count(f->journal), BEGINNING + 3);
    say(f->journal, BEGINNING + 2, line, sizeof line);
    assert_string_equal(line, "write file > 10+10 of 10");
}

/* A server is judged with what other libraries do to it. */
static void another_library_keeps_its_say(void **state)
{
    struct fixture *f = *state;
    f->beside = LIAR;
    fixture_arm(f, "op=fsync,rename do=delay:1");
    fixture_run(f, "open write fsync fdatasync rename unlink");
    assert_string_equal(f->output, "open=0 write=10 fsync=0 fdatasync=0 rename=0 unlink=0 ");
    assert_int_equal(f->control->rules[0].fired, 1); /* the fdatasync alone */
    assert_int_equal(fixture_size(f, "renamed"), -1);
}

static void an_unlinked_file_frees_its_space(void **state)
{
    struct fixture *f = *state;
    fixture_arm(f, "op=write do=disk-full:25");
    fixture_run(f, "open write writev unlink open write writev write");
    assert_string_equal(f->output, "open=0 write=10 writev=10 unlink=0 open=0 write=10 writev=10 write=5 ");
}

static void counts_what_was_done_and_by_whom(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "open write rawwrite stream fork fsync");
    assert_int_equal(fi_control_done(f->control, FI_ROLE_SERVER, 1U << FI_OP_WRITE), 3);
    assert_int_equal(fi_control_done(f->control, 2, 1U << FI_OP_WRITE), 1);
    assert_int_equal(fi_control_done(f->control, FI_ROLE_ANY, 1U << FI_OP_FSYNC), 1);
    assert_int_equal(fi_control_done(f->control, FI_ROLE_ANY, 1U << FI_OP_FORK), 1);
}

static void the_slowest_fsync_is_timed(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "open write");
    assert_int_equal(f->control->slowest_sync_ns, 0);
    fixture_run(f, "open write fsync fdatasync");
    assert_true(f->control->slowest_sync_ns > 0);
    assert_int_equal(f->control->sync_began_ns, 0);
}

static void a_broken_block_lets_the_program_run(void **state)
{
    struct fixture *f = *state;
    f->control->head.magic = 0;
    fixture_run(f, "open write stream");
    assert_string_equal(f->output, "open=0 write=10 stream=10 ");
    setenv(FI_CONTROL_ENV, "/nonexistent", 1);
    fixture_run(f, "open write stream");
    unsetenv(FI_CONTROL_ENV);
    assert_string_equal(f->output, "open=0 write=10 stream=10 ");
    assert_int_equal(f->control->attached, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_what_the_rule_says),
        TEST(tears_a_write_and_kills_the_group),
        TEST(a_full_disk_takes_what_fits_and_gives_space_back),
        TEST(what_is_left_is_counted_from_what_is_there),
        TEST(a_write_too_small_to_be_cut_is_no_injection),
        TEST(a_full_disk_says_so),
        cmocka_unit_test(what_it_cannot_follow_is_noted_by_name),
        TEST(a_hang_ends_when_the_rule_does),
        TEST(a_held_up_fsync_holds_up_writes_to_its_file),
        TEST(the_journal_has_every_change_in_order),
        TEST(a_child_writes_to_the_same_journal),
        TEST(a_full_journal_says_so),
        TEST(a_full_journal_reverts_nothing),
        cmocka_unit_test(the_same_run_leaves_the_same_log),
        TEST(the_power_is_cut_before_the_operation),
        TEST(the_power_is_cut_after_the_operation),
        TEST(killed_when_a_rename_is_done),
        TEST(a_budget_holds_whatever_else_is_armed),
        TEST(a_limit_holds_whatever_else_is_armed),
        TEST(a_descriptor_that_changes_is_looked_at_again),
        TEST(another_library_keeps_its_say),
        TEST(an_unlinked_file_frees_its_space),
        TEST(counts_what_was_done_and_by_whom),
        TEST(the_slowest_fsync_is_timed),
        TEST(a_broken_block_lets_the_program_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
