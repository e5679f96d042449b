#include "nodes/view.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

/* The folder becomes a mount, which can be left writable. */
static bool make_read_only(const char *writable)
{
    struct mount_attr shut = {.attr_set = MOUNT_ATTR_RDONLY};
    struct mount_attr open = {.attr_clr = MOUNT_ATTR_RDONLY};
    return mount(writable, writable, NULL, MS_BIND, NULL) == 0 &&
           mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &shut, sizeof shut) == 0 &&
           mount_setattr(AT_FDCWD, writable, 0, &open, sizeof open) == 0;
}

const char *la_view_enter(const struct la_view *view, const char *writable)
{
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return "no mount namespace of its own";
    for (size_t i = 0; i < view->shadows.count; i += 2)
        if (mount(view->shadows.items[i], view->shadows.items[i + 1], NULL, MS_BIND, NULL))
            return "a file cannot be mounted over another";
    if (!make_read_only(writable))
        return "mounts cannot be made read-only";
    return chdir(view->began) ? "the folder that it is started in is not there" : NULL;
}
