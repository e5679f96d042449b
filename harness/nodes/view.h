/*
 * What of the file system a server is shown: everything as it lies, nothing of it to be written but one folder of ours,
 * and over some files copies of ours. In a mount namespace of the server's own; nobody else sees it so.
 */
#ifndef LASTACK_NODES_VIEW_H
#define LASTACK_NODES_VIEW_H

#include "base/util.h"

struct la_view {
    const char *began;         /* the folder that it is started in */
    struct la_strings shadows; /* pairs: a file of ours, the file that it is mounted over */
};

/* In a process that is to become the server: may write to `writable` from now on. NULL, or what could not be done. */
const char *la_view_enter(const struct la_view *view, const char *writable);

#endif
