/*
 * A disk of a node's own: a file system in an image file, loop-mounted, whose power
 * can be cut. Needs root. Cut by the shutdown ioctl without a log flush (ext4, xfs),
 * or, where there is none (btrfs), by a copy of the image as it is at that moment.
 * It loses the page cache and never what a device's own cache would have held.
 *
 * The mount belongs to the caller's mount namespace and goes with it; the loop device
 * clears itself when the mount does.
 */
#ifndef LASTACK_CRASH_LOOP_DISK_H
#define LASTACK_CRASH_LOOP_DISK_H

#include "base/util.h"
#include "crash/filesystem.h"

struct la_disk {
    enum la_fs filesystem;
    char image[LA_PATH_MAX];
    char cut[LA_PATH_MAX]; /* the copy, where the cut is one; empty: not cut so */
    char mount[LA_PATH_MAX];
    int64_t size; /* of the image, bytes */
    bool mounted;
};

/* Makes such a disk in `dir`, cuts its power and removes it. -1: it cannot be done here, `error` says why. */
int la_disk_try(enum la_fs filesystem, const char *dir, struct la_error *error);

/* Makes `dir`/disk.img (sparse, 512 MiB and `room` bytes) with a new file system and mounts it on `dir`/disk. */
int la_disk_create(struct la_disk *disk, enum la_fs filesystem, const char *dir, uint64_t room, struct la_error *error);

/* Makes durable what is there: the beginning, which no cut takes away. */
int la_disk_settle(const struct la_disk *disk, struct la_error *error);

/* Cuts the power. Nobody may be writing, or what is written meanwhile may or may not be there. */
int la_disk_cut(struct la_disk *disk, struct la_error *error);

/* Unmounts and mounts again: the file system recovers. Every process that used it must have ended. */
int la_disk_remount(struct la_disk *disk, struct la_error *error);

/* Unmounts and removes the image. */
void la_disk_free(struct la_disk *disk);

#endif
