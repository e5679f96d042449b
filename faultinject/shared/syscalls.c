#include "shared/syscalls.h"

#include <stddef.h>

#include "shared/control_block.h"

#define TABLE_ROW(name, op, target, argument, length) {SYS_##name, #name, op, target, argument, length},

const struct fi_syscall *fi_syscall_find(long number)
{
    static const struct fi_syscall table[] = {FI_SYSCALLS(TABLE_ROW)};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].number == number)
            return &table[i];
    return NULL;
}
