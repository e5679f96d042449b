/* The libc functions behind the wrappers, looked up once when the library is loaded. */
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
extern struct fi_real fi_real;

#endif
