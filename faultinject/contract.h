/*
 * The contract between libfaultinject.so and whoever drives it: the layout of
 * the control block, a file that both sides map shared.
 *
 * The driver creates the block (control.h), names it in the environment variable
 * FI_CONTROL_ENV and preloads the library into a process. From then on rules are
 * armed and disarmed, and counters and the injection log read, while the process
 * and all the children that it forks are running. The block outlives them.
 *
 * Threads and processes: every field that changes after creation is atomic.
 * A rule's plain fields are written only while the rule is disarmed.
 * The library trusts nothing here: indices are checked before they are used.
 */
#ifndef FAULTINJECT_CONTRACT_H
#define FAULTINJECT_CONTRACT_H

#include <stdatomic.h>
#include <stdint.h>

#define FI_CONTROL_ENV     "FAULTINJECT_CONTROL"
#define FI_CONTROL_MAGIC   UINT64_C(0x4b4c42544c554146)
#define FI_CONTROL_VERSION 1

enum {
    FI_RULES_MAX = 32,
    FI_ROLES_MAX = 8,
    FI_LOG_MAX = 16384,
    FI_FILTER_MAX = 1024, /* instructions of the system-call filter */
    FI_PATH_MAX = 1024,
    FI_GLOB_MAX = 128,
    FI_TEXT_MAX = 256,
    FI_NAME_MAX = 32,
};

/* Operations that a rule can name; one bit each in fi_rule.ops. */
enum fi_op {
    FI_OP_WRITE,
    FI_OP_FSYNC,
    FI_OP_FDATASYNC,
    FI_OP_FSYNC_DIR, /* fsync or fdatasync of a directory */
    FI_OP_SYNC_RANGE,
    FI_OP_OPEN,
    FI_OP_RENAME,
    FI_OP_UNLINK, /* unlink and rmdir */
    FI_OP_TRUNCATE,
    FI_OP_MKDIR,
    FI_OP_FORK,
    FI_OP_COUNT
};

enum fi_action {
    FI_DO_ERROR,      /* arg: errno */
    FI_DO_SHORT,      /* arg: bytes that the write reports and stores */
    FI_DO_TORN,       /* arg: bytes that reach the file before the group is killed */
    FI_DO_KILL,       /* the process that hit the rule */
    FI_DO_KILL_GROUP, /* its whole process group */
    FI_DO_DELAY,      /* arg: milliseconds */
    FI_DO_DISK_FULL,  /* arg: bytes that all files below the data directory may hold */
    FI_DO_COUNT
};

/* Roles: who performs an operation. 0 and 1 are fixed, the driver names the rest. */
enum { FI_ROLE_SERVER = 0, FI_ROLE_CHILD = 1, FI_ROLE_ANY = 0xff };

/* A forked child takes the role of the first row whose glob its first created file matches. */
struct fi_role {
    char name[FI_NAME_MAX];
    char glob[FI_GLOB_MAX];
};

struct fi_rule {
    _Atomic uint32_t armed;
    uint32_t ops;  /* bits of enum fi_op */
    uint32_t role; /* index into roles, or FI_ROLE_ANY */
    uint32_t action;
    uint64_t arg;
    uint64_t nth;   /* fire on the n-th matching operation only; 0: not used */
    uint64_t every; /* fire on every n-th after `after`; 0 and 1: each */
    uint64_t after; /* let this many matching operations pass first */
    _Atomic uint64_t seen;
    _Atomic uint64_t fired;
    char path[FI_GLOB_MAX]; /* glob, relative to the data directory */
    char text[FI_TEXT_MAX]; /* the rule as it was written */
};

/* One injection. `ready` is set last, so that a reader never sees half an entry. */
struct fi_log_entry {
    _Atomic uint32_t ready;
    uint32_t rule;
    uint64_t time_ns; /* CLOCK_MONOTONIC, taken before the fault takes effect */
    int32_t pid;
    int32_t tid;
    uint32_t role;
    uint32_t op;
    uint64_t number; /* the how-many-th matching operation of the rule this was */
    int64_t bytes;   /* length the caller asked for, -1 where there is none */
    char path[FI_GLOB_MAX];
};

struct fi_filter_insn { /* struct sock_filter, without the kernel's header */
    uint16_t code;
    uint8_t jt;
    uint8_t jf;
    uint32_t k;
};

enum fi_trap_state { FI_TRAP_NONE, FI_TRAP_ON, FI_TRAP_FAILED };

struct fi_control {
    uint64_t magic;
    uint32_t version;
    uint32_t secret;            /* marks the library's own system calls; never 0 */
    uint64_t size;              /* of the whole block in bytes */
    char data_dir[FI_PATH_MAX]; /* canonical, no trailing slash */
    struct fi_role roles[FI_ROLES_MAX];
    uint32_t role_count;
    uint32_t filter_len;
    struct fi_filter_insn filter[FI_FILTER_MAX];

    _Atomic uint32_t attached;                        /* processes that loaded the library, ever */
    _Atomic int32_t attached_pid;                     /* the last of them */
    _Atomic uint32_t trap_state;                      /* enum fi_trap_state */
    _Atomic int32_t trap_errno;                       /* why FI_TRAP_FAILED */
    _Atomic uint32_t armed_ops;                       /* union of what armed rules look at */
    _Atomic uint64_t disk_limit;                      /* bytes; 0: no budget */
    _Atomic int64_t disk_used;                        /* bytes; meaningful while disk_limit is set */
    _Atomic uint64_t done[FI_ROLES_MAX][FI_OP_COUNT]; /* operations begun below the data directory */
    struct fi_rule rules[FI_RULES_MAX];
    _Atomic uint64_t log_next; /* entries claimed; above FI_LOG_MAX the rest was not recorded */
    struct fi_log_entry log[FI_LOG_MAX];
};

#endif
