/*
 * A program of random changes to the current directory, the same ones for the same
 * seed: churn SEED OPERATIONS. Every byte written tells which operation wrote it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 5, WRITE_MAX = 20000 };

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    uint64_t x = state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (x ^ x >> 31) % below;
}

static const char *name(void)
{
    static const char *const names[FILES] = {"a", "b", "c", "dir/d", "dir/e"};
    return names[draw(FILES)];
}

static off_t size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) ? 0 : st.st_size;
}

static void put(int fd, off_t at, size_t length, uint64_t number)
{
    static uint8_t bytes[WRITE_MAX];
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(number * 31 + i / 512 * 7 + 1);
    if (pwrite(fd, bytes, length, at) != (ssize_t)length)
        exit(3);
}

static void sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static void sync_all(void)
{
    int fd = open(".", O_RDONLY | O_DIRECTORY);
    syncfs(fd);
    close(fd);
}

static void on_file(int fd, uint64_t what, uint64_t number)
{
    off_t size = size_of(fd);
    switch (what) {
    case 0:
    case 1:
    case 2: put(fd, size, 1 + draw(WRITE_MAX), number); break;
    case 3:
    case 4: put(fd, (off_t)draw((uint64_t)size + 1), 1 + draw(WRITE_MAX / 2), number); break;
    case 5: fsync(fd); break;
    case 6: fdatasync(fd); break;
    case 7:
        if (ftruncate(fd, (off_t)draw((uint64_t)size + 1)))
            exit(3);
        break;
    case 8:
        if (ftruncate(fd, size + (off_t)draw(WRITE_MAX)))
            exit(3);
        break;
    default:
        /* data on its way without a commit: what brings about every mixture of pages */
        sync_file_range(fd, (off_t)draw((uint64_t)size + 1), (off_t)draw(WRITE_MAX),
                        SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
        break;
    }
}

static void change(uint64_t number)
{
    uint64_t what = draw(16);
    if (what < 11) {
        int fd = open(name(), O_RDWR | O_CREAT | (draw(20) == 0 ? O_TRUNC : 0), 0600);
        if (fd < 0)
            exit(3);
        on_file(fd, what, number);
        close(fd);
        return;
    }
    switch (what) {
    case 11:
    case 12: rename(name(), name()); break;
    case 13: unlink(name()); break;
    case 14: sync_dir(draw(2) ? "." : "dir"); break;
    default:
        if (draw(8) == 0)
            sync_all();
        break;
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    state = strtoull(argv[1], NULL, 10);
    uint64_t count = strtoull(argv[2], NULL, 10);
    if (mkdir("dir", 0700))
        return 3;
    for (uint64_t i = 0; i < count; i++)
        change(i);
    return 0;
}
