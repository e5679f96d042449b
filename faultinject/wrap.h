/* The libc functions behind the wrappers. */
#ifndef FAULTINJECT_WRAP_H
#define FAULTINJECT_WRAP_H

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

struct fi_real {
    pid_t (*fork)(void);
    FILE *(*fopen)(const char *, const char *);
    FILE *(*freopen)(const char *, const char *, FILE *);
    int (*fclose)(FILE *);
    int (*sigaction)(int, const struct sigaction *, struct sigaction *);
    int (*sigprocmask)(int, const sigset_t *, sigset_t *);
    int (*pthread_sigmask)(int, const sigset_t *, sigset_t *);
};
/*
 * Looked up when first needed: constructors of other libraries run before ours and
 * call what we wrap.
 */
const struct fi_real *fi_real(void);

#endif
