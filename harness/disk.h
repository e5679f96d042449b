/*
 * A disk of a node's own: a file system in an image file, loop-mounted, whose power
 * can be cut. Needs root. Cut by the shutdown ioctl without a log flush (ext4, xfs),
 * or, where there is none (btrfs), by a copy of the image as it is at that moment.
 * It loses the page cache and never what a device's own cache would have held.
 *
 * The mount belongs to the caller's mount namespace and goes with it; the loop device
 * clears itself when the mount does.
 */
#ifndef LASTACK_DISK_H
#define LASTACK_DISK_H

#include "util.h"

enum la_filesystem { LA_FS_EXT4, LA_FS_XFS, LA_FS_BTRFS };

struct la_disk {
    enum la_filesystem filesystem;
    char image[LA_PATH_MAX];
    char cut[LA_PATH_MAX]; /* the copy, where the cut is one; empty: not cut so */
    char mount[LA_PATH_MAX];
    bool mounted;
};

const char *la_filesystem_name(enum la_filesystem filesystem);

/* Why no disk of this kind can be had here (not root, no mkfs, no loop device), or NULL. A static text. */
const char *la_disk_missing(enum la_filesystem filesystem);

/* Makes `dir`/disk.img (sparse, 512 MiB) with a new file system and mounts it on `dir`/disk. */
int la_disk_create(struct la_disk *disk, enum la_filesystem filesystem, const char *dir, struct la_error *error);

/* Makes durable what is there: the beginning, which no cut takes away. */
int la_disk_settle(const struct la_disk *disk, struct la_error *error);

/* Cuts the power. Nobody may be writing, or what is written meanwhile may or may not be there. */
int la_disk_cut(struct la_disk *disk, struct la_error *error);

/* Unmounts and mounts again: the file system recovers. Every process that used it must have ended. */
int la_disk_remount(struct la_disk *disk, struct la_error *error);

/* Unmounts and removes the image. */
void la_disk_destroy(struct la_disk *disk);

#endif
