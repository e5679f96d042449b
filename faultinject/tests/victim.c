/*
 * Does what its arguments say, one operation each, below the current directory,
 * and prints "result errno" for each. For the tests of the shared library.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char data[] = "0123456789";
static int fd = -1;

static long gather(void)
{
    struct iovec iov[3] = {{(void *)data, 4}, {(void *)data, 4}, {(void *)data, 2}};
    return writev(fd, iov, 3);
}

/* A whole stdio life: what glibc writes itself, without a wrapper ever being called. */
static long stream(void)
{
    FILE *file = fopen("stream", "w");
    if (!file)
        return -1;
    long put = (long)fwrite(data, 1, 10, file);
    int flushed = fflush(file);
    fclose(file);
    return flushed ? -1 : put;
}

static long in_child(void)
{
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0) {
        int file = open("temp-1.rdb", O_CREAT | O_WRONLY, 0600);
        _exit(file >= 0 && write(file, data, 10) == 10 ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Reading costs the shim nothing; a helper that is exec'd must survive the inherited filter. */
static long helper(void)
{
    return system("echo data > helped");
}

static long outside(void)
{
    int file = open("../outside", O_CREAT | O_WRONLY, 0600);
    long result = write(file, data, 10);
    close(file);
    return result;
}

static long through_pipe(void)
{
    int ends[2];
    if (pipe(ends))
        return -1;
    long result = write(ends[1], data, 10);
    close(ends[0]);
    close(ends[1]);
    return result;
}

static long perform(const char *what)
{
    if (!strcmp(what, "open"))
        return (fd = open("file", O_CREAT | O_WRONLY | O_APPEND, 0600)) < 0 ? -1 : 0;
    if (!strcmp(what, "write"))
        return write(fd, data, 10);
    if (!strcmp(what, "rawwrite"))
        return syscall(SYS_write, fd, data, 10);
    if (!strcmp(what, "writev"))
        return gather();
    if (!strcmp(what, "stream"))
        return stream();
    if (!strcmp(what, "fsync"))
        return fsync(fd);
    if (!strcmp(what, "fdatasync"))
        return fdatasync(fd);
    if (!strcmp(what, "fsyncdir")) {
        int dir = open(".", O_RDONLY | O_DIRECTORY);
        long result = fsync(dir);
        close(dir);
        return result;
    }
    if (!strcmp(what, "truncate"))
        return ftruncate(fd, 0);
    if (!strcmp(what, "rename"))
        return rename("file", "renamed");
    if (!strcmp(what, "unlink"))
        return unlink("file");
    if (!strcmp(what, "mkdir"))
        return mkdir("sub", 0700);
    if (!strcmp(what, "close"))
        return close(fd);
    if (!strcmp(what, "fork"))
        return in_child();
    if (!strcmp(what, "helper"))
        return helper();
    if (!strcmp(what, "outside"))
        return outside();
    if (!strcmp(what, "pipe"))
        return through_pipe();
    exit(99);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int i = 1; i < argc; i++) {
        errno = 0;
        long result = perform(argv[i]);
        printf("%s=%ld%s%s ", argv[i], result, result < 0 ? ":" : "", result < 0 ? strerrorname_np(errno) : "");
    }
    return 0;
}
