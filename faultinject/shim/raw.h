/*
 * System calls issued by the library itself. The secret in the upper half of the
 * sixth argument lets the filter tell them apart; the register is cleared in the
 * same assembly, or the next call that libc makes would pass as ours.
 */
#ifndef FAULTINJECT_SHIM_RAW_H
#define FAULTINJECT_SHIM_RAW_H

#include <stdint.h>

#ifndef __x86_64__
#error "libfaultinject knows the system-call convention of x86-64 only"
#endif

/* Returns what the kernel returns: a result, or a negative errno. Does not touch errno. */
static inline long fi_raw(uint32_t secret, long number, const long args[6])
{
    long result;
    register long r10 __asm__("r10") = args[3];
    register long r8 __asm__("r8") = args[4];
    register long r9 __asm__("r9") = (long)((uint64_t)secret << 32 | (uint32_t)args[5]);
    __asm__ volatile("syscall\n\txorl %%r9d, %%r9d"
                     : "=a"(result), "+r"(r9)
                     : "a"(number), "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory", "cc");
    return result;
}

#define FI_RAW(secret, number, ...) fi_raw(secret, number, (const long[6]){__VA_ARGS__})

#endif
