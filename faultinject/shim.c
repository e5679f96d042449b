/* Start-up of the library and the common way of every operation. */
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "wrap.h"

#define TABLE_ROW(name, op, target, argument, length) {SYS_##name, #name, op, target, argument, length},

struct fi_shim fi_shim;

const struct fi_syscall *fi_syscall_find(long number)
{
    static const struct fi_syscall table[] = {FI_SYSCALLS(TABLE_ROW)};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].number == number)
            return &table[i];
    return NULL;
}

/* Where the file of a call is, false when it is none of ours. */
static bool locate(const struct fi_call *call, char path[FI_PATH_MAX])
{
    const long *args = call->args;
    int where = call->row->argument;
    switch (call->row->target) {
    case FI_TARGET_PATH: return fi_resolve_path(AT_FDCWD, (const char *)args[where], path);
    case FI_TARGET_AT: return fi_resolve_path((int)args[where], (const char *)args[where + 1], path);
    default: return fi_resolve_fd((int)args[where], path);
    }
}

static uint32_t op_of(const struct fi_syscall *row, const long args[6])
{
    struct stat st = {0};
    if (row->op != FI_OP_FSYNC && row->op != FI_OP_FDATASYNC)
        return (uint32_t)row->op;
    if (FI_OWN(SYS_fstat, args[0], (long)&st) == 0 && S_ISDIR(st.st_mode))
        return FI_OP_FSYNC_DIR;
    return (uint32_t)row->op;
}

static void count(uint32_t op)
{
    uint32_t role = atomic_load_explicit(&fi_shim.role, memory_order_relaxed);
    if (role < FI_ROLES_MAX)
        atomic_fetch_add_explicit(&fi_shim.control->done[role][op], 1, memory_order_relaxed);
}

long fi_shim_call(long number, const long args[6])
{
    struct fi_control *control = fi_shim.control;
    struct fi_call call = {.row = fi_syscall_find(number)};
    memcpy(call.args, args, sizeof call.args);
    if (number != SYS_pwritev2 && number != SYS_copy_file_range && number != SYS_splice)
        call.args[5] = 0;
    if (!control || !call.row)
        return fi_raw(control ? control->secret : 0, number, call.args);
    bool by_fd = call.row->target == FI_TARGET_FD || call.row->target == FI_TARGET_FD_IOV;
    if (by_fd && !fi_fd_watched((int)args[call.row->argument]))
        return fi_raw(control->secret, number, call.args);
    call.op = op_of(call.row, args);
    if (by_fd && !fi_engine_cares(control, call.op)) {
        count(call.op);
        return fi_raw(control->secret, number, call.args);
    }
    char path[FI_PATH_MAX];
    if (!locate(&call, path)) {
        if (by_fd) /* the number was closed behind our back and is something else by now */
            fi_fd_set((int)args[call.row->argument], FI_FD_UNKNOWN);
        return fi_raw(control->secret, number, call.args);
    }
    call.path = path;
    count(call.op);
    struct fi_decision decision = fi_engine_decide(control, atomic_load(&fi_shim.role), call.op, path);
    if (decision.rule >= 0)
        return fi_perform(&call, &decision);
    if (atomic_load(&control->disk_limit))
        return fi_perform_on_full_disk(&call);
    return fi_raw(control->secret, number, call.args);
}

long fi_shim_gate(uint32_t op, const char *path)
{
    struct fi_control *control = fi_shim.control;
    count(op);
    if (!fi_engine_cares(control, op))
        return 0;
    struct fi_decision decision = fi_engine_decide(control, atomic_load(&fi_shim.role), op, path);
    if (decision.rule < 0)
        return 0;
    fi_perform_log(op, path, -1, &decision);
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
    return control->magic == FI_CONTROL_MAGIC && control->version == FI_CONTROL_VERSION &&
           control->size == sizeof *control && control->role_count <= FI_ROLES_MAX &&
           control->filter_len <= FI_FILTER_MAX && control->data_dir[0] == '/' && control->secret &&
           memchr(control->data_dir, '\0', FI_PATH_MAX);
}

static struct fi_control *attach(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        complain(path, "cannot be opened");
        return NULL;
    }
    struct stat st = {0};
    struct fi_control *control = MAP_FAILED;
    if (fstat(fd, &st) == 0 && (size_t)st.st_size >= sizeof *control)
        control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (control != MAP_FAILED && layout_fits(control))
        return control;
    complain(path, "is not a control block of this version");
    if (control != MAP_FAILED)
        munmap(control, sizeof *control);
    return NULL;
}

#define LOOK_UP(name) (*(void **)&real.name = dlsym(RTLD_NEXT, #name))

const struct fi_real *fi_real(void)
{
    static struct fi_real real;
    static _Atomic int known; /* two threads at once would find the same */
    if (atomic_load_explicit(&known, memory_order_acquire))
        return &real;
    LOOK_UP(fork);
    LOOK_UP(fopen);
    LOOK_UP(freopen);
    LOOK_UP(fclose);
    LOOK_UP(sigaction);
    LOOK_UP(sigprocmask);
    LOOK_UP(pthread_sigmask);
    atomic_store_explicit(&known, 1, memory_order_release);
    return &real;
}

__attribute__((constructor)) static void load(void)
{
    fi_real(); /* not left to a moment when the server counts on us */
    const char *path = getenv(FI_CONTROL_ENV);
    struct fi_control *control = path ? attach(path) : NULL;
    if (!control)
        return;
    fi_shim.control = control;
    fi_trap_handle();
    atomic_fetch_add(&control->attached, 1);
    atomic_store(&control->attached_pid, (int32_t)getpid());
    char below[FI_PATH_MAX];
    if (fi_resolve_path(AT_FDCWD, ".", below)) /* started inside: nothing will lead here later */
        fi_trap_start();
}
