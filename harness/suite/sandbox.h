/*
 * The box that everything runs in: namespaces of its own for processes, mounts and
 * network. When lastack is killed, the kernel ends the process namespace and with it
 * every server, child and load; a port of the host can neither clash nor be reached.
 *
 * What the kernel grants is found out by trying it in a child, before anything is
 * changed: where mounts could be seen outside (a plain chroot), nothing is mounted.
 */
#ifndef LASTACK_SUITE_SANDBOX_H
#define LASTACK_SUITE_SANDBOX_H

#include "base/install.h"
#include "base/util.h"

struct la_sandbox {
    enum la_box { LA_BOX_NONE, LA_BOX_ROOT, LA_BOX_USER } box; /* by root's rights, or in a user namespace */
    char why[160];                                             /* why there is none */
};

/* What is missing in it for a world (world/world.h); NULL: nothing. */
const char *la_sandbox_lacks_world(const struct la_sandbox *sandbox);

/* How long an interrupted run may take to clean up and report before it is ended: ms. */
enum { LA_GRACE_REPORT_MS = 20000, LA_GRACE_NONE_MS = 0 };

/*
 * Enters the box and calls `inside` in it, as the first process of the new process namespace, with SIGINT, SIGTERM and
 * SIGHUP blocked: see la_interrupted. Returns its exit status in the caller, which waits outside, passes signals on,
 * and ends what has not ended within the grace. What the kernel does not grant is listed in `limits` (inside only).
 * `parts->shim` and `parts->forkserver` become paths that LD_PRELOAD can take.
 */
int la_sandbox_run(int (*inside)(void *context, const struct la_sandbox *sandbox, struct la_strings *limits),
                   void *context, struct la_parts *parts, unsigned int grace_ms);

#endif
