#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/notify.h"

enum { ARGS_MAX = 32 };

static const struct fi_role roles[] = {{"save-child", "temp-*.rdb"}};

struct fixture *fixture_new(enum fi_backend backend)
{
    struct fixture *f = calloc(1, sizeof *f);
    char why[256];
    assert_non_null(f);
    f->backend = backend;
    snprintf(f->top, sizeof f->top, "/tmp/shim-XXXXXX");
    assert_non_null(mkdtemp(f->top));
    snprintf(f->data, sizeof f->data, "%s/data", f->top);
    snprintf(f->block, sizeof f->block, "%s/control", f->top);
    assert_int_equal(mkdir(f->data, 0700), 0);
    snprintf(f->side, sizeof f->side, "%s/side", f->top);
    assert_int_equal(mkdir(f->side, 0700), 0);
    f->journal = fi_journal_create(f->side, f->data, why, sizeof why);
    assert_non_null(f->journal);
    const struct fi_control_plan plan = {f->data, f->side, roles, 1, 7, backend};
    f->control = fi_control_create(f->block, &plan, why, sizeof why);
    assert_non_null(f->control);
    return f;
}

int fixture_free(void **state)
{
    struct fixture *f = *state;
    char command[128];
    fi_control_close(f->control);
    fi_journal_close(f->journal);
    snprintf(command, sizeof command, "rm -r %s", f->top);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

void fixture_arm(struct fixture *f, const char *text)
{
    struct fi_rule rule;
    struct fi_rule_error error;
    char why[256];
    assert_int_equal(fi_rule_parse(text, f->control->roles, f->control->role_count, &rule, &error), 0);
    assert_true(fi_control_arm(f->control, &rule, 0, why, sizeof why) >= 0);
}

static void become_victim(struct fixture *f, char *line, const struct fi_notify *notify, int out)
{
    const char *program = notify ? VICTIM_STATIC : VICTIM;
    char *args[ARGS_MAX] = {(char *)program};
    int count = 1;
    for (char *word = strtok(line, " "); word && count < ARGS_MAX - 1; word = strtok(NULL, " "))
        args[count++] = word;
    setpgid(0, 0);
    dup2(out, STDOUT_FILENO);
    char preload[256];
    snprintf(preload, sizeof preload, "%s/shim.so", f->top);
    if (f->beside)
        snprintf(preload, sizeof preload, "%s/shim.so:%s/beside.so", f->top, f->top);
    if (!notify)
        setenv("LD_PRELOAD", preload, 1);
    if (!getenv(FI_CONTROL_ENV))
        setenv(FI_CONTROL_ENV, f->block, 1);
    if (chdir(f->data) == 0 && (!notify || fi_notify_install(notify, f->control) == 0))
        execv(program, args);
    _exit(98);
}

static pid_t supervise(struct fixture *f, struct fi_notify *notify)
{
    assert_int_equal(fi_notify_open(notify), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(fi_notify_serve(notify, f->control) ? 1 : 0);
    assert_true(pid > 0);
    return pid;
}

/* Under names in which LD_PRELOAD finds nothing to take apart, wherever the project lies. */
static void link_libraries(struct fixture *f)
{
    char name[128];
    snprintf(name, sizeof name, "%s/shim.so", f->top);
    unlink(name);
    assert_int_equal(symlink(SHIM, name), 0);
    snprintf(name, sizeof name, "%s/beside.so", f->top);
    unlink(name);
    if (f->beside)
        assert_int_equal(symlink(f->beside, name), 0);
}

void fixture_run(struct fixture *f, const char *operations)
{
    char line[512];
    int ends[2];
    struct fi_notify notify;
    bool outside = f->backend == FI_BACKEND_NOTIFY;
    snprintf(line, sizeof line, "%s", operations);
    link_libraries(f);
    pid_t supervisor = outside ? supervise(f, &notify) : 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0)
        become_victim(f, line, outside ? &notify : NULL, ends[1]);
    close(ends[1]);
    if (outside)
        fi_notify_close(&notify);
    size_t used = 0;
    for (ssize_t got; (got = read(ends[0], f->output + used, sizeof f->output - 1 - used)) > 0;)
        used += (size_t)got;
    f->output[used] = '\0';
    close(ends[0]);
    waitpid(pid, &f->status, 0);
    int status = 0;
    if (outside) /* it ends with the last of those that it answers */
        waitpid(supervisor, &status, 0);
    assert_int_equal(status, 0);
}

long fixture_size(struct fixture *f, const char *name)
{
    char path[160];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", f->data, name);
    return stat(path, &st) ? -1 : (long)st.st_size;
}

static void check_row(enum fi_backend backend, const struct fixture_row *row)
{
    void *mine = fixture_new(backend);
    struct fixture *f = mine;
    fixture_arm(f, row->rule);
    fixture_run(f, row->operations);
    uint64_t fired = f->control->rules[0].fired;
    if (!WIFEXITED(f->status) || strcmp(f->output, row->printed) || fired != row->fired)
        fail_msg("%s\n  expected %s(fired %d)\n  got      %s(fired %d) status %#x", row->rule, row->printed,
                 (int)row->fired, f->output, (int)fired, (unsigned)f->status);
    assert_int_equal(f->control->trap_state, FI_TRAP_ON);
    fixture_free(&mine);
}

void fixture_check_rows(enum fi_backend backend, const struct fixture_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_row(backend, &rows[i]);
}

void fixture_check_hang(struct fixture *f)
{
    fixture_arm(f, "op=fsync do=hang");
    pid_t pid = fork();
    if (pid == 0) {
        while (!f->control->rules[0].fired)
            usleep(1000);
        fi_control_disarm(f->control, 0);
        _exit(0);
    }
    fixture_run(f, "open fsync");
    waitpid(pid, NULL, 0);
    assert_string_equal(f->output, "open=0 fsync=0 ");
}
