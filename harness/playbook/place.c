#include "playbook/place.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/copy.h"
#include "base/network.h"

enum { ANSWER_MS = 1000, SERVE_MS = 10000, STEP_MS = 60000 };

/* Where a stand-in says what it was asked for and does not do. */
#define UNDONE "/run/lastack/undone"

#define USUAL_SERVER "/usr/bin/redis-server"

/* Of a server that does not tell systemd when it is ready. */
#define OTHER_SERVER                                                                                                   \
    "Type=simple\nExecStart=\nExecStart=" LA_PLACE_PROGRAMS "/redis-server /etc/redis/redis.conf --daemonize no"

int la_place_look(struct la_place *place)
{
    int files = la_recoverable_look(&place->recoverable);
    int live = la_incident_count(&place->unit.address); /* one that refuses writes has them all the same */
    if (la_interrupted())                               /* in the middle of it, perhaps: that is no look */
        return place->could;
    place->live = live > 0 ? live : 0;
    place->in_files = files;
    int could = place->live > files ? place->live : files;
    if (could > place->could || !place->recoverable.packed) /* what is gone may lie in an archive */
        place->could = could;
    return place->could;
}

static int run_in(const struct la_place *place, const char *command, struct la_error *error)
{
    struct la_world_done done;
    return la_world_do(&place->unit.world, command, NULL, STEP_MS, &done)
               ? la_fail(error, "the world could not be furnished: %.300s", done.output)
               : 0;
}

/* The server, and what stands beside it under the names that runbooks use. */
static int copy_server(const struct la_place *place, const char *server, struct la_error *error)
{
    static const char *const beside[] = {"redis-cli", "redis-check-aof", "redis-check-rdb", "redis-benchmark"};
    const struct la_world *world = &place->unit.world;
    char folder[LA_PATH_MAX];
    la_path(folder, "%.*s", (int)(strrchr(server, '/') - server), server);
    if (la_world_copy(world, server, LA_PLACE_PROGRAMS "/redis-server", error))
        return -1;
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        char from[LA_PATH_MAX];
        char to[LA_PATH_MAX];
        la_path(from, "%s/%s", folder, beside[i]);
        la_path(to, LA_PLACE_PROGRAMS "/%s", beside[i]);
        if (la_is_file(from) && la_world_copy(world, from, to, error))
            return -1;
    }
    return 0;
}

/* Another program than that which the unit starts. */
static bool replaces(const struct la_place_with *with)
{
    return with->server && !la_same_file(with->server, USUAL_SERVER);
}

/* Programs that stand in for others, and the unit's other name. */
static int furnish(const struct la_place *place, const struct la_place_with *with, struct la_error *error)
{
    char from[LA_PATH_MAX];
    la_path(from, "%s/stand-ins", with->fixtures);
    if (la_world_copy(&place->unit.world, from, LA_PLACE_PROGRAMS, error) ||
        (replaces(with) && copy_server(place, with->server, error)))
        return -1;
    char *command = la_format("chmod 755 " LA_PLACE_PROGRAMS " " LA_PLACE_PROGRAMS
                              "/* && mkdir -p -m 1777 /run/lastack && ln -sf %s "
                              "/etc/systemd/system/redis.service && systemctl daemon-reload",
                              place->files.name);
    int failed = run_in(place, command, error);
    free(command);
    return failed;
}

static int start(struct la_place *place, const struct la_place_with *with, struct la_error *error)
{
    char said[512] = "";
    if (la_unit_do(&place->unit, "start", said, sizeof said))
        return la_fail(error, "redis-server.service does not start: %.400s", said);
    if (!la_unit_wait_serving(&place->unit, SERVE_MS))
        return la_fail(error, "the server does not let us in");
    return la_incident_fill(&place->unit, error) ||
                   (with->incident && with->incident->stage(&place->unit, with->seed, error))
               ? -1
               : 0;
}

/* A disk of the backups' own, which nothing has touched yet. */
static int make_disk(struct la_place *place, const char *folder, struct la_error *error)
{
    return la_make_dirs(folder, error) || la_disk_create(&place->disk, LA_FS_EXT4, folder, 0, error) ? -1 : 0;
}

/* Leaves it to whoever comes next: a mount in the world holds it as well. */
static int leave_disk(const struct la_place *place)
{
    char at[LA_PATH_MAX];
    bool left = la_world_unmount(&place->unit.world, LA_PLACE_BACKUPS);
    la_world_path(&place->unit.world, LA_PLACE_BACKUPS, at);
    return umount2(at, UMOUNT_NOFOLLOW) || !left ? -1 : 0;
}

