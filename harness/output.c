#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

/* Into what is there and no regular file. */
static int put_into(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int failed = fd < 0 || put(fd, text, length);
    return (fd >= 0 && close(fd)) || failed ? -1 : 0;
}

int la_output(const char *path, int stream, const char *text, size_t length, struct la_error *error)
{
    struct stat st;
    char beside[LA_PATH_MAX];
    if (!strcmp(path, "-"))
        return put(stream, text, length) ? la_fail(error, "standard output: %s", strerror(errno)) : 0;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return put_into(path, text, length) ? la_fail(error, "%s: %s", path, strerror(errno)) : 0;
    la_path(beside, "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int failed = fd < 0 || put(fd, text, length);
    failed = (fd >= 0 && close(fd)) || failed || rename(beside, path);
    if (!failed)
        return 0;
    la_fail(error, "%s: %s", path, strerror(errno));
    unlink(beside);
    return -1;
}

int la_output_try(const char *path, struct la_error *error)
{
    struct stat st;
    char beside[LA_PATH_MAX];
    bool there = stat(path, &st) == 0;
    if (!strcmp(path, "-"))
        return 0;
    if (there && S_ISDIR(st.st_mode))
        return la_fail(error, "%s: is a directory; name a file", path);
    if (there && access(path, W_OK))
        return la_fail(error, "%s: %s", path, strerror(errno));
    if (there && !S_ISREG(st.st_mode))
        return 0;
    la_path(beside, "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return la_fail(error, "%s: %s", path, strerror(errno));
    close(fd);
    unlink(beside);
    return 0;
}
