/*
 * The contract between libfaultinject.so and whoever drives it: the layout of
 * the control block, a file that both sides map shared.
 *
 * The driver creates the block (driver/control.h), names it in the environment variable
 * FI_CONTROL_ENV and preloads the library into a process. From then on rules are
 * armed and disarmed, and counters and the injection log read, while the process
 * and all the children that it forks are running. The block outlives them.
 *
 * Threads and processes: every field that changes after creation is atomic.
 * A rule's plain fields are written only while the rule is disarmed.
 * The library trusts nothing here: indices are checked before they are used.
 */
#ifndef FAULTINJECT_SHARED_CONTROL_BLOCK_H
#define FAULTINJECT_SHARED_CONTROL_BLOCK_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/ioctl.h>

#define FI_CONTROL_ENV     "FAULTINJECT_CONTROL"
#define FI_CONTROL_MAGIC   UINT64_C(0x4b4c42544c554146)
#define FI_CONTROL_VERSION 6

enum {
    FI_RULES_MAX = 32,
    FI_ROLES_MAX = 8,
    FI_LOG_MAX = 16384,
    FI_FILTER_MAX = 1024, /* instructions of the system-call filter */
    FI_PATH_MAX = 1024,
    FI_GLOB_MAX = 128,
    FI_TEXT_MAX = 256,
    FI_NAME_MAX = 32,
    FI_RULE_FILES = 64, /* files whose operations a rule counts one by one; the rest share the last count */
    FI_CHANCE_ONE = 1000000000,
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
    FI_OP_LINK, /* hard and symbolic links */
    FI_OP_READ,
    FI_OP_FORK,
    FI_OP_CONNECT,
    FI_OP_ACCEPT,
    FI_OP_SEND,
    FI_OP_RECV,
    FI_OP_CLOCK,
    FI_OP_COUNT
};

/* Sets of operations. */
#define FI_BIT(op)   (UINT32_C(1) << (op))
#define FI_OPS_SYNC  (FI_BIT(FI_OP_FSYNC) | FI_BIT(FI_OP_FDATASYNC) | FI_BIT(FI_OP_FSYNC_DIR))
#define FI_OPS_SPACE (FI_BIT(FI_OP_WRITE) | FI_BIT(FI_OP_TRUNCATE))
#define FI_OPS_NAMES                                                                                                   \
    (FI_BIT(FI_OP_OPEN) | FI_BIT(FI_OP_RENAME) | FI_BIT(FI_OP_UNLINK) | FI_BIT(FI_OP_MKDIR) | FI_BIT(FI_OP_LINK))
#define FI_OPS_NET         (FI_BIT(FI_OP_CONNECT) | FI_BIT(FI_OP_ACCEPT) | FI_BIT(FI_OP_SEND) | FI_BIT(FI_OP_RECV))
#define FI_OPS_FILE        (FI_OPS_SYNC | FI_OPS_SPACE | FI_OPS_NAMES | FI_BIT(FI_OP_SYNC_RANGE))
#define FI_OPS_WITH_PATH   (FI_OPS_FILE | FI_BIT(FI_OP_READ))
#define FI_OPS_WITH_OFFSET (FI_BIT(FI_OP_WRITE) | FI_BIT(FI_OP_READ))

enum fi_action {
    FI_DO_ERROR,      /* arg: errno */
    FI_DO_REVERT,     /* arg: errno of an fsync, after which the file is what it was before, as on btrfs */
    FI_DO_SHORT,      /* arg: bytes that the write reports and stores */
    FI_DO_TORN,       /* arg: bytes that reach the file before the group is killed */
    FI_DO_KILL,       /* the process that hit the rule */
    FI_DO_KILL_GROUP, /* its whole process group */
    FI_DO_POWER_CUT,  /* the group is killed, and the driver takes away what was not durable */
    FI_DO_DELAY,      /* arg: milliseconds */
    FI_DO_HANG,       /* until the rule is disarmed; on a socket: nothing comes or goes */
    FI_DO_LIE,        /* success without effect */
    FI_DO_FLIP,       /* arg: which bit of the data, counted from the rule's offset or else the operation's begin */
    FI_DO_CLOCK,      /* arg: see enum fi_clock_change */
    FI_DO_FILE_LIMIT, /* arg: bytes that a file may hold: a write is cut off there, and fails beyond */
    FI_DO_DISK_FULL,  /* arg: bytes that all files below the data directory may hold */
    FI_DO_SIGNAL,     /* arg: number of the signal that the process which hit the rule gets; the operation goes on */
    FI_DO_NOTE,       /* nothing: the log has the operation */
};
enum { FI_DO_COUNT = FI_DO_NOTE + 1 }; /* apart: a switch over the actions names each of them, and no other */

