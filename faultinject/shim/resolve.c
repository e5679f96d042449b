#include "shim/resolve.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/state.h"

static const char deleted[] = " (deleted)";

void fi_fd_link(char out[40], int fd)
{
    char digits[12];
    size_t count = 0;
    size_t at = sizeof "/proc/self/fd/" - 1;
    unsigned int rest = (unsigned int)fd;
    memcpy(out, "/proc/self/fd/", at);
    do
        digits[count++] = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    while (count)
        out[at++] = digits[--count];
    out[at] = '\0';
}

/* What /proc/self/fd/N points at; its length, or -1. */
static long fd_target(int fd, char *out, size_t size)
{
    char link[40];
    fi_fd_link(link, fd);
    long length = FI_OWN(SYS_readlink, (long)link, (long)out, (long)size - 1);
    if (length < 0)
        return -1;
    out[length] = '\0';
    return length;
}

/* Strips the data directory off an absolute path. */
static bool below_data_dir(const char *path, char out[FI_PATH_MAX])
{
    if (!fi_shim.control)
        return false;
    const char *root = fi_shim.control->data_dir;
    size_t length = strlen(root);
    if (strncmp(path, root, length) != 0)
        return false;
    const char *rest = path + length;
    if (*rest == '\0')
        rest = "/.";
    if (*rest != '/' || strlen(rest + 1) >= FI_PATH_MAX)
        return false;
    memcpy(out, rest + 1, strlen(rest + 1) + 1);
    return true;
}

bool fi_resolve_fd(int fd, char out[FI_PATH_MAX])
{
    char target[PATH_MAX];
    long length = fd < 0 ? -1 : fd_target(fd, target, sizeof target);
    if (length <= 0 || target[0] != '/')
        return false;
    size_t suffix = sizeof deleted - 1;
    if ((size_t)length > suffix && !strcmp(target + length - suffix, deleted))
        target[(size_t)length - suffix] = '\0';
    return below_data_dir(target, out);
}

/* The directory of a path, opened only to learn its canonical name: links in the way are followed as the kernel does.
 */
static long directory_name(int dirfd, const char *path, size_t length, char *out, size_t size)
{
    char directory[PATH_MAX];
    if (length == 0) {
        memcpy(directory, ".", 2);
    } else {
        memcpy(directory, path, length);
        directory[length] = '\0';
    }
    long fd = FI_OWN(SYS_openat, dirfd, (long)directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    long got = fd_target((int)fd, out, size);
    FI_OWN(SYS_close, fd);
    return got;
}

/* Asked often, and never where the data lies; but a data directory may lie in /dev/shm. */
static bool of_the_kernel(const char *path)
{
    static const char *const places[] = {"/proc/", "/dev/", "/sys/"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        size_t length = strlen(places[i]);
        if (!strncmp(path, places[i], length))
            return !fi_shim.control || strncmp(fi_shim.control->data_dir, places[i], length) != 0;
    }
    return false;
}

bool fi_resolve_path(int dirfd, const char *path, char out[FI_PATH_MAX])
{
    char full[PATH_MAX];
    if (!path || !*path || strlen(path) >= PATH_MAX || of_the_kernel(path))
        return false;
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t base = end;
    while (base > 0 && path[base - 1] != '/')
        base--;
    size_t name = end - base;
    bool whole = name == 0 || (name <= 2 && !strncmp(path + base, "..", name));
    long length = directory_name(dirfd, path, whole ? end : base, full, sizeof full);
    if (length <= 0 || full[0] != '/')
        return false;
    if (!whole) {
        if ((size_t)length + name + 2 > sizeof full)
            return false;
        full[length] = '/';
        memcpy(full + length + 1, path + base, name);
        full[(size_t)length + 1 + name] = '\0';
    }
    return below_data_dir(full, out);
}

bool fi_fd_watched(int fd)
{
    enum fi_fd_state state = fi_fd_state(fd);
    if (state != FI_FD_UNKNOWN)
        return state != FI_FD_IGNORED;
    char path[FI_PATH_MAX];
    bool watched = fi_resolve_fd(fd, path);
    bool appends = watched && (FI_OWN(SYS_fcntl, fd, F_GETFL) & O_APPEND);
    fi_fd_set(fd, appends ? FI_FD_APPENDS : watched ? FI_FD_WATCHED : FI_FD_IGNORED);
    return watched;
}
