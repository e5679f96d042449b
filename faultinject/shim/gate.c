#include "shim/gate.h"

#include <string.h>

#include "shim/call.h"
#include "shim/disk_full.h"
#include "shim/hold.h"
#include "shim/perform.h"
#include "shim/resolve.h"
#include "shim/state.h"
#include "shim/trap_start.h"

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
    if (!fi_call_locate(call, path)) {
        if (fd >= 0) /* the number was closed behind our back and is something else by now */
            fi_fd_set(fd, FI_FD_UNKNOWN);
        return fi_raw(control->head.secret, call->row->number, call->args);
    }
    call->path = path;
    fi_trap_start();
    fi_shim_count(call->op);
    return decided(call);
}

long fi_gate_call(long number, const long args[6])
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
    call.op = fi_call_op(call.row, args);
    if (!by_fd || !(FI_OPS_SPACE >> call.op & 1))
        return perform(&call, fd);
    uint32_t file = fi_writer_begin(fd);
    long result = perform(&call, fd);
    fi_writer_end(file);
    return result;
}

long fi_gate(const struct fi_operation *operation)
{
    struct fi_control *control = fi_shim.control;
    fi_shim_count(operation->op);
    if (!fi_engine_cares(control, operation->op))
        return 0;
    struct fi_decision decision = fi_engine_decide(control, operation);
    if (decision.rule < 0)
        return 0;
    fi_engine_record(control, &decision, operation);
    return fi_perform_common(&decision);
}
