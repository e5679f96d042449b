/* Another preloaded library, for the tests: a rename that does nothing, and an fsync that is none. */
#include <stdio.h>
#include <unistd.h>

int rename(const char *from, const char *to)
{
    return from && to ? 0 : -1;
}

int fsync(int fd)
{
    return fd < 0 ? -1 : 0;
}
