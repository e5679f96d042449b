/*
 * The box that everything runs in: namespaces of its own for processes, mounts and
 * network. When lastack is killed, the kernel ends the process namespace and with it
 * every server, child and load; a port of the host can neither clash nor be reached.
 */
#ifndef LASTACK_SANDBOX_H
#define LASTACK_SANDBOX_H

#include "util.h"

/*
 * Enters the box and calls `inside` in it, as the first process of the new process
 * namespace. Returns its exit status in the caller, which waits outside and passes
 * signals on. What the kernel does not grant is listed in `limits` (inside only).
 */
int la_sandbox_run(int (*inside)(void *context, struct la_strings *limits), void *context);

#endif
