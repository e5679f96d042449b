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

enum { ZEROS_MAX = 1 << 20 };

/* How many bytes of zeros the file ends in, looked at from its end, at most ZEROS_MAX; its size goes to `size`. */
static unsigned int zeros_at_end(const char *path, off_t *size)
{
    struct stat st;
    unsigned int zeros = 0;
    char byte = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    *size = regular ? st.st_size : 0;
    while (zeros < ZEROS_MAX && (off_t)zeros < *size && pread(fd, &byte, 1, *size - 1 - (off_t)zeros) == 1 && !byte)
        zeros++;
    if (fd >= 0)
        close(fd);
    return zeros;
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
    unsigned int zeros = zeros_at_end(path, &before);
    if (!zeros || find_tool(node, tool))
        return false;
    char *const words[] = {tool, "--fix", (char *)path, NULL};
    la_path(output, "%s/tool", node->dir);
    int status = la_tool_run(run, node, words, "y\n", output);
    bool fixed = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !zeros_at_end(path, &after);
    if (!fixed)
        return false;
    char *text = la_format("%s does not start by itself: %s ends in %u bytes of zeros, as the file system left them; "
                           "redis-check-aof --fix cuts %lld bytes off",
                           node->spec->name, path + strlen(node->data) + 1, zeros, (long long)(before - after));
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
