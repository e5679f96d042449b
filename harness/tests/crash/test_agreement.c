/*
 * The simulated power cut against the real one. A program of random changes runs twice with the same seed, cut at
 * the same operation: once with the journal, once on a real file system whose power is cut. The state that the real
 * one left must be one that the profile allows. And the profile is not merely lax: the same state with a durable
 * byte changed, a durable file shortened or a forced name gone is rejected.
 *
 * Runs as root only; AGREEMENT_CYCLES (default 60) cuts for each file system, from AGREEMENT_SEED (default 1) on.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "crash/content.h"
#include "crash/loop_disk.h"
#include "crash/names.h"
#include "crash/state.h"
#include "driver/control.h"
#include "driver/journal_file.h"

enum { OPERATIONS = 60, SKIPPED = 77 };

struct fixture {
    char top[64];
    char side[96];
    char data[96];
    struct la_disk disk;
    uint32_t seen[LA_CRASH_CLASSES]; /* real states in which it was seen */
    unsigned int rejected;           /* corrupted states */
};

__attribute__((format(printf, 1, 0))) static void command(const char *format, const char *path)
{
    char *line = la_format(format, path);
    assert_int_equal(system(line), 0);
    free(line);
}

static void become_churn(const char *block, const char *data, uint64_t seed)
{
    char number[24];
    char count[16];
    snprintf(number, sizeof number, "%llu", (unsigned long long)seed);
    snprintf(count, sizeof count, "%d", OPERATIONS);
    setpgid(0, 0);
    char *library = la_format("%s.shim.so", block); /* LD_PRELOAD would take apart a path with blanks */
    unlink(library);
    if (symlink(SHIM, library) == 0)
        setenv("LD_PRELOAD", library, 1);
    setenv(FI_CONTROL_ENV, block, 1);
    if (chdir(data) == 0)
        execl(CHURN, CHURN, number, count, (char *)NULL);
    _exit(98);
}

/* Runs the program in `data` and cuts the power at operation `nth`. Returns the journal's position; 0: it ended first.
 */
static uint64_t run_and_cut(struct fixture *f, const char *data, const char *side, uint64_t seed, uint64_t nth)
{
    char block[96];
    char text[96];
    char why[256];
    struct fi_rule rule;
    struct fi_rule_error error;
    snprintf(block, sizeof block, "%s/control", f->top);
    unlink(block);
    const struct fi_control_plan plan = {.data_dir = data, .side_dir = side};
    struct fi_control *control = fi_control_create(block, &plan, why, sizeof why);
    assert_non_null(control);
    atomic_store(&control->cut_method, side ? FI_CUT_SIMULATED : FI_CUT_REAL);
    snprintf(text, sizeof text, "op=any nth=%llu do=power-cut", (unsigned long long)nth);
    assert_int_equal(fi_rule_parse(text, control->roles, control->role_count, &rule, &error), 0);
    assert_true(fi_control_arm(control, &rule, 0, why, sizeof why) >= 0);
    pid_t pid = fork();
    if (pid == 0)
        become_churn(block, data, seed);
    int status;
    waitpid(pid, &status, 0);
    uint64_t at = WIFSIGNALED(status) ? atomic_load(&control->cut_at) + 1 : 0;
    if (!at)
        assert_int_equal(WEXITSTATUS(status), 0);
    fi_control_close(control);
    return at;
}

/* Nothing that is not forced changes this file or its name. */
static bool settled(const struct la_trail *trail, size_t forced, const struct la_entry *entry)
{
    for (size_t i = forced; i < trail->count; i++) {
        const struct la_change *change = &trail->changes[i];
        bool named = !strcmp(change->name, entry->path) || !strcmp(change->name2, entry->path);
        if (la_change_is_meta(change) && (named || change->file == entry->file))
            return false;
    }
    return true;
}

/* Whether a state that contradicts a completed fsync is rejected, as it must be. */
static void corrupt(struct fixture *f, const struct la_trail *trail, enum la_fs profile, uint64_t *random)
{
    struct la_names names;
    struct la_error why;
    char path[LA_PATH_MAX];
    size_t forced = la_names_forced(trail, profile);
    la_names_apply(trail, forced, &names);
    for (size_t i = 0; i < names.count; i++) {
        struct la_content content;
        la_path(path, "%s/run/%s", f->disk.mount, names.entries[i].path);
        if (names.entries[i].kind != LA_ENTRY_FILE || access(path, F_OK))
            continue;
        la_content_of(&content, trail, names.entries[i].file, profile, forced, 4096);
        bool fixed = content.solid && !content.pending_count && settled(trail, forced, &names.entries[i]);
        if (fixed) {
            uint64_t at = la_random(random) % content.solid;
            FILE *file = fopen(path, "r+");
            fseek(file, (long)at, SEEK_SET);
            fputc(content.base[at] ^ 0x80, file);
            fclose(file);
            char real[LA_PATH_MAX];
            la_path(real, "%s/run", f->disk.mount);
            assert_false(la_crash_allows(trail, profile, real, NULL, &why));
            assert_int_equal(truncate(path, (off_t)at), 0);
            assert_false(la_crash_allows(trail, profile, real, NULL, &why));
            assert_int_equal(unlink(path), 0);
            assert_false(la_crash_allows(trail, profile, real, NULL, &why));
            f->rejected++;
        }
        la_content_free(&content);
        if (fixed)
            break;
    }
    la_names_free(&names);
}

