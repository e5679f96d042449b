#include "run/repair.h"

#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/install.h"
#include "run/tool.h"

enum { ZEROS_MAX = 1 << 20, PAGE = 4096, HOLE_MIN = 8 };

/* Zeros that a file system has left: all that there are around the end of a page, or before the end of the file. */
struct hole {
    off_t end;
    unsigned int zeros; /* bytes; 0: there is none */
};

static unsigned int zeros_before(int fd, off_t end)
{
    unsigned int zeros = 0;
    char byte = 0;
    while (zeros < ZEROS_MAX && (off_t)zeros < end && pread(fd, &byte, 1, end - 1 - (off_t)zeros) == 1 && !byte)
        zeros++;
    return zeros;
}

static off_t end_of_zeros(int fd, off_t from, off_t size)
{
    char byte = 0;
    const off_t most = size - from < ZEROS_MAX ? size : from + ZEROS_MAX;
    while (from < most && pread(fd, &byte, 1, from) == 1 && !byte)
        from++;
    return from;
}

/* The first one; the size of the file goes to `size`. */
static struct hole find_hole(const char *path, off_t *size)
{
    struct stat st;
    struct hole hole = {0, 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    *size = regular ? st.st_size : 0;
    for (off_t end = PAGE; end < *size && !hole.zeros; end += PAGE) {
        unsigned int zeros = zeros_before(fd, end);
        if (zeros < HOLE_MIN)
            continue;
        hole.end = end_of_zeros(fd, end, *size);
        hole.zeros = zeros + (unsigned int)(hole.end - end);
    }
    if (!hole.zeros)
        hole = (struct hole){*size, *size ? zeros_before(fd, *size) : 0};
    if (fd >= 0)
        close(fd);
    return hole;
}

/* The tool that came with the server, or whichever there is. */
static int find_tool(const struct la_node *node, char out[LA_PATH_MAX])
{
    static const char *const names[] = {"redis-check-aof", "valkey-check-aof"};
    struct la_error ignored;
    char beside[LA_PATH_MAX];
    la_path(beside, "%s", node->program);
    char *end = strrchr(beside, '/');
    for (size_t i = 0; end && i < sizeof names / sizeof *names; i++) {
        *end = '\0';
        char *path = la_format("%s/%s", beside, names[i]);
        int missing = la_parts_program(path, out, &ignored);
        free(path);
        if (!missing)
            return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (la_parts_program(names[i], out, &ignored) == 0)
            return 0;
    return -1;
}

static bool repair(struct la_run *run, struct la_node *node, const char *path)
{
    char tool[LA_PATH_MAX];
    char output[LA_PATH_MAX];
    off_t before;
    off_t after;
    const struct hole hole = find_hole(path, &before);
    if (!hole.zeros || find_tool(node, tool))
        return false;
    char *const words[] = {tool, "--fix", (char *)path, NULL};
    la_path(output, "%s/tool", node->dir);
    int status = la_tool_run(run, node, words, "y\n", output);
    bool fixed = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !find_hole(path, &after).zeros;
    if (!fixed)
        return false;
    char *text = la_format("%s does not start by itself: %s %s %u bytes of zeros, as the file system left them; "
                           "redis-check-aof --fix cuts %lld bytes off",
                           node->spec->name, path + strlen(node->data) + 1, hole.end == before ? "ends in" : "has",
                           hole.zeros, (long long)(before - after));
    la_run_event(run, node->spec->name, "%s", text);
    la_strings_add(&run->repairs, text);
    return true;
}

bool la_repair_log(struct la_run *run, struct la_node *node)
{
    glob_t found = {0};
    bool repaired = false;
    if (la_node_find(node, "@aof", &found) == 0)
        for (size_t i = 0; i < found.gl_pathc && !repaired; i++)
            repaired = repair(run, node, found.gl_pathv[i]);
    globfree(&found);
    return repaired;
}
