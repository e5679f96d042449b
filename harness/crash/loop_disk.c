#include "crash/loop_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/control_block.h"

enum {
    IMAGE_SIZE = 512 << 20, /* bytes; xfs wants 300 MiB */
    TRIES = 200,
    COPY_CHUNK = 1 << 20,
};

static int make_filesystem(const struct la_disk *disk, struct la_error *error)
{
    const char *args[10];
    size_t count = 0;
    for (; la_filesystems[disk->filesystem].mkfs[count]; count++)
        args[count] = la_filesystems[disk->filesystem].mkfs[count];
    args[count] = disk->image;
    args[count + 1] = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execv(args[0], (char *const *)args);
        _exit(127);
    }
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status ? la_fail(error, "%s %s failed", args[0], disk->image) : 0;
}

/* Another process may take the free device before us: try the next. */
static int attach(const char *image, char device[32], struct la_error *error)
{
    int result = -1;
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int file = open(image, O_RDWR | O_CLOEXEC);
    struct loop_config config = {.fd = (uint32_t)file, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
    for (int i = 0; control >= 0 && file >= 0 && result < 0 && i < TRIES; i++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
            break;
        snprintf(device, 32, "/dev/loop%d", number);
        result = open(device, O_RDWR | O_CLOEXEC);
        if (result >= 0 && ioctl(result, LOOP_CONFIGURE, &config)) {
            close(result);
            result = -1;
            la_sleep_ms(1);
        }
    }
    if (result < 0)
        la_fail(error, "no loop device for %s: %s", image, strerror(errno));
    if (file >= 0)
        close(file);
    if (control >= 0)
        close(control);
    return result;
}

static int mount_image(struct la_disk *disk, struct la_error *error)
{
    char device[32];
    int loop = attach(disk->image, device, error);
    if (loop < 0)
        return -1;
    bool ok = mount(device, disk->mount, la_filesystems[disk->filesystem].name, 0, NULL) == 0;
    if (!ok)
        la_fail(error, "cannot mount %s (%s): %s", disk->image, la_filesystems[disk->filesystem].name, strerror(errno));
    close(loop); /* from now on the mount alone holds it */
    disk->mounted = ok;
    return ok ? 0 : -1;
}

int la_disk_create(struct la_disk *disk, enum la_fs filesystem, const char *dir, uint64_t room, struct la_error *error)
{
    *disk = (struct la_disk){.filesystem = filesystem, .size = IMAGE_SIZE + (off_t)room};
    la_path(disk->image, "%s/disk.img", dir);
    la_path(disk->mount, "%s/disk", dir);
    int fd = open(disk->image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int bad = fd < 0 || ftruncate(fd, disk->size) || mkdir(disk->mount, 0755);
    if (bad)
        la_fail(error, "%s: %s", disk->image, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (!bad && make_filesystem(disk, error) == 0 && mount_image(disk, error) == 0)
        return 0;
    la_disk_free(disk);
    return -1;
}

/* Copies what the image holds; holes stay holes. */
static int copy_image(int from, int to, off_t size)
{
    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    if (ftruncate(to, size))
        return -1;
    for (off_t at = 0, end; (at = lseek(from, at, SEEK_DATA)) >= 0; at = end) {
        end = lseek(from, at, SEEK_HOLE);
        off_t source = at;
        off_t target = at;
        while (source < end) {
            size_t chunk = end - source < COPY_CHUNK ? (size_t)(end - source) : COPY_CHUNK;
            if (copy_file_range(from, &source, to, &target, chunk, 0) <= 0)
                return -1;
        }
    }
    return errno == ENXIO ? 0 : -1; /* no data after here */
}

static int64_t modified_ns(int fd)
{
    struct stat st;
    return fstat(fd, &st) ? -1 : (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* The kernel may write back while we copy: a copy counts only if the image stayed as it was all the while. */
static int cut_by_copy(struct la_disk *disk, struct la_error *error)
{
    la_path(disk->cut, "%s.cut", disk->image);
    int from = open(disk->image, O_RDONLY | O_CLOEXEC);
    int to = open(disk->cut, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool clean = false;
    for (int i = 0; from >= 0 && to >= 0 && !clean && i < TRIES; i++) {
        int64_t before = modified_ns(from);
        clean = ftruncate(to, 0) == 0 && copy_image(from, to, disk->size) == 0 && modified_ns(from) == before;
    }
    if (!clean)
        la_fail(error, "%s could not be copied at one moment: %s", disk->image, strerror(errno));
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return clean ? 0 : -1;
}

int la_disk_settle(const struct la_disk *disk, struct la_error *error)
{
    int fd = open(disk->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && syncfs(fd) == 0;
    if (!ok)
        la_fail(error, "%s: %s", disk->mount, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok ? 0 : -1;
}

int la_disk_cut(struct la_disk *disk, struct la_error *error)
{
    uint32_t how = FI_SHUTDOWN_NOFLUSH;
    if (!la_filesystems[disk->filesystem].shuts_down)
        return cut_by_copy(disk, error);
    int fd = open(disk->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && ioctl(fd, FI_SHUTDOWN, &how) == 0;
    if (!ok)
        la_fail(error, "%s cannot be shut down: %s", disk->mount, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok ? 0 : -1;
}

static int unmount(struct la_disk *disk)
{
    if (!disk->mounted)
        return 0;
    for (int i = 0; i < TRIES; i++) {
        if (umount2(disk->mount, 0) == 0) {
            disk->mounted = false;
            return 0;
        }
        la_sleep_ms(5); /* the last process has been reaped, its files may be a moment from closed */
    }
    return -1;
}

int la_disk_remount(struct la_disk *disk, struct la_error *error)
{
    if (unmount(disk))
        return la_fail(error, "cannot unmount %s: %s", disk->mount, strerror(errno));
    if (*disk->cut && rename(disk->cut, disk->image))
        return la_fail(error, "%s: %s", disk->cut, strerror(errno));
    disk->cut[0] = '\0';
    return mount_image(disk, error);
}

void la_disk_free(struct la_disk *disk)
{
    if (unmount(disk))
        umount2(disk->mount, MNT_DETACH);
    disk->mounted = false;
    unlink(disk->image);
    if (*disk->cut)
        unlink(disk->cut);
    rmdir(disk->mount);
}

int la_disk_try(enum la_fs filesystem, const char *dir, struct la_error *error)
{
    struct la_disk disk;
    if (!la_filesystems[filesystem].mkfs[0])
        return la_fail(error, "%s is a profile of the simulated cut only", la_filesystems[filesystem].name);
    if (access(la_filesystems[filesystem].mkfs[0], X_OK))
        return la_fail(error, "%s is not installed", la_filesystems[filesystem].mkfs[0]);
    if (access("/dev/loop-control", R_OK | W_OK))
        return la_fail(error, "no loop devices: %s", strerror(errno));
    if (la_disk_create(&disk, filesystem, dir, 0, error))
        return -1;
    int result = la_disk_settle(&disk, error) || la_disk_cut(&disk, error) || la_disk_remount(&disk, error) ? -1 : 0;
    la_disk_free(&disk);
    return result;
}
