/*
 * TCP by the port of the other end. A partition is `hang` on send and recv: nothing
 * comes and nothing goes, the connection stays, and all of it arrives once the rule
 * is disarmed.
 */
#ifndef FAULTINJECT_SHIM_NET_H
#define FAULTINJECT_SHIM_NET_H

#include <stdint.h>
#include <sys/socket.h>

/* Performs a send or recv; `bytes`: where its length stands among the arguments, -1: nowhere. */
long fi_net_transfer(uint32_t op, long number, const long args[6], int bytes);

/* A read or write that turned out not to be on a file: perhaps on a socket that a rule looks at. */
long fi_net_write(long number, const long args[6]);
long fi_net_read(long number, const long args[6]);

/* What rules say of a connect, and of an accept on the listening socket `fd`: 0 to go on, or a negative errno. */
long fi_net_connect(int fd, const struct sockaddr *address, socklen_t size);
long fi_net_accept(int fd);

#endif
