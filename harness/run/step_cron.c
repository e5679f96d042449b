/* The step cron: in a world, what its crontabs have due in some hours, without the time between. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "playbook/place.h"
#include "run/steps.h"
#include "world/clock.h"

enum { CRON_MS = 300000, LOOK_MS = 200, HOURS_MAX = 24 * 31, KEPT_MAX = 64 << 10, SAID_MAX = 4000 };

#define KEPT         "/run/lastack/cron"
#define AHEAD_MS_MAX ((HOURS_MAX + 1) * 3600000LL)

struct cron {
    char *node;
    char *name;
    unsigned int hours;
    unsigned int within_ms; /* for all that they run; 0: five minutes */
};

/* The stand-in, as it runs. */
struct stand_in {
    pid_t pid;
    int orders; /* write here that the clock is set */
    int ahead;  /* read from here how far ahead it is to be */
    int output; /* a file */
};

static int begin(const struct la_world *world, unsigned int hours, struct stand_in *cron)
{
    char text[16];
    int orders[2];
    int ahead[2];
    snprintf(text, sizeof text, "%u", hours);
    const char *const argv[] = {LA_PLACE_PROGRAMS "/cron", "--hours", text, NULL};
    *cron = (struct stand_in){.orders = -1, .ahead = -1, .output = memfd_create("output", MFD_CLOEXEC)};
    if (cron->output < 0 || pipe2(orders, O_CLOEXEC))
        return -1;
    cron->orders = orders[1];
    if (pipe2(ahead, O_CLOEXEC)) {
        close(orders[0]);
        return -1;
    }
    cron->ahead = ahead[0];
    cron->pid = la_world_start(world, &(struct la_world_start){.argv = argv,
                                                               .path = LA_PLACE_PATH,
                                                               .in = -1,
                                                               .out = cron->output,
                                                               .orders = orders[0],
                                                               .answers = ahead[1],
                                                               .counted = true,
                                                               .confined = true});
    close(orders[0]);
    close(ahead[1]);
    return cron->pid < 0 ? -1 : 0;
}

/* Sets the clock as often as it is asked to. False: it has not ended by then. */
static bool follow(const struct stand_in *cron, struct la_world_clock *clock, uint64_t deadline)
{
    char line[32];
    size_t length = 0;
    for (;;) {
        struct pollfd readable = {.fd = cron->ahead, .events = POLLIN};
        uint64_t now = la_now_ns();
        if (now >= deadline || la_interrupted())
            return false;
        if (poll(&readable, 1, LOOK_MS) <= 0)
            continue;
        if (read(cron->ahead, line + length, 1) != 1)
            return true;
        if (line[length] != '\n') {
            length = length + 1 < sizeof line - 1 ? length + 1 : 0;
            continue;
        }
        line[length] = '\0';
        length = 0;
        long long ahead_ms = strtoll(line, NULL, 10);
        if (ahead_ms < 0 || ahead_ms > AHEAD_MS_MAX) /* whoever stands there instead */
            return false;
        la_world_clock_set(clock, ahead_ms);
        if (write(cron->orders, "\n", 1) != 1)
            return true;
    }
}

