/* What every wrapper is made with. */
#ifndef FAULTINJECT_SHIM_WRAP_H
#define FAULTINJECT_SHIM_WRAP_H

#include <errno.h>

#define FI_EXPORT __attribute__((visibility("default")))

/* A kernel's result as libc's, with errno. */
static inline long fi_result(long result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

#endif
