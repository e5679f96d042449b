#include "nodes/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int la_memory_create(struct la_memory *memory, unsigned int mib, struct la_error *error)
{
    char bytes[32];
    struct la_cgroup *group = &memory->group;
    if (la_cgroup_create(group, "memory", error))
        return -1;
    snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)mib << 20);
    if (la_cgroup_say(group, group->second ? "memory.max" : "memory.limit_in_bytes", bytes)) {
        la_fail(error, "%s: no bound can be set: %s", group->path, strerror(errno));
        la_cgroup_free(group);
        return -1;
    }
    (void)la_cgroup_say(group, group->second ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
                        group->second ? "0" : bytes); /* a kernel that does not account for swap has neither */
    return 0;
}

const char *la_memory_missing(void)
{
    struct la_memory memory;
    struct la_error ignored;
    if (la_memory_create(&memory, 64, &ignored))
        return "no memory cgroup can be made";
    la_memory_free(&memory);
    return NULL;
}

int la_memory_join(const struct la_memory *memory)
{
    return la_cgroup_join(&memory->group);
}

unsigned long long la_memory_kills(const struct la_memory *memory)
{
    char path[LA_PATH_MAX];
    char line[128];
    unsigned long long kills = 0;
    const struct la_cgroup *group = &memory->group;
    la_path(path, "%s/%s", group->path, group->second ? "memory.events" : "memory.oom_control");
    FILE *file = *group->path ? fopen(path, "re") : NULL;
    while (file && fgets(line, sizeof line, file) && sscanf(line, "oom_kill %llu", &kills) != 1)
        ;
    if (file)
        fclose(file);
    return kills;
}

void la_memory_free(struct la_memory *memory)
{
    la_cgroup_free(&memory->group);
}
