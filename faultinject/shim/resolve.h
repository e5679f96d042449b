/* From a descriptor or a path to a path below the data directory, with plain system calls only. */
#ifndef FAULTINJECT_SHIM_RESOLVE_H
#define FAULTINJECT_SHIM_RESOLVE_H

#include <stdbool.h>

#include "shared/control_block.h"

/* Each writes the path relative to the data directory, true when it lies there. The last part of a path is taken as it
 * stands. */
bool fi_resolve_fd(int fd, char out[FI_PATH_MAX]);
bool fi_resolve_path(int dirfd, const char *path, char out[FI_PATH_MAX]);

/* "/proc/self/fd/N" */
void fi_fd_link(char out[40], int fd);

/* True when the descriptor is a file of the data directory; remembers the answer. */
bool fi_fd_watched(int fd);

#endif
