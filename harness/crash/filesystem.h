/*
 * The file systems whose power can be cut, one row each: how a real one is made and cut, and by which rules the model
 * (model.h) works out what a cut leaves. A new one is a row, and in model.h why its rules are so.
 */
#ifndef LASTACK_CRASH_FILESYSTEM_H
#define LASTACK_CRASH_FILESYSTEM_H

#include <stdbool.h>
#include <stdint.h>

enum { LA_SECTOR = 512, LA_PAGE = 4096 }; /* bytes that a disk, and the page cache, write as one */

enum la_fs { LA_FS_EXT4, LA_FS_XFS, LA_FS_BTRFS, LA_FS_POSIX, LA_FS_COUNT };

struct la_filesystem {
    const char *name;
    /* real cuts */
    const char *mkfs[8]; /* the program and its options, to which the image is added; none: it exists on paper */
    bool shuts_down;     /* by an ioctl, without a log flush; else it is cut by copying its image */
    /* simulated cuts */
    bool modelled;
    bool ordered;    /* changes of names and sizes reach the disk in the order in which they were made */
    bool lazy_sizes; /* fdatasync commits no change that leaves the size on disk as it was (delayed allocation) */
    uint64_t unit;   /* bytes of a file that have one content each; a disk that tears has its sectors */
};

extern const struct la_filesystem la_filesystems[LA_FS_COUNT];

#endif