/* Its status, as of exit; -1: it was ended. `said` has the beginning of what it printed. */
static int end(struct stand_in *cron, bool ended, uint64_t deadline, char said[SAID_MAX])
{
    int status = -1;
    bool gone = cron->pid <= 0;
    while (ended && !gone && la_now_ns() < deadline && !la_interrupted()) {
        gone = waitpid(cron->pid, &status, WNOHANG) != 0;
        if (!gone)
            la_sleep_ms(LA_POLL_MS);
    }
    if (!gone)
        kill(cron->pid, SIGKILL);
    while (!gone && waitpid(cron->pid, &status, 0) < 0 && errno == EINTR)
        ;
    ssize_t length = cron->output >= 0 ? pread(cron->output, said, SAID_MAX - 1, 0) : 0;
    said[length > 0 ? length : 0] = '\0';
    const int open_ones[] = {cron->orders, cron->ahead, cron->output};
    for (size_t i = 0; i < sizeof open_ones / sizeof *open_ones; i++)
        if (open_ones[i] >= 0)
            close(open_ones[i]);
    return ended && gone && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void note(struct la_run *run, const char *name, const char *suffix, const char *unit, double value)
{
    char *whole = la_format("%s%s", name, suffix);
    la_measures_add(&run->measures, whole, unit, (struct la_sample){.value = value});
    free(whole);
}

/* What was run, when, as whom, how it ended and what it printed. */
static int note_output(struct la_run *run, const char *name)
{
    char *text = la_alloc(KEPT_MAX + 1, 1);
    int file = la_world_open(&run->place->unit.world, KEPT, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    bool regular = file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode);
    ssize_t length = regular ? read(file, text, KEPT_MAX) : -1;
    char *whole = la_format("%s-output", name);
    if (length >= 0)
        la_measures_note(&run->measures, whole, text);
    if (file >= 0)
        close(file);
    free(whole);
    free(text);
    return length < 0 ? la_run_doubt(run, "%s: " KEPT " cannot be read", name) : 0;
}

/* The figures stand first in what it says, a line each; what cron does otherwise than was asked comes behind. */
static int note_course(struct la_run *run, const struct cron *step, int status, char *said)
{
    unsigned int runs;
    unsigned int failed;
    unsigned int entries;
    unsigned int factor;
    int read = 0;
    if (status || sscanf(said, "%u %u %u %u%n", &runs, &failed, &entries, &factor, &read) != 4)
        return la_run_doubt(run, "%s: status %d: %.300s", step->name, status, said);
    la_run_event(run, NULL, "%s: %u h of cron at %u times the speed: %u entries, %u commands, %u failed", step->name,
                 step->hours, factor, entries, runs, failed);
    for (char *line = strtok(said + read, "\n"); line; line = strtok(NULL, "\n"))
        la_run_event(run, NULL, "%s: %.300s", step->name, line);
    note(run, step->name, "", "commands", runs);
    note(run, step->name, "-failed", "commands", failed);
    note(run, step->name, "-factor", "", factor);
    return note_output(run, step->name);
}

static int run_cron(struct la_run *run, const struct la_spec *spec)
{
    const struct cron *step = (const struct cron *)spec;
    const struct la_world *world = &run->place->unit.world;
    struct la_world_clock clock;
    struct la_error error;
    struct stand_in cron;
    char said[SAID_MAX];
    char undone[200];
    if (!run->options->server.shim)
        return la_run_doubt(run, "%s: without libfaultinject.so nothing sets the clock of what it runs", step->name);
    run->place->unit.world.foreign = true;
    if (la_world_clock_place(&clock, world, run->options->server.shim, run->dir, &error))
        return la_run_doubt(run, "%s: %s", step->name, error.text);
    uint64_t deadline = la_now_ns() + (step->within_ms ? step->within_ms : CRON_MS) * UINT64_C(1000000);
    bool ended = begin(world, step->hours, &cron) == 0 && follow(&cron, &clock, deadline);
    int status = end(&cron, ended, deadline, said);
    la_world_clock_free(&clock);
    la_place_undone(run->place, undone, sizeof undone);
    la_place_look(run->place);
    return *undone ? la_run_doubt(run, "%s: %s", step->name, undone) : note_course(run, step, status, said);
}

static int check_cron(const struct la_check *check, const struct la_spec *spec, unsigned int index)
{
    const struct cron *step = (const struct cron *)spec;
    (void)index;
    return !step->hours || step->hours > HOURS_MAX ? la_check_wrong(check, "cron: hours: 1 to %d", HOURS_MAX) : 0;
}

static bool cron_measures(const struct la_spec *spec, const char *name)
{
    static const char *const endings[] = {"", "-output", "-failed", "-factor"};
    return LA_IS_FIGURE_OF(((const struct cron *)spec)->name, name, endings);
}

static const cyaml_schema_field_t cron_fields[] = {LA_TEXT("name", LA_REQUIRED, struct cron, name),
                                                   LA_NEEDED("hours", struct cron, hours),
                                                   LA_NUMBER("within_ms", struct cron, within_ms), LA_END};

const struct la_step_kind la_step_cron = {
    .form = {"cron", cron_fields, sizeof(struct cron)},
    .check = check_cron,
    .run = run_cron,
    .measures = cron_measures,
    .in_world = true,
};
