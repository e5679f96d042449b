#include "filter.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "syscalls.h"

#define NUMBER_ROW(name, op, target, argument, length) SYS_##name,

/* seccomp compares 64 bits: "upper half is not the secret" is "below or above the secret's range". */
static int trap_unless_secret(scmp_filter_ctx context, long number, uint32_t secret)
{
    uint64_t low = (uint64_t)secret << 32;
    uint64_t high = low | UINT32_MAX;
    if (seccomp_rule_add(context, SCMP_ACT_TRAP, (int)number, 1, SCMP_CMP64(5, SCMP_CMP_LT, low)))
        return -1;
    return seccomp_rule_add(context, SCMP_ACT_TRAP, (int)number, 1, SCMP_CMP64(5, SCMP_CMP_GT, high)) ? -1 : 0;
}

static int export_filter(scmp_filter_ctx context, struct fi_control *control)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t size = -1;
    if (!seccomp_export_bpf(context, fd) && lseek(fd, 0, SEEK_SET) == 0)
        size = read(fd, control->filter, sizeof control->filter);
    /* a filter that fills the room exactly may have been cut off */
    int bad = size <= 0 || (size_t)size >= sizeof control->filter || (size_t)size % sizeof control->filter[0];
    close(fd);
    if (bad)
        return -1;
    control->filter_len = (uint32_t)((size_t)size / sizeof control->filter[0]);
    return 0;
}

int fi_filter_build(struct fi_control *control)
{
    static const long numbers[] = {FI_SYSCALLS(NUMBER_ROW)};
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
    if (!context)
        return -1;
    /* A call of another architecture is let through rather than the server killed. */
    int bad = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
    for (size_t i = 0; !bad && i < sizeof numbers / sizeof *numbers; i++)
        bad = trap_unless_secret(context, numbers[i], control->secret);
    if (!bad)
        bad = export_filter(context, control);
    seccomp_release(context);
    return bad ? -1 : 0;
}
