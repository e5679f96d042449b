#include "shim/pass.h"

#include <sys/uio.h>

#include "shim/record.h"
#include "shim/state.h"

/* How slow the disk is: what a server loses may be that. Of several at once, the one that began first counts. */
static long timed_sync(const struct fi_call *call)
{
    struct fi_control *control = fi_shim.control;
    uint64_t none = 0;
    uint64_t began = fi_now_ns();
    bool first = atomic_compare_exchange_strong(&control->sync_began_ns, &none, began);
    long result = fi_raw(control->head.secret, call->row->number, call->args);
    uint64_t took = fi_now_ns() - began;
    uint64_t slowest = atomic_load(&control->slowest_sync_ns);
    while (took > slowest && !atomic_compare_exchange_weak(&control->slowest_sync_ns, &slowest, took))
        ;
    if (first)
        atomic_store(&control->sync_began_ns, 0);
    return result;
}

static long plain(const struct fi_call *call)
{
    if (FI_OPS_SYNC >> call->op & 1)
        return timed_sync(call);
    return fi_raw(fi_shim.control->head.secret, call->row->number, call->args);
}

long fi_pass(const struct fi_call *call)
{
    if (!fi_shim.journal)
        return plain(call);
    struct fi_note note;
    fi_record_begin(&note, call);
    long result = plain(call);
    fi_record_end(&note, result);
    return result;
}

long fi_pass_part(struct fi_call *call, uint64_t bytes)
{
    if (call->row->target != FI_TARGET_FD_IOV) {
        call->args[call->row->length] = (long)bytes;
        return fi_pass(call);
    }
    enum { PIECES = 64 };
    struct iovec part[PIECES];
    const struct iovec *iov = (const struct iovec *)call->args[1];
    long count = 0;
    for (; count < PIECES && count < call->args[2] && bytes; count++) {
        part[count] = iov[count];
        if (part[count].iov_len > bytes)
            part[count].iov_len = bytes;
        bytes -= part[count].iov_len;
    }
    call->args[1] = (long)part;
    call->args[2] = count;
    return fi_pass(call);
}
