#include "shim/state.h"

#include <sys/syscall.h>
#include <time.h>

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

void fi_shim_count(uint32_t op)
{
    uint32_t role = atomic_load_explicit(&fi_shim.role, memory_order_relaxed);
    if (role < FI_ROLES_MAX)
        atomic_fetch_add_explicit(&fi_shim.control->done[role][op], 1, memory_order_relaxed);
}

void fi_fd_set(int fd, enum fi_fd_state state)
{
    if (fd < 0 || fd >= FI_FD_MAX)
        return;
    atomic_store_explicit(&fi_shim.fds[fd], (uint8_t)state, memory_order_relaxed);
    atomic_store_explicit(&fi_shim.files[fd], 0, memory_order_relaxed);
}
