/*
 * The system calls that can change a file, one row each: number, operation, what
 * names the file, which argument, and where the length stands (-1: no length).
 * Both the filter (what to trap) and the library (what to do) are made from it.
 *
 * Not here: open, which is trapped only where it can change something (driver/filter.c), as ld.so
 * of an exec'd program opens files before any handler exists; read, for the same reason; and
 * clone, which pthread_create makes with SIGSYS blocked. The library wraps these by name.
 */
#ifndef FAULTINJECT_SHARED_SYSCALLS_H
#define FAULTINJECT_SHARED_SYSCALLS_H

#include <sys/syscall.h>

/* ROW(name, operation, target, argument, length) */
#define FI_SYSCALLS(ROW)                                                                                               \
    ROW(write, FI_OP_WRITE, FI_TARGET_FD, 0, 2)                                                                        \
    ROW(pwrite64, FI_OP_WRITE, FI_TARGET_FD, 0, 2)                                                                     \
    ROW(writev, FI_OP_WRITE, FI_TARGET_FD_IOV, 0, 2)                                                                   \
    ROW(pwritev, FI_OP_WRITE, FI_TARGET_FD_IOV, 0, 2)                                                                  \
    ROW(pwritev2, FI_OP_WRITE, FI_TARGET_FD_IOV, 0, 2)                                                                 \
    ROW(sendfile, FI_OP_WRITE, FI_TARGET_FD, 0, 3)                                                                     \
    ROW(copy_file_range, FI_OP_WRITE, FI_TARGET_FD, 2, 4)                                                              \
    ROW(splice, FI_OP_WRITE, FI_TARGET_FD, 2, 4)                                                                       \
    ROW(fsync, FI_OP_FSYNC, FI_TARGET_FD, 0, -1)                                                                       \
    ROW(fdatasync, FI_OP_FDATASYNC, FI_TARGET_FD, 0, -1)                                                               \
    ROW(sync_file_range, FI_OP_SYNC_RANGE, FI_TARGET_FD, 0, -1)                                                        \
    ROW(ftruncate, FI_OP_TRUNCATE, FI_TARGET_FD, 0, -1)                                                                \
    ROW(fallocate, FI_OP_TRUNCATE, FI_TARGET_FD, 0, -1)                                                                \
    ROW(truncate, FI_OP_TRUNCATE, FI_TARGET_PATH, 0, -1)                                                               \
    ROW(rename, FI_OP_RENAME, FI_TARGET_PATH, 1, -1)                                                                   \
    ROW(renameat, FI_OP_RENAME, FI_TARGET_AT, 2, -1)                                                                   \
    ROW(renameat2, FI_OP_RENAME, FI_TARGET_AT, 2, -1)                                                                  \
    ROW(unlink, FI_OP_UNLINK, FI_TARGET_PATH, 0, -1)                                                                   \
    ROW(rmdir, FI_OP_UNLINK, FI_TARGET_PATH, 0, -1)                                                                    \
    ROW(unlinkat, FI_OP_UNLINK, FI_TARGET_AT, 0, -1)                                                                   \
    ROW(mkdir, FI_OP_MKDIR, FI_TARGET_PATH, 0, -1)                                                                     \
    ROW(mkdirat, FI_OP_MKDIR, FI_TARGET_AT, 0, -1)                                                                     \
    ROW(link, FI_OP_LINK, FI_TARGET_PATH, 1, -1)                                                                       \
    ROW(linkat, FI_OP_LINK, FI_TARGET_AT, 2, -1)                                                                       \
    ROW(symlink, FI_OP_LINK, FI_TARGET_PATH, 1, -1)                                                                    \
    ROW(symlinkat, FI_OP_LINK, FI_TARGET_AT, 1, -1)                                                                    \
    ROW(sync, FI_OP_FSYNC, FI_TARGET_ALL, 0, -1)                                                                       \
    ROW(syncfs, FI_OP_FSYNC, FI_TARGET_ALL, 0, -1)

enum fi_target {
    FI_TARGET_FD,     /* argument: a descriptor */
    FI_TARGET_FD_IOV, /* a descriptor, with an iovec array behind it and its count as length */
    FI_TARGET_PATH,   /* a path */
    FI_TARGET_AT,     /* a directory descriptor, with the path behind it */
    FI_TARGET_ALL,    /* the whole file system; of the descriptor, if there is one */
};

struct fi_syscall {
    long number;
    const char *name;
    int op;
    enum fi_target target;
    int argument;
    int length;
};

/* The row of a system call that can change a file, or NULL. */
const struct fi_syscall *fi_syscall_find(long number);

#endif
