#include "crash/filesystem.h"

const struct la_filesystem la_filesystems[LA_FS_COUNT] = {
    [LA_FS_EXT4] = {.name = "ext4",
                    .mkfs = {"/sbin/mkfs.ext4", "-q", "-F", "-E", "nodiscard"},
                    .shuts_down = true,
                    .modelled = true,
                    .ordered = true,
                    .lazy_sizes = true,
                    .unit = LA_PAGE},
    [LA_FS_XFS] = {.name = "xfs",
                   .mkfs = {"/sbin/mkfs.xfs", "-q", "-f", "-K"},
                   .shuts_down = true,
                   .modelled = true,
                   .ordered = true,
                   .unit = LA_PAGE},
    [LA_FS_BTRFS] = {.name = "btrfs", .mkfs = {"/sbin/mkfs.btrfs", "-q", "-f", "-K"}},
    [LA_FS_POSIX] = {.name = "posix", .modelled = true, .unit = LA_SECTOR},
};
