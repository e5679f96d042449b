#include "base/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STALE_SECONDS = 60, LEAVE_MS = 2000 };

#define PREFIX "lastack-"

static bool gives(const char *hierarchy, const char *controller)
{
    char path[LA_PATH_MAX];
    char text[512] = "";
    la_path(path, "%s/cgroup.subtree_control", hierarchy);
    FILE *file = fopen(path, "re");
    bool has = file && fgets(text, sizeof text, file) && strstr(text, controller);
    if (file)
        fclose(file);
    return has;
}

/* Where such groups are made. */
static bool find_place(const char *controller, char place[LA_PATH_MAX], bool *second)
{
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    struct mntent *entry;
    bool found = false;
    while (mounts && !found && (entry = getmntent(mounts))) {
        *second = !strcmp(entry->mnt_type, "cgroup2");
        bool controls = *second ? !controller || gives(entry->mnt_dir, controller)
                                : controller && !strcmp(entry->mnt_type, "cgroup") && hasmntopt(entry, controller);
        found = controls && access(entry->mnt_dir, W_OK) == 0;
        if (found)
            la_path(place, "%s", entry->mnt_dir);
    }
    if (mounts)
        endmntent(mounts);
    return found;
}

/* With those below it. 0, or -1: somebody is in it. */
static int remove_group(const char *path)
{
    char *const roots[] = {(char *)path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; tree && (entry = fts_read(tree));)
        if (entry->fts_info == FTS_DP)
            (void)rmdir(entry->fts_accpath);
    if (tree)
        fts_close(tree);
    return access(path, F_OK) == 0 ? -1 : 0;
}

/* What its owner does not hold by a lock any more. A young one may be about to be locked. */
static void remove_stale(const char *place)
{
    DIR *folder = opendir(place);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[LA_PATH_MAX];
        struct stat st;
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
            continue;
        la_path(path, "%s/%s", place, entry->d_name);
        int held = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool stale = held >= 0 && fstat(held, &st) == 0 && time(NULL) - st.st_mtime > STALE_SECONDS &&
                     flock(held, LOCK_EX | LOCK_NB) == 0;
        if (stale)
            (void)remove_group(path);
        if (held >= 0)
            close(held);
    }
    if (folder)
        closedir(folder);
}

int la_cgroup_create(struct la_cgroup *group, const char *controller, struct la_error *error)
{
    char place[LA_PATH_MAX];
    const char *what = controller ? controller : "second version's";
    *group = (struct la_cgroup){.held = -1};
    if (!find_place(controller, place, &group->second))
        return la_fail(error, "no %s cgroup can be made here", what);
    remove_stale(place);
    la_path(group->path, "%s/" PREFIX "XXXXXX", place);
    if (!mkdtemp(group->path)) {
        group->path[0] = '\0';
        return la_fail(error, "a %s cgroup below %s: %s", what, place, strerror(errno));
    }
    group->held = open(group->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (group->held >= 0)
        (void)flock(group->held, LOCK_EX);
    return 0;
}

int la_cgroup_say(const struct la_cgroup *group, const char *file, const char *value)
{
    char path[LA_PATH_MAX];
    la_path(path, "%s/%s", group->path, file);
    return la_tell_kernel(path, value);
}

int la_cgroup_join(const struct la_cgroup *group)
{
    return la_cgroup_say(group, "cgroup.procs", "0");
}

void la_cgroup_free(struct la_cgroup *group)
{
    for (int waited = 0; *group->path && remove_group(group->path) && waited < LEAVE_MS; waited++)
        la_sleep_ms(1);
    if (*group->path && group->held >= 0)
        close(group->held);
    group->path[0] = '\0';
}
