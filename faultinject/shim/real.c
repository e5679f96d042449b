#include "shim/real.h"

#include <dlfcn.h>

#define LOOK_UP(name)    *(void **)&fi_real_functions.name = dlsym(RTLD_NEXT, #name);
#define IS_FOREIGN(name) fi_real_functions.foreign.name = foreign(*(void **)&fi_real_functions.name);

struct fi_real fi_real_functions;
_Atomic int fi_real_known; /* two threads at once would find the same */

/* Not in the library that libc's own functions are in. */
static bool foreign(void *function)
{
    Dl_info libc = {0};
    Dl_info its = {0};
    void *known = dlsym(RTLD_NEXT, "gnu_get_libc_version");
    return function && known && dladdr(known, &libc) && dladdr(function, &its) && libc.dli_fbase != its.dli_fbase;
}

const struct fi_real *fi_real_look_up(void)
{
    FI_REAL_FILES(LOOK_UP)
    FI_REAL_OTHERS(LOOK_UP)
    /* dlsym gives the oldest of its two versions, which has another layout */
    *(void **)&fi_real_functions.pthread_cond_timedwait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    FI_REAL_FILES(IS_FOREIGN)
    atomic_store_explicit(&fi_real_known, 1, memory_order_release);
    return &fi_real_functions;
}