/* Roles: who performs an operation. 0 and 1 are fixed, the driver names the rest. */
enum { FI_ROLE_SERVER = 0, FI_ROLE_CHILD = 1, FI_ROLE_ANY = 0xff };

/* A forked child takes the role of the first row whose glob its first created file matches. */
struct fi_role {
    char name[FI_NAME_MAX];
    char glob[FI_GLOB_MAX];
};

/* How often a rule has met one file. */
struct fi_file_count {
    _Atomic uint64_t file; /* hash of its path with the process id taken out; 0: free */
    _Atomic uint64_t count;
};

enum fi_clock_change { FI_CLOCK_NONE, FI_CLOCK_RATE, FI_CLOCK_JUMP };

struct fi_rule {
    _Atomic uint32_t claimed; /* 1: the slot is in use for good, 2: and filled */
    _Atomic uint32_t armed;
    uint32_t ops;  /* bits of enum fi_op */
    uint32_t role; /* index into roles, or FI_ROLE_ANY */
    uint32_t action;
    uint64_t arg;
    uint64_t nth;     /* fire on the n-th matching operation only; 0: not used */
    uint64_t every;   /* fire on every n-th after `after`; 0 and 1: each */
    uint64_t after;   /* let this many matching operations pass first */
    uint32_t chance;  /* of FI_CHANCE_ONE, by seed, file and number of the operation on it; 0: not used */
    uint32_t peer;    /* port of the other end; 0: any */
    uint64_t from_ns; /* window after arming, ns; until_ns 0: open end */
    uint64_t until_ns;
    uint64_t offset_from; /* bytes [from, to) of the file that the operation must touch; to 0: anywhere */
    uint64_t offset_to;
    uint32_t clock_change; /* enum fi_clock_change */
    uint32_t of_free;      /* disk-full: what is left when it is armed, not a budget for all */
    uint32_t done;         /* the fault comes when the operation has succeeded, not in its place or before it */
    uint64_t armed_ns;     /* CLOCK_MONOTONIC */
    _Atomic uint64_t seen;
    _Atomic uint64_t fired;
    _Atomic uint64_t last_ns;   /* CLOCK_MONOTONIC of an injection, the last but for what goes on at the same time */
    _Atomic uint64_t too_small; /* operations that were its turn, and too small to be cut as it says */
    char path[FI_GLOB_MAX];     /* glob, relative to the data directory */
    char text[FI_TEXT_MAX];     /* the rule as it was written */
    struct fi_file_count files[FI_RULE_FILES];
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
    uint32_t process;     /* the how-many-th process of its role, 1 and up */
    uint32_t thread;      /* the how-many-th thread of its process that met a rule, 1 and up */
    uint64_t number;      /* the how-many-th matching operation of the rule this was */
    uint64_t file_number; /* and the how-many-th on this file */
    int64_t bytes;        /* length the caller asked for, -1 where there is none */
    int64_t offset;       /* -1 where there is none */
    uint32_t peer;        /* port of the other end; 0: none */
    char path[FI_GLOB_MAX];
};

struct fi_filter_insn { /* struct sock_filter, without the kernel's header */
    uint16_t code;
    uint8_t jt;
    uint8_t jf;
    uint32_t k;
};

/* Who looks at the operations. */
enum fi_backend {
    FI_BACKEND_PRELOAD, /* the library, inside the program */
    FI_BACKEND_NOTIFY   /* a supervisor, outside it: see driver/notify.h */
};

enum fi_trap_state { FI_TRAP_NONE, FI_TRAP_ON, FI_TRAP_FAILED };

