#include "shim/read.h"

#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim/net.h"
#include "shim/perform.h"
#include "shim/record.h"
#include "shim/resolve.h"
#include "shim/state.h"

/* Inverts the bit that the rule names, in data that was read from `offset` on. False: it lies beyond. */
static bool flip(const struct fi_decision *decision, uint8_t *data, uint64_t size, int64_t offset)
{
    uint64_t skip = 0;
    if (decision->at != UINT64_MAX && offset >= 0 && decision->at > (uint64_t)offset)
        skip = decision->at - (uint64_t)offset;
    uint64_t byte = skip + decision->arg / 8;
    if (byte >= size)
        return false;
    data[byte] ^= (uint8_t)(1U << decision->arg % 8);
    return true;
}

static bool flip_gathered(const struct fi_decision *decision, const struct iovec *iov, int64_t size, int64_t offset)
{
    bool flipped = false;
    for (; size > 0 && !flipped; iov++) {
        uint64_t part = (uint64_t)size < iov->iov_len ? (uint64_t)size : iov->iov_len;
        flipped = flip(decision, iov->iov_base, part, offset);
        offset += offset < 0 ? 0 : (int64_t)part;
        size -= (int64_t)part;
        if (decision->at == UINT64_MAX)
            return flipped;
    }
    return flipped;
}

/* An injection once a bit has turned. */
static long read_flipped(long number, const long args[6], const struct fi_decision *decision,
                         const struct fi_operation *op)
{
    long result = FI_OWN(number, args[0], args[1], args[2], args[3]);
    struct iovec whole = {(void *)args[1], result > 0 ? (size_t)result : 0};
    const struct iovec *iov = number == SYS_readv ? (const struct iovec *)args[1] : &whole;
    if (flip_gathered(decision, iov, result, op->offset))
        fi_engine_record(fi_shim.control, decision, op);
    return result;
}

static int64_t read_offset(long number, int fd, long offset)
{
    return number == SYS_pread64 ? offset : FI_OWN(SYS_lseek, fd, 0, SEEK_CUR);
}

static long read_by_rule(long number, long args[6], const struct fi_decision *decision, const struct fi_operation *op)
{
    int fd = (int)args[0];
    if (decision->action == FI_DO_SHORT && number == SYS_readv)
        return FI_OWN(number, fd, args[1], args[2], args[3]);
    if (decision->action == FI_DO_FLIP)
        return read_flipped(number, args, decision, op);
    fi_engine_record(fi_shim.control, decision, op);
    long error = fi_perform_common(decision);
    if (error)
        return error;
    if (decision->action == FI_DO_SHORT)
        args[2] = (long)decision->arg;
    return FI_OWN(number, fd, args[1], args[2], args[3]);
}

static long read_watched(long number, long args[6])
{
    int fd = (int)args[0];
    char path[FI_PATH_MAX];
    fi_shim_count(FI_OP_READ);
    if (!fi_engine_cares(fi_shim.control, FI_OP_READ) || !fi_resolve_fd(fd, path))
        return FI_OWN(number, fd, args[1], args[2], args[3]);
    struct fi_operation operation = fi_shim_operation(FI_OP_READ, path);
    const struct iovec *iov = (const struct iovec *)args[1];
    operation.bytes = number == SYS_readv ? (args[2] ? (int64_t)iov[0].iov_len : 0) : args[2];
    operation.offset = read_offset(number, fd, args[3]);
    struct fi_decision decision = fi_engine_decide(fi_shim.control, &operation);
    if (decision.rule < 0)
        return FI_OWN(number, fd, args[1], args[2], args[3]);
    return read_by_rule(number, args, &decision, &operation);
}

long fi_read(long number, long fd, long data, long size, long offset)
{
    long args[6] = {fd, data, size, offset};
    if (fi_shim.control && fi_fd_watched((int)fd)) {
        long result = read_watched(number, args);
        fi_record_read((int)fd, result);
        return result;
    }
    if (fi_shim.control && fi_engine_cares(fi_shim.control, FI_OP_RECV))
        return fi_net_read(number, args);
    return FI_OWN(number, fd, data, size, offset);
}
