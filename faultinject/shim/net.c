#include "shim/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "shim/perform.h"
#include "shim/state.h"

static uint32_t port_of(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)address)->sin_port);
    if (address->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    return 0;
}

/* The port at one end of a socket, by getpeername or getsockname; 0: not TCP or not connected. */
static uint32_t port_at(long which, int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    return FI_OWN(which, fd, (long)&address, (long)&size) ? 0 : port_of(&address);
}

/* Closing it then resets it, so that the other end learns of it too. */
static void reset_on_close(int fd)
{
    struct linger linger = {1, 0};
    FI_OWN(SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, (long)&linger, sizeof linger);
}

/* What became of an operation on a socket. */
enum fate { GOES_ON, ENDS };

static enum fate decide(uint32_t op, int fd, uint32_t peer, long *bytes, long *result)
{
    struct fi_operation operation = fi_shim_operation(op, NULL);
    operation.peer = peer;
    operation.bytes = bytes ? *bytes : -1;
    fi_shim_count(op);
    struct fi_decision decision = fi_engine_decide(fi_shim.control, &operation);
    if (decision.rule < 0)
        return GOES_ON;
    bool hang = decision.action == FI_DO_HANG;
    struct fi_rule *rule = &fi_shim.control->rules[decision.rule];
    if (hang && atomic_load(&rule->fired)) { /* the same standstill, asked about again */
        atomic_store(&rule->last_ns, operation.time_ns);
        atomic_fetch_add(&rule->fired, 1);
    } else
        fi_engine_record(fi_shim.control, &decision, &operation);
    if (hang && (op == FI_OP_CONNECT || (FI_OWN(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK))) {
        *result = op == FI_OP_CONNECT ? -ETIMEDOUT : -EAGAIN;
        return ENDS;
    }
    *result = fi_perform_common(&decision);
    if (*result == -ECONNRESET && op != FI_OP_ACCEPT) /* an accept is about the socket that listens */
        reset_on_close(fd);
    if (decision.action == FI_DO_LIE) {
        *result = bytes ? *bytes : 0;
        return ENDS;
    }
    if (decision.action == FI_DO_SHORT && bytes)
        *bytes = (long)decision.arg;
    return *result ? ENDS : GOES_ON;
}

long fi_net_transfer(uint32_t op, long number, const long args[6], int bytes)
{
    long copy[6] = {args[0], args[1], args[2], args[3], args[4], args[5]};
    long result = 0;
    uint32_t peer = fi_engine_cares(fi_shim.control, op) ? port_at(SYS_getpeername, (int)args[0]) : 0;
    if (peer && decide(op, (int)args[0], peer, bytes < 0 ? NULL : &copy[bytes], &result) == ENDS)
        return result;
    return fi_raw(fi_shim.control->head.secret, number, copy);
}

/* The length of a gathered write, for the one case that needs it: a lie. */
static long gathered_write(const long args[6])
{
    const struct iovec *iov = (const struct iovec *)args[1];
    long total = 0;
    long result = 0;
    for (long i = 0; i < args[2]; i++)
        total += (long)iov[i].iov_len;
    long asked = total;
    uint32_t peer = port_at(SYS_getpeername, (int)args[0]);
    if (peer && decide(FI_OP_SEND, (int)args[0], peer, &asked, &result) == ENDS)
        return result;
    if (asked < total && args[2] > 0)
        return FI_OWN(SYS_write, args[0], (long)iov[0].iov_base,
                      asked < (long)iov[0].iov_len ? asked : (long)iov[0].iov_len);
    return fi_raw(fi_shim.control->head.secret, SYS_writev, args);
}

long fi_net_write(long number, const long args[6])
{
    return number == SYS_writev ? gathered_write(args) : fi_net_transfer(FI_OP_SEND, number, args, 2);
}

long fi_net_read(long number, const long args[6])
{
    return fi_net_transfer(FI_OP_RECV, number, args, number == SYS_readv ? -1 : 2);
}

long fi_net_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    long result = 0;
    bool tcp = address && size >= sizeof(struct sockaddr_in);
    uint32_t peer = tcp ? port_of((const struct sockaddr_storage *)address) : 0;
    if (peer && fi_engine_cares(fi_shim.control, FI_OP_CONNECT))
        decide(FI_OP_CONNECT, fd, peer, NULL, &result);
    return result;
}

long fi_net_accept(int fd)
{
    long result = 0;
    uint32_t port = fi_engine_cares(fi_shim.control, FI_OP_ACCEPT) ? port_at(SYS_getsockname, fd) : 0;
    if (port)
        decide(FI_OP_ACCEPT, fd, port, NULL, &result);
    return result;
}
