/*
 * The back end for a program that the library cannot be loaded into: statically linked, set-uid, or one that drops
 * LD_PRELOAD. The kernel asks a supervisor about each system call of a filter (seccomp user notification), and the
 * supervisor decides by the same control block, the same rules and the same log.
 *
 * It can do less than the library: it sees no write, read, socket or clock, and has no journal, so there is no
 * simulated power cut. notify_filter.h says what a rule would need.
 *
 * A call is looked at before it is made. What stands in the program's memory may change between the look and the
 * call: a program that means to deceive can, one that fails does not.
 */
#ifndef FAULTINJECT_DRIVER_NOTIFY_H
#define FAULTINJECT_DRIVER_NOTIFY_H

#include "shared/control_block.h"

/* Between the program-to-be and its supervisor: two ends of a socket. */
struct fi_notify {
    int program;
    int supervisor;
};

/* Opens both ends, close-on-exec. 0, or a negative errno. */
int fi_notify_open(struct fi_notify *notify);

/*
 * In the child, between fork and exec: from here on the kernel asks. Returns 0, or a negative errno.
 * Allocates nothing. SIGXFSZ is ignored from here on, so that a file-limit is an error and not the end.
 */
int fi_notify_install(const struct fi_notify *notify, const struct fi_control *control);

/*
 * In the supervisor, a process of its own: answers until the last process under the filter has ended. It must not
 * be killed before: every call would then fail. Closes both ends. Returns 0, or a negative errno when the filter
 * never arrived.
 */
int fi_notify_serve(const struct fi_notify *notify, struct fi_control *control);

/* In the process that has forked the two. */
void fi_notify_close(const struct fi_notify *notify);

#endif
