/* Opening a file: by a wrapper, or as a trapped system call. */
#ifndef FAULTINJECT_SHIM_OPEN_H
#define FAULTINJECT_SHIM_OPEN_H

/* Opens a file for the program: rules, disk budget, journal. Always as openat. */
long fi_open(int dirfd, const char *path, int flags, unsigned int mode);

#endif
