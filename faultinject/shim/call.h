/* One system call on its way, and what it is about. */
#ifndef FAULTINJECT_SHIM_CALL_H
#define FAULTINJECT_SHIM_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/control_block.h"
#include "shared/syscalls.h"

/* `path` is relative to the data directory; NULL: not looked up. */
struct fi_call {
    const struct fi_syscall *row;
    long args[6];
    uint32_t op;
    const char *path;
};

/* The operation that it is: its row's, or a sync of a directory. */
uint32_t fi_call_op(const struct fi_syscall *row, const long args[6]);

/* Where the file of a call is, false when it is none of ours. Needs call->op. */
bool fi_call_locate(const struct fi_call *call, char path[FI_PATH_MAX]);

/* The bytes that a call asks for, -1 where it has no length; and where in the file, -1 when not known. */
int64_t fi_call_bytes(const struct fi_call *call);
int64_t fi_call_offset(const struct fi_call *call);

#endif
