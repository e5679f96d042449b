#include "nodes/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

static bool file_has(const char *folder, const char *name, const char *word)
{
    char path[LA_PATH_MAX];
    char text[512] = "";
    la_path(path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    bool has = file && fgets(text, sizeof text, file) && strstr(text, word);
    if (file)
        fclose(file);
    return has;
}

/* Where groups with a memory controller are made. */
static bool find_place(char place[LA_PATH_MAX], bool *second)
{
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    struct mntent *entry;
    bool found = false;
    while (mounts && !found && (entry = getmntent(mounts))) {
        *second = !strcmp(entry->mnt_type, "cgroup2");
        bool controls = *second ? file_has(entry->mnt_dir, "cgroup.subtree_control", "memory")
                                : !strcmp(entry->mnt_type, "cgroup") && hasmntopt(entry, "memory");
        found = controls && access(entry->mnt_dir, W_OK) == 0;
        if (found)
            la_path(place, "%s", entry->mnt_dir);
    }
    if (mounts)
        endmntent(mounts);
    return found;
}

static int say(const char *folder, const char *name, const char *value)
{
    char path[LA_PATH_MAX];
    la_path(path, "%s/%s", folder, name);
    return la_tell_kernel(path, value);
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
            rmdir(path);
        if (held >= 0)
            close(held);
    }
    if (folder)
        closedir(folder);
}

int la_memory_create(struct la_memory *memory, unsigned int mib, struct la_error *error)
{
    char place[LA_PATH_MAX];
    char bytes[32];
    if (!find_place(place, &memory->second))
        return la_fail(error, "no memory cgroup can be made here");
    remove_stale(place);
    la_path(memory->group, "%s/" PREFIX "XXXXXX", place);
    if (!mkdtemp(memory->group)) {
        memory->group[0] = '\0';
        return la_fail(error, "a memory cgroup below %s: %s", place, strerror(errno));
    }
    memory->held = open(memory->group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (memory->held >= 0)
        (void)flock(memory->held, LOCK_EX);
    snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)mib << 20);
    if (say(memory->group, memory->second ? "memory.max" : "memory.limit_in_bytes", bytes)) {
        la_fail(error, "%s: no bound can be set: %s", memory->group, strerror(errno));
        la_memory_free(memory);
        return -1;
    }
    (void)say(memory->group, memory->second ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
              memory->second ? "0" : bytes); /* a kernel that does not account for swap has neither */
    return 0;
}

const char *la_memory_missing(void)
{
    struct la_memory memory = {.group = ""};
    struct la_error ignored;
    if (la_memory_create(&memory, 64, &ignored))
        return "no memory cgroup can be made";
    la_memory_free(&memory);
    return NULL;
}

int la_memory_join(const struct la_memory *memory)
{
    return say(memory->group, "cgroup.procs", "0");
}

unsigned long long la_memory_kills(const struct la_memory *memory)
{
    char path[LA_PATH_MAX];
    char line[128];
    unsigned long long kills = 0;
    la_path(path, "%s/%s", memory->group, memory->second ? "memory.events" : "memory.oom_control");
    FILE *file = *memory->group ? fopen(path, "re") : NULL;
    while (file && fgets(line, sizeof line, file) && sscanf(line, "oom_kill %llu", &kills) != 1)
        ;
    if (file)
        fclose(file);
    return kills;
}

void la_memory_free(struct la_memory *memory)
{
    for (int waited = 0; *memory->group && rmdir(memory->group) && errno == EBUSY && waited < LEAVE_MS; waited++)
        la_sleep_ms(1);
    if (*memory->group && memory->held >= 0)
        close(memory->held);
    memory->group[0] = '\0';
}
