#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int put(int fd, const char *text, size_t length)
{
    while (length) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        text += written;
        length -= (size_t)written;
    }
    return 0;
}

/* Into what is there, and is no file that could be replaced. */
static int put_into(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    int failed = fd < 0 || put(fd, text, length);
    return (fd >= 0 && close(fd)) || failed ? -1 : 0;
}

/* What stands for something else is written into: /dev/stdout is a link, and may lead to a file. */
static bool is_device(const char *path)
{
    struct stat st;
    struct stat link;
    bool kernels = !strncmp(path, "/dev/", 5) || !strncmp(path, "/proc/", 6);
    if (stat(path, &st) || lstat(path, &link))
        return false;
    return (kernels && S_ISLNK(link.st_mode)) || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

/* A new file in the folder of `path`, whose name goes to `name`. -1: errno. */
static int open_beside(const char *path, char name[LA_PATH_MAX])
{
    char folder[LA_PATH_MAX];
    la_path(folder, "%s", path);
    la_path(name, "%s/.lastack-XXXXXX", dirname(folder));
    int fd = mkostemp(name, O_CLOEXEC);
    mode_t mask = umask(0);
    umask(mask);
    if (fd >= 0 && fchmod(fd, 0666 & ~mask))
        errno = 0; /* a file system without modes */
    return fd;
}

/* Where a link leads is what is replaced, not the link. */
static void follow(const char *path, char target[LA_PATH_MAX])
{
    char *real = realpath(path, NULL);
    la_path(target, "%s", real ? real : path);
    free(real);
}

int la_output(const char *path, int stream, const char *text, size_t length, struct la_error *error)
{
    char target[LA_PATH_MAX];
    char beside[LA_PATH_MAX];
    if (!strcmp(path, "-"))
        return put(stream, text, length) ? la_fail(error, "standard output: %s", strerror(errno)) : 0;
    if (is_device(path))
        return put_into(path, text, length) ? la_fail(error, "%s: %s", path, strerror(errno)) : 0;
    follow(path, target);
    int fd = open_beside(target, beside);
    int failed = fd < 0 || put(fd, text, length);
    failed = (fd >= 0 && close(fd)) || failed || rename(beside, target);
    if (!failed)
        return 0;
    la_fail(error, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        unlink(beside);
    return -1;
}

int la_output_try(const char *path, struct la_error *error)
{
    struct stat st;
    char target[LA_PATH_MAX];
    char beside[LA_PATH_MAX];
    bool there = stat(path, &st) == 0;
    if (!strcmp(path, "-"))
        return 0;
    if (there && S_ISDIR(st.st_mode))
        return la_fail(error, "%s: is a directory; name a file", path);
    if (there && access(path, W_OK))
        return la_fail(error, "%s: %s", path, strerror(errno));
    if (is_device(path))
        return 0;
    follow(path, target);
    int fd = open_beside(target, beside);
    if (fd < 0)
        return la_fail(error, "%s: %s", path, strerror(errno));
    close(fd);
    unlink(beside);
    return 0;
}
