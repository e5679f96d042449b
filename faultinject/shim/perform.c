#include "shim/perform.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/disk_full.h"
#include "shim/hold.h"
#include "shim/pass.h"
#include "shim/record.h"
#include "shim/resolve.h"
#include "shim/revert.h"
#include "shim/state.h"

static void kill_now(int pid, int signal)
{
    FI_OWN(SYS_kill, pid, signal);
    for (;;) /* the signal is on its way: nothing after this point may happen */
        FI_OWN(SYS_pause, 0);
}

/* The first to cut names the moment. Where the file system cannot be shut down, the group waits for the driver. */
static void cut_power(void)
{
    struct fi_control *control = fi_shim.control;
    uint64_t none = 0;
    uint32_t how = FI_SHUTDOWN_NOFLUSH;
    bool down = true;
    if (atomic_compare_exchange_strong(&control->cut_ns, &none, fi_now_ns()))
        atomic_store(&control->cut_at, fi_shim.journal ? atomic_load(&fi_shim.journal->next) : 0);
    if (atomic_load(&control->cut_method) == FI_CUT_REAL) {
        long fd = FI_OWN(SYS_openat, AT_FDCWD, (long)control->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        down = fd >= 0 && FI_OWN(SYS_ioctl, fd, FI_SHUTDOWN, (long)&how) == 0;
    }
    kill_now(0, down ? SIGKILL : SIGSTOP);
}

static void hang(const struct fi_decision *decision)
{
    while (atomic_load(&fi_shim.control->rules[decision->rule].armed))
        fi_sleep_ns(FI_NS_PER_MS);
}

long fi_perform_common(const struct fi_decision *decision)
{
    switch (decision->action) {
    case FI_DO_ERROR: return -(long)decision->arg;
    case FI_DO_KILL: kill_now((int)FI_OWN(SYS_getpid, 0), SIGKILL); break;
    case FI_DO_KILL_GROUP:
    case FI_DO_TORN: kill_now(0, SIGKILL); break;
    case FI_DO_POWER_CUT: cut_power(); break;
    case FI_DO_SIGNAL: FI_OWN(SYS_kill, FI_OWN(SYS_getpid, 0), (long)decision->arg); break;
    case FI_DO_DELAY: fi_sleep_ns(decision->arg * FI_NS_PER_MS); break;
    case FI_DO_HANG: hang(decision); break;
    case FI_DO_REVERT:
    case FI_DO_SHORT:
    case FI_DO_LIE:
    case FI_DO_FLIP:
    case FI_DO_FILE_LIMIT:
    case FI_DO_CLOCK:
    case FI_DO_NOTE:
    case FI_DO_DISK_FULL: break;
    }
    return 0;
}

/* The bytes are stored as asked, and then one bit of them turns, by way of a descriptor of our own. */
static long write_flipped(struct fi_call *call, const struct fi_decision *decision,
                          const struct fi_operation *operation)
{
    int64_t offset = fi_call_offset(call);
    long result = fi_disk_call(call);
    if (result <= 0 || offset < 0)
        return result;
    char link[40];
    fi_fd_link(link, (int)call->args[call->row->argument]);
    long fd = FI_OWN(SYS_openat, AT_FDCWD, (long)link, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return result;
    uint64_t at = decision->at != UINT64_MAX && decision->at > (uint64_t)offset ? decision->at : (uint64_t)offset;
    at += decision->arg / 8;
    uint8_t byte = 0;
    if (at < (uint64_t)(offset + result) && FI_OWN(SYS_pread64, fd, (long)&byte, 1, (long)at) == 1) {
        fi_engine_record(fi_shim.control, decision, operation);
        byte ^= (uint8_t)(1U << decision->arg % 8);
        FI_OWN(SYS_pwrite64, fd, (long)&byte, 1, (long)at);
    }
    FI_OWN(SYS_close, fd);
    return result;
}

/* A lost write: position and size go on as they would, the bytes stay what they were, zero where there were none. */
static long lie_about_write(const struct fi_call *call, int64_t bytes)
{
    int fd = (int)call->args[call->row->argument];
    int64_t offset = fi_call_offset(call);
    struct stat st = {0};
    if (bytes <= 0 || offset < 0 || FI_OWN(SYS_fstat, fd, (long)&st))
        return bytes;
    if (offset + bytes > st.st_size) {
        struct fi_call extend = {.row = fi_syscall_find(SYS_ftruncate), .op = FI_OP_TRUNCATE, .path = call->path};
        extend.args[0] = fd;
        extend.args[1] = offset + bytes;
        fi_pass(&extend);
    }
    bool positioned = call->row->number == SYS_pwrite64 || call->row->number == SYS_pwritev;
    if (!positioned)
        FI_OWN(SYS_lseek, fd, offset + bytes, SEEK_SET);
    return bytes;
}

/* Others that write to the file wait, as they do for a real fsync that takes its time. */
static void hold_up(const struct fi_call *call, const struct fi_decision *decision)
{
    bool sync = (FI_OPS_SYNC >> call->op & 1) && call->row->target == FI_TARGET_FD;
    int slot = sync ? fi_busy_begin((int)call->args[0]) : -1;
    fi_perform_common(decision);
    fi_busy_end(slot);
}

/* Writers wait meanwhile. A sync of everything is not about one file. */
static long fail_and_revert(const struct fi_call *call, const struct fi_decision *decision)
{
    if (call->row->target != FI_TARGET_FD)
        return -(long)decision->arg;
    int slot = fi_busy_begin((int)call->args[0]);
    fi_writers_wait((int)call->args[0]);
    fi_record_failed_sync(call, -(long)decision->arg);
    fi_revert(call);
    fi_busy_end(slot);
    return -(long)decision->arg;
}

/* As RLIMIT_FSIZE has it, where SIGXFSZ is ignored. */
static long up_to_limit(struct fi_call *call, const struct fi_decision *decision, int64_t offset)
{
    if ((uint64_t)offset >= decision->arg)
        return -EFBIG;
    return fi_pass_part(call, decision->arg - (uint64_t)offset);
}

/* The fault comes when the operation has succeeded; one that fails is none of the rule's. */
static long perform_afterwards(struct fi_call *call, const struct fi_decision *decision,
                               const struct fi_operation *operation)
{
    long result = fi_disk_call(call);
    if (result < 0)
        return result;
    struct fi_operation done = *operation;
    done.time_ns = fi_now_ns();
    fi_engine_record(fi_shim.control, decision, &done);
    fi_perform_common(decision);
    return result;
}

long fi_perform(struct fi_call *call, const struct fi_decision *decision, const struct fi_operation *operation)
{
    if (fi_shim.control->rules[decision->rule].done)
        return perform_afterwards(call, decision, operation);
    if (decision->action != FI_DO_FLIP) /* an injection once a bit has turned */
        fi_engine_record(fi_shim.control, decision, operation);
    switch (decision->action) {
    case FI_DO_ERROR:
        if (FI_OPS_SYNC >> call->op & 1)
            fi_record_failed_sync(call, -(long)decision->arg);
        return fi_perform_common(decision);
    case FI_DO_REVERT: return fail_and_revert(call, decision);
    case FI_DO_SHORT: return fi_pass_part(call, decision->arg);
    case FI_DO_LIE: return call->op == FI_OP_WRITE ? lie_about_write(call, operation->bytes) : 0;
    case FI_DO_FLIP: return write_flipped(call, decision, operation);
    case FI_DO_FILE_LIMIT: return up_to_limit(call, decision, operation->offset);
    case FI_DO_TORN: fi_pass_part(call, decision->arg); break;
    case FI_DO_KILL:
    case FI_DO_KILL_GROUP:
    case FI_DO_POWER_CUT:
    case FI_DO_DELAY:
    case FI_DO_HANG:
    case FI_DO_SIGNAL:
    case FI_DO_NOTE:
    case FI_DO_CLOCK: /* never decided upon, as disk-full */
    case FI_DO_DISK_FULL: break;
    }
    hold_up(call, decision);
    return fi_disk_call(call);
}