/* What could have changed a file behind the library's back; bits of fi_control.blind. */
enum fi_blind {
    FI_BLIND_MMAP = 1,     /* a shared writable mapping of a file of the data directory */
    FI_BLIND_IO_URING = 2, /* io_uring was set up */
    FI_BLIND_BORDER = 4,   /* a rename or link across the border of the data directory, an exchange, O_TMPFILE */
    FI_BLIND_RANGES = 8,   /* fallocate or ioctl that moves, clones or punches out data */
    FI_BLIND_OPEN = 16,    /* a file opened for writing by openat2 or by a handle */
    FI_BLIND_SIGSYS = 32,  /* a child died of SIGSYS: it had the filter, and no handler */
    FI_BLIND_DSYNC = 64,   /* with a journal: a file opened with O_SYNC or O_DSYNC, so that each write is durable */
    FI_BLIND_KINDS = 7
};

/*
 * The server's time. Virtual monotonic time is base_ns + (now - since_ns) * rate / FI_CLOCK_RATE_ONE;
 * the wall clock goes with it, shifted by jump_ns. Written under an odd `sequence`.
 */
#define FI_CLOCK_RATE_ONE UINT64_C(1000000)
#define FI_CLOCK_TRIES    100000 /* to see an even sequence: whoever changed the clock may have been killed half-way */
struct fi_clock {
    _Atomic uint32_t sequence;
    _Atomic uint64_t since_ns; /* CLOCK_MONOTONIC; 0: the clock was never touched */
    _Atomic uint64_t base_ns;
    _Atomic uint64_t rate; /* millionths */
    _Atomic int64_t jump_ns;
};

/* A file whose fsync a rule holds up: writes to it wait, as they do behind a slow disk. */
enum { FI_BUSY_MAX = 16 };
struct fi_busy {
    _Atomic int32_t pid; /* who is held up; 0: free */
    _Atomic uint64_t inode;
};

/* What xfstests' godown uses, on ext4 and xfs: the file system stops, and its log is not flushed. */
#define FI_SHUTDOWN         _IOR('X', 125, uint32_t)
#define FI_SHUTDOWN_NOFLUSH 2

/* How a power cut is made. */
enum fi_cut_method { FI_CUT_NONE, FI_CUT_SIMULATED, FI_CUT_REAL };

/* Read before anything is mapped. */
struct fi_control_head {
    uint64_t magic;
    uint32_t version;
    uint32_t secret; /* marks the library's own system calls; never 0 */
};

struct fi_control {
    struct fi_control_head head;
    uint64_t size;              /* of the whole block in bytes */
    uint32_t backend;           /* enum fi_backend */
    uint64_t seed;              /* of rules with a chance */
    char data_dir[FI_PATH_MAX]; /* canonical, no trailing slash */
    char side_dir[FI_PATH_MAX]; /* the journal's directory, on the same file system; empty: no journal */
    struct fi_role roles[FI_ROLES_MAX];
    uint32_t role_count;
    uint32_t filter_len;
    struct fi_filter_insn filter[FI_FILTER_MAX];

    _Atomic uint32_t attached;           /* processes that loaded the library, ever */
    _Atomic int32_t attached_pid;        /* the last of them */
    _Atomic uint32_t trap_state;         /* enum fi_trap_state */
    _Atomic int32_t trap_errno;          /* why FI_TRAP_FAILED */
    _Atomic uint32_t armed_ops;          /* union of what armed rules look at */
    _Atomic uint32_t blind;              /* bits of enum fi_blind */
    _Atomic uint32_t born[FI_ROLES_MAX]; /* processes that took each role */
    _Atomic uint32_t cut_method;         /* enum fi_cut_method: what do=power-cut does */
    _Atomic uint64_t cut_ns;             /* when a rule cut the power; 0: it has not */
    _Atomic uint64_t cut_at;             /* the journal's position then */
    _Atomic uint64_t slowest_sync_ns;    /* how long the slowest fsync took by itself, without what a rule added */
    _Atomic uint64_t sync_began_ns;      /* when the one under way began; 0: none is */
    struct fi_clock clock;
    struct fi_busy busy[FI_BUSY_MAX]; /* files whose fsync is held up by a rule */
    _Atomic uint32_t busy_count;
    _Atomic uint64_t disk_limit;                      /* bytes; 0: no budget */
    _Atomic int64_t disk_used;                        /* bytes; meaningful while disk_limit is set */
    _Atomic uint64_t done[FI_ROLES_MAX][FI_OP_COUNT]; /* operations begun below the data directory */
    struct fi_rule rules[FI_RULES_MAX];
    _Atomic uint64_t log_next; /* entries claimed; above FI_LOG_MAX the rest was not recorded */
    struct fi_log_entry log[FI_LOG_MAX];
};

#endif
