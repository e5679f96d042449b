/* Reads and writes that turned out not to be on files: perhaps on a socket that a rule looks at. */
#ifndef FAULTINJECT_SHIM_WRAP_NET_H
#define FAULTINJECT_SHIM_WRAP_NET_H

/* As system calls: a result or a negative errno. */
long fi_net_write(long number, const long args[6]);
long fi_net_read(long number, const long args[6]);

/* Any read (read, pread64, readv), on a file or a socket. */
long fi_shim_read(long number, long fd, long data, long size, long offset);

#endif
