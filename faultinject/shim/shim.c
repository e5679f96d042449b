/* Start-up of the library and the common way of every operation. */
#include "shim/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim/real.h"

struct fi_shim fi_shim;

uint64_t fi_now_ns(void)
{
    struct timespec now = {0};
    fi_real()->clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void fi_shim_blind(uint32_t kind)
{
    atomic_fetch_or(&fi_shim.control->blind, kind);
}

void fi_shim_become(uint32_t role)
{
    atomic_store(&fi_shim.role, role);
    if (role < FI_ROLES_MAX)
        atomic_store(&fi_shim.process, atomic_fetch_add(&fi_shim.control->born[role], 1) + 1);
}

/* The first thread of a process to meet a rule is 1. */
static uint32_t thread_number(void)
{
    static __thread uint32_t number __attribute__((tls_model("initial-exec")));
    static __thread int32_t owner __attribute__((tls_model("initial-exec"))); /* a fork begins to count anew */
    int32_t pid = (int32_t)FI_OWN(SYS_getpid, 0);
    if (owner != pid)
        number = atomic_fetch_add(&fi_shim.threads, 1) + 1;
    owner = pid;
    return number;
}

struct fi_operation fi_shim_operation(uint32_t op, const char *path)
{
    return (struct fi_operation){
        .time_ns = fi_now_ns(),
        .pid = (int32_t)FI_OWN(SYS_getpid, 0),
        .tid = (int32_t)FI_OWN(SYS_gettid, 0),
        .role = atomic_load(&fi_shim.role),
        .process = atomic_load(&fi_shim.process),
        .thread = thread_number(),
        .op = op,
        .bytes = -1,
        .offset = -1,
        .path = path,
    };
}

static bool same_file_system(int fd)
{
    struct stat st = {0};
    struct stat ours = {0};
    return FI_OWN(SYS_fstat, fd, (long)&st) == 0 &&
           FI_OWN(SYS_newfstatat, AT_FDCWD, (long)fi_shim.control->data_dir, (long)&ours, 0) == 0 &&
           st.st_dev == ours.st_dev;
}

/* A rename or link is where it leads, or else where it comes from. */
static bool locate_at(const struct fi_call *call, char path[FI_PATH_MAX])
{
    const long *args = call->args;
    int where = call->row->argument;
    if (fi_resolve_path((int)args[where], (const char *)args[where + 1], path))
        return true;
    return call->op == FI_OP_RENAME && fi_resolve_path((int)args[0], (const char *)args[1], path);
}

static bool locate_path(const struct fi_call *call, char path[FI_PATH_MAX])
{
    if (fi_resolve_path(AT_FDCWD, (const char *)call->args[call->row->argument], path))
        return true;
    return call->op == FI_OP_RENAME && fi_resolve_path(AT_FDCWD, (const char *)call->args[0], path);
}

/* Where the file of a call is, false when it is none of ours. */
static bool locate(const struct fi_call *call, char path[FI_PATH_MAX])
{
    switch (call->row->target) {
    case FI_TARGET_PATH: return locate_path(call, path);
    case FI_TARGET_AT: return locate_at(call, path);
    case FI_TARGET_ALL:
        memcpy(path, ".", 2);
        return call->row->number == SYS_sync || same_file_system((int)call->args[0]);
    default: return fi_resolve_fd((int)call->args[call->row->argument], path);
    }
}

static uint32_t op_of(const struct fi_syscall *row, const long args[6])
{
    struct stat st = {0};
    if (row->target == FI_TARGET_FD && fi_fd_state((int)args[row->argument]) == FI_FD_APPENDS)
        return (uint32_t)row->op; /* no directory: spares the question */
    if (row->target == FI_TARGET_ALL || (row->op != FI_OP_FSYNC && row->op != FI_OP_FDATASYNC))
        return (uint32_t)row->op;
    if (FI_OWN(SYS_fstat, args[0], (long)&st) == 0 && S_ISDIR(st.st_mode))
        return FI_OP_FSYNC_DIR;
    return (uint32_t)row->op;
}

void fi_shim_count(uint32_t op)
{
    uint32_t role = atomic_load_explicit(&fi_shim.role, memory_order_relaxed);
    if (role < FI_ROLES_MAX)
        atomic_fetch_add_explicit(&fi_shim.control->done[role][op], 1, memory_order_relaxed);
}

static long decided(struct fi_call *call)
{
    struct fi_control *control = fi_shim.control;
    struct fi_decision decision = {.rule = -1};
    struct fi_operation operation;
    if (fi_engine_cares(control, call->op)) {
        operation = fi_shim_operation(call->op, call->path);
        operation.bytes = fi_call_bytes(call);
        operation.offset = fi_engine_wants_offset(control, call->op) ? fi_call_offset(call) : -1;
        decision = fi_engine_decide(control, &operation);
    }
    return decision.rule >= 0 ? fi_perform(call, &decision, &operation) : fi_disk_call(call);
}

/* `fd`: the descriptor that the call names, or -1. */
static long perform(struct fi_call *call, int fd)
{
    struct fi_control *control = fi_shim.control;
    if (fd >= 0 && !fi_engine_cares(control, call->op)) {
        fi_shim_count(call->op);
        return fi_disk_call(call);
    }
    char path[FI_PATH_MAX];
    if (!locate(call, path)) {
        if (fd >= 0) /* the number was closed behind our back and is something else by now */
            fi_fd_set(fd, FI_FD_UNKNOWN);
        return fi_raw(control->head.secret, call->row->number, call->args);
    }
    call->path = path;
    fi_trap_start();
    fi_shim_count(call->op);
    return decided(call);
}

long fi_shim_call(long number, const long args[6])
{
    struct fi_control *control = fi_shim.control;
    struct fi_call call = {.row = fi_syscall_find(number)};
    memcpy(call.args, args, sizeof call.args);
    if (number != SYS_pwritev2 && number != SYS_copy_file_range && number != SYS_splice)
        call.args[5] = 0;
    if (!control || !call.row)
        return fi_raw(control ? control->head.secret : 0, number, call.args);
    bool by_fd = call.row->target == FI_TARGET_FD || call.row->target == FI_TARGET_FD_IOV;
    int fd = by_fd ? (int)args[call.row->argument] : -1;
    if (by_fd && !fi_fd_watched(fd))
        return fi_raw(control->head.secret, number, call.args);
    call.op = op_of(call.row, args);
    if (!by_fd || !(FI_OPS_SPACE >> call.op & 1))
        return perform(&call, fd);
    uint32_t file = fi_writer_begin(fd);
    long result = perform(&call, fd);
    fi_writer_end(file);
    return result;
}

long fi_shim_gate(const struct fi_operation *operation)
{
    struct fi_control *control = fi_shim.control;
    fi_shim_count(operation->op);
    if (!fi_engine_cares(control, operation->op))
        return 0;
    struct fi_decision decision = fi_engine_decide(control, operation);
    if (decision.rule < 0)
        return 0;
    fi_engine_record(control, &decision, operation);
    fi_perform_common(&decision);
    return decision.action == FI_DO_ERROR ? -(long)decision.arg : 0;
}

static void complain(const char *path, const char *what)
{
    const char *parts[] = {"libfaultinject: ", path, ": ", what, "; running without faults\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0)
            return;
}

static bool layout_fits(const struct fi_control *control)
{
    return control->head.magic == FI_CONTROL_MAGIC && control->head.version == FI_CONTROL_VERSION &&
           control->size == sizeof *control && control->role_count <= FI_ROLES_MAX &&
           control->filter_len <= FI_FILTER_MAX && control->data_dir[0] == '/' && control->head.secret &&
           memchr(control->data_dir, '\0', FI_PATH_MAX) && memchr(control->side_dir, '\0', FI_PATH_MAX);
}

/*
 * Maps a shared file of at least `size` bytes; NULL when that cannot be. An exec'd program may have inherited the
 * filter and has no handler yet: opening for writing needs the secret, and mapping is done in two steps (trap.c).
 */
static void *map_shared(uint32_t secret, const char *path, size_t size)
{
    struct stat st = {0};
    void *memory = MAP_FAILED;
    int fd = (int)FI_RAW(secret, SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && (size_t)st.st_size >= size)
        memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    FI_RAW(secret, SYS_close, fd);
    if (memory == MAP_FAILED || mprotect(memory, size, PROT_READ | PROT_WRITE))
        return NULL;
    return memory;
}

/* The beginning of a block, up to its secret. */
static bool read_head(const char *path, struct fi_control_head *head)
{
    int fd = (int)FI_RAW(0, SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool whole = FI_RAW(0, SYS_read, fd, (long)head, sizeof *head) == sizeof *head;
    FI_RAW(0, SYS_close, fd);
    return whole;
}

static struct fi_control *attach(const char *path)
{
    struct fi_control_head head = {0};
    if (access(path, R_OK | W_OK)) {
        complain(path, "cannot be opened");
        return NULL;
    }
    bool ours = read_head(path, &head) && head.magic == FI_CONTROL_MAGIC && head.version == FI_CONTROL_VERSION;
    struct fi_control *control = ours ? map_shared(head.secret, path, sizeof *control) : NULL;
    if (control && layout_fits(control))
        return control;
    complain(path, "is not a control block of this version");
    if (control)
        munmap(control, sizeof *control);
    return NULL;
}

/* A journal that was announced and is not there: without it no power cut can be worked out, and nothing is lost. */
static struct fi_journal *attach_journal(const struct fi_control *control)
{
    char path[FI_PATH_MAX + 16];
    size_t length = strlen(control->side_dir);
    if (!length)
        return NULL;
    memcpy(path, control->side_dir, length);
    memcpy(path + length, "/" FI_JOURNAL_NAME, sizeof "/" FI_JOURNAL_NAME);
    struct fi_journal *journal = map_shared(control->head.secret, path, sizeof *journal);
    if (journal && journal->magic == FI_JOURNAL_MAGIC && journal->version == FI_JOURNAL_VERSION &&
        journal->size == sizeof *journal)
        return journal;
    complain(path, "is not a journal of this version");
    if (journal)
        munmap(journal, sizeof *journal);
    return NULL;
}

#define LOOK_UP(name)    *(void **)&fi_real_functions.name = dlsym(RTLD_NEXT, #name);
#define IS_FOREIGN(name) fi_real_functions.foreign.name = foreign(*(void **)&fi_real_functions.name);

struct fi_real fi_real_functions;
_Atomic int fi_real_known; /* two threads at once would find the same */

/* Not in the library that libc's own functions are in. */
static bool foreign(void *function)
{
    Dl_info libc = {0};
    Dl_info its = {0};
    void *known = dlsym(RTLD_NEXT, "gnu_get_libc_version");
    return function && known && dladdr(known, &libc) && dladdr(function, &its) && libc.dli_fbase != its.dli_fbase;
}

const struct fi_real *fi_real_look_up(void)
{
    FI_REAL_FILES(LOOK_UP)
    FI_REAL_OTHERS(LOOK_UP)
    /* dlsym gives the oldest of its two versions, which has another layout */
    *(void **)&fi_real_functions.pthread_cond_timedwait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    FI_REAL_FILES(IS_FOREIGN)
    atomic_store_explicit(&fi_real_known, 1, memory_order_release);
    return &fi_real_functions;
}

__attribute__((constructor)) static void load(void)
{
    fi_real(); /* not left to a moment when the server counts on us */
    const char *path = getenv(FI_CONTROL_ENV);
    struct fi_control *control = path ? attach(path) : NULL;
    if (!control)
        return;
    fi_shim.journal = attach_journal(control);
    fi_shim.control = control;
    fi_shim_become(FI_ROLE_SERVER);
    fi_trap_handle();
    atomic_fetch_add(&control->attached, 1);
    atomic_store(&control->attached_pid, (int32_t)getpid());
    char below[FI_PATH_MAX];
    if (fi_resolve_path(AT_FDCWD, ".", below)) /* started inside: nothing will lead here later */
        fi_trap_start();
}