/* The trail, for whoever has to find out why the two disagree. */
static void print_trail(const struct la_trail *trail)
{
    static const char *const states[] = {"pending", "durable", "dropped"};
    for (size_t i = 0; i < trail->count; i++) {
        const struct la_change *c = &trail->changes[i];
        printf("%4zu %-9s file %-5d gone %-5d %s>%s %llu+%llu of %llu %s%s%s\n", i, fi_op_name(c->op), (int)c->file,
               (int)c->gone, c->name, c->name2, (unsigned long long)c->offset, (unsigned long long)c->length,
               (unsigned long long)c->old_size, states[c->durability], c->failed ? " failed" : "",
               c->finished ? "" : " unfinished");
    }
}

static void one_cycle(struct fixture *f, enum la_fs profile, uint64_t seed, uint64_t *random)
{
    char why[256];
    char real[LA_PATH_MAX];
    struct la_error error = {""};
    struct la_trail trail;
    uint32_t classes;
    uint64_t nth = 2 + la_random(random) % (2 * OPERATIONS);
    la_path(real, "%s/run", f->disk.mount);
    command("rm -rf %s", f->data);
    command("rm -rf %s", real);
    assert_int_equal(mkdir(f->data, 0700) || mkdir(real, 0700), 0);
    int mount = open(f->disk.mount, O_RDONLY | O_DIRECTORY);
    assert_int_equal(syncfs(mount), 0); /* what was there before is durable */
    close(mount);
    struct fi_journal *journal = fi_journal_create(f->side, f->data, why, sizeof why);
    assert_non_null(journal);
    fi_journal_close(journal);
    uint64_t cut = run_and_cut(f, f->data, f->side, seed, nth);
    if (!cut)
        return;
    assert_true(run_and_cut(f, real, NULL, seed, nth) > 0);
    if (la_disk_remount(&f->disk, &error) || la_trail_read(&trail, f->side, f->data, cut - 1, &error))
        fail_msg("%s", error.text);
    if (!la_crash_allows(&trail, profile, real, &classes, &error)) {
        print_trail(&trail);
        fail_msg("seed %llu, cut at operation %llu: %s", (unsigned long long)seed, (unsigned long long)nth, error.text);
    }
    for (int class = 0; class < LA_CRASH_CLASSES; class ++)
        f->seen[class] += classes >> class & 1;
    corrupt(f, &trail, profile, random);
    la_trail_free(&trail);
}

static void report(const struct fixture *f, enum la_fs filesystem, unsigned int cycles)
{
    printf("%s: %u power cuts, every state allowed; %u corrupted states, every one rejected\n",
           la_filesystems[filesystem].name, cycles, f->rejected);
    for (int class = 0; class < LA_CRASH_CLASSES; class ++)
        printf("  %-24s seen in %u states\n", la_crash_class_name((enum la_crash_class) class), f->seen[class]);
}

static void agree(enum la_fs filesystem)
{
    struct fixture f = {0};
    struct la_error error = {""};
    const char *wanted = getenv("AGREEMENT_CYCLES");
    unsigned int cycles = wanted ? (unsigned int)strtoul(wanted, NULL, 10) : 60;
    const char *first = getenv("AGREEMENT_SEED");
    uint64_t random = first ? strtoull(first, NULL, 10) : 1;
    snprintf(f.top, sizeof f.top, "/tmp/agreement-XXXXXX");
    assert_non_null(mkdtemp(f.top));
    snprintf(f.side, sizeof f.side, "%s/side", f.top);
    snprintf(f.data, sizeof f.data, "%s/data", f.top);
    assert_int_equal(mkdir(f.side, 0700), 0);
    if (la_disk_create(&f.disk, filesystem, f.top, 0, &error))
        fail_msg("%s", error.text);
    for (unsigned int i = 0; i < cycles; i++)
        one_cycle(&f, filesystem, la_random(&random) % 1000000, &random);
    report(&f, filesystem, cycles);
    la_disk_free(&f.disk);
    command("rm -r %s", f.top);
    assert_true(f.rejected > 0);
}

static void ext4_leaves_what_its_profile_allows(void **state)
{
    (void)state;
    agree(LA_FS_EXT4);
}

static void xfs_leaves_what_its_profile_allows(void **state)
{
    (void)state;
    agree(LA_FS_XFS);
}

static bool can_make(enum la_fs filesystem)
{
    struct la_error error;
    char folder[] = "/tmp/lastack-agreement-XXXXXX";
    bool can = mkdtemp(folder) && la_disk_try(filesystem, folder, &error) == 0;
    rmdir(folder);
    return can;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ext4_leaves_what_its_profile_allows),
        cmocka_unit_test(xfs_leaves_what_its_profile_allows),
    };
    setvbuf(stdout, NULL, _IONBF, 0);
    /* mounts of our own, gone with us */
    bool own = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    if (!own || !can_make(LA_FS_EXT4) || !can_make(LA_FS_XFS)) {
        printf("skipped: needs root, mkfs.ext4, mkfs.xfs and loop devices\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
