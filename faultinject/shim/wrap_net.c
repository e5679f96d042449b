/* Sockets by name. Reads and writes of them: wrap_file.c. */
#include <stdbool.h>
#include <sys/socket.h>

#include "shim/net.h"
#include "shim/real.h"
#include "shim/state.h"
#include "shim/wrap.h"

/* As far as nobody asks, a thread that waits can be cancelled. */
static bool asked_for_recv(void)
{
    return fi_shim.control && fi_engine_cares(fi_shim.control, FI_OP_RECV);
}

/* sendto and recvfrom use all six arguments, the last below 2^32: our marking does no harm there. */
static ssize_t by_name(uint32_t op, long number, const long args[6], int bytes)
{
    if (!fi_shim.control)
        return fi_result(fi_raw(0, number, args));
    return fi_result(fi_net_transfer(op, number, args, bytes));
}

FI_EXPORT ssize_t send(int fd, const void *data, size_t size, int flags)
{
    return by_name(FI_OP_SEND, SYS_sendto, (const long[6]){fd, (long)data, (long)size, flags}, 2);
}

FI_EXPORT ssize_t recv(int fd, void *data, size_t size, int flags)
{
    if (!asked_for_recv())
        return fi_real()->recv(fd, data, size, flags);
    return by_name(FI_OP_RECV, SYS_recvfrom, (const long[6]){fd, (long)data, (long)size, flags}, 2);
}

ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags);

FI_EXPORT ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags)
{
    if (size > room)
        __builtin_trap();
    return by_name(FI_OP_RECV, SYS_recvfrom, (const long[6]){fd, (long)data, (long)size, flags}, 2);
}

FI_EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return by_name(FI_OP_SEND, SYS_sendmsg, (const long[6]){fd, (long)message, flags}, -1);
}

FI_EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    if (!asked_for_recv())
        return fi_real()->recvmsg(fd, message, flags);
    return by_name(FI_OP_RECV, SYS_recvmsg, (const long[6]){fd, (long)message, flags}, -1);
}

FI_EXPORT int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    long error = fi_shim.control ? fi_net_connect(fd, address, size) : 0;
    return error ? (int)fi_result(error) : fi_real()->connect(fd, address, size);
}

static int accept_call(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    long error = fi_shim.control ? fi_net_accept(fd) : 0;
    if (error)
        return (int)fi_result(error);
    int accepted = fi_real()->accept4(fd, address, size, flags);
    fi_fd_set(accepted, FI_FD_IGNORED);
    return accepted;
}

FI_EXPORT int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict size)
{
    return accept_call(fd, address, size, 0);
}

FI_EXPORT int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags)
{
    return accept_call(fd, address, size, flags);
}
