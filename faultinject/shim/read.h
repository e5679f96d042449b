/* Reading: nobody may trap it, so only what is read by name or through a stream of ours is seen. */
#ifndef FAULTINJECT_SHIM_READ_H
#define FAULTINJECT_SHIM_READ_H

/* Any read (read, pread64, readv), on a file or a socket. */
long fi_read(long number, long fd, long data, long size, long offset);

#endif