int la_place_cut(struct la_place *place, struct la_error *error)
{
    static const char make[] = "rm -rf " LA_PLACE_CUT " && mkdir " LA_PLACE_CUT;
    struct la_world_done done;
    char at[64];
    if (la_disk_cut(&place->disk, error))
        return -1;
    if (leave_disk(place))
        return la_fail(error, LA_PLACE_BACKUPS " is in use");
    la_world_do(&place->unit.world, make, NULL, STEP_MS, &done);
    int folder = la_world_open(&place->unit.world, LA_PLACE_CUT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    snprintf(at, sizeof at, "/proc/self/fd/%d", folder);
    int failed = done.status || folder < 0              ? la_fail(error, LA_PLACE_CUT " cannot be made")
                 : la_disk_remount(&place->disk, error) ? -1
                                                        : la_copy_tree(place->disk.mount, at, error);
    if (folder >= 0)
        close(folder);
    return failed;
}

int la_place_up(struct la_place *place, const char *folder, const struct la_place_with *with, struct la_error *error)
{
    char file[LA_PATH_MAX];
    char *lines =
        la_format("%s\n%s", with->incident ? with->incident->settings : "", with->settings ? with->settings : "");
    const struct la_unit_with unit = {.config = with->config,
                                      .data = with->data,
                                      .line = lines,
                                      .drop_in = replaces(with) ? OTHER_SERVER : NULL,
                                      .shown = with->disk ? place->disk.mount : NULL,
                                      .shown_at = LA_PLACE_BACKUPS,
                                      .confined = true};
    *place = LA_PLACE_NONE;
    signal(SIGPIPE, SIG_IGN); /* a shell may have ended behind our back */
    if (la_network_own()) {
        free(lines);
        return la_fail(error, "no network of its own: %m");
    }
    la_path(file, "%s/units/redis-server.service", with->fixtures);
    int failed = (with->disk && make_disk(place, folder, error)) || la_unit_find(&place->files, file, NULL, error) ||
                         la_unit_world_up(&place->unit, &place->files, folder, &unit, error) ||
                         furnish(place, with, error) || start(place, with, error) ||
                         (with->disk && la_disk_settle(&place->disk, error))
                     ? -1
                     : 0;
    free(lines);
    if (failed)
        return -1;
    la_path(place->recoverable.server, "%s", place->unit.server);
    place->recoverable.world = &place->unit.world;
    place->at_first = la_place_look(place);
    return la_interrupted() ? la_fail(error, "it was interrupted") : 0;
}

int la_place_open(struct la_place *place, struct la_error *error)
{
    return la_shell_open(&place->shell, &place->unit.world, LA_PLACE_PATH, error);
}

void la_place_down(struct la_place *place)
{
    static const char *const remove[] = {"rm", "-rf", "--one-file-system", LA_PLACE_PROGRAMS, NULL};
    struct la_world_done ignored;
    char at[LA_PATH_MAX];
    la_shell_close(&place->shell);
    /* programs are no evidence; from inside, for whoever was there may have left links */
    la_world_run(&place->unit.world, remove, STEP_MS, &ignored);
    la_unit_world_down(&place->unit);
    if (*place->disk.image) {
        la_world_path(&place->unit.world, LA_PLACE_BACKUPS, at);
        umount2(at, MNT_DETACH | UMOUNT_NOFOLLOW);
        la_disk_free(&place->disk);
    }
    la_recoverable_free(&place->recoverable);
    la_unit_files_free(&place->files);
}

void la_place_undone(const struct la_place *place, char *out, size_t size)
{
    static const char command[] = "test -f " UNDONE " && head -c 1000 " UNDONE " && rm -f " UNDONE;
    struct la_world_done done;
    bool any = la_world_do(&place->unit.world, command, NULL, STEP_MS, &done) == 0;
    snprintf(out, size, "%.*s", (int)strcspn(done.output, "\n"), any ? done.output : "");
}

void la_place_run(struct la_place *place, const struct la_runbook_step *step, unsigned int timeout_ms,
                  struct la_place_step *came)
{
    came->seen = (struct la_step_seen){.before = 0};
    place->unit.world.foreign = true;
    la_shell_run(&place->shell, step->command, timeout_ms, &came->done);
    la_place_undone(place, came->seen.undone, sizeof came->seen.undone);
    came->ms = came->done.ms;
    came->was = la_step_judge(step, &came->done, &came->seen, came->why, sizeof came->why);
}

void la_place_step(struct la_place *place, const struct la_runbook_step *step, unsigned int timeout_ms,
                   struct la_place_step *came)
{
    struct la_step_seen expected = {.before = place->could}; /* what goes on behind a step's back is its doing, too */
    struct la_step_seen *seen = &came->seen;
    la_step_expect(step, &place->unit.world, &expected);
    la_place_run(place, step, timeout_ms, came);
    snprintf(expected.undone, sizeof expected.undone, "%s", seen->undone);
    *seen = expected;
    uint64_t began = la_now_ns();
    seen->serves = seen->starts && came->done.status == 0 ? la_unit_wait_serving(&place->unit, SERVE_MS)
                                                          : la_address_serves(&place->unit.address, ANSWER_MS);
    came->ms += seen->starts ? (double)(la_now_ns() - began) / 1e6 : 0;
    seen->after = la_place_look(place);
    seen->live = seen->serves ? place->live : 0;
    place->ms += came->ms;
    place->serving_ms = !seen->serves ? NAN : isnan(place->serving_ms) ? place->ms : place->serving_ms;
    came->was = la_step_judge(step, &came->done, seen, came->why, sizeof came->why);
}

int la_place_kept(const struct la_place *place)
{
    char state[32];
    la_unit_ask(&place->unit, "ActiveState", state, sizeof state);
    bool starts = !strncmp(state, "activ", 5);                               /* or has: it may load still */
    (void)la_unit_wait_serving(&place->unit, starts ? SERVE_MS : ANSWER_MS); /* without: it may refuse writes */
    return la_incident_count(&place->unit.address);
}

void la_place_stand_ins(const char *fixtures, struct la_strings *names)
{
    char folder[LA_PATH_MAX];
    struct dirent **entries = NULL;
    la_path(folder, "%s/stand-ins", fixtures);
    int count = scandir(folder, &entries, la_is_visible, alphasort);
    for (int i = 0; i < count; i++) {
        la_strings_add(names, la_strdup(entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
}
