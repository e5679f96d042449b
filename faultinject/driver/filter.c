#include "driver/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/syscalls.h"

#define NUMBER_ROW(name, op, target, argument, length) SYS_##name,

/* A condition on one argument, beside the absence of the secret. */
typedef struct scmp_arg_cmp condition;

static int trap_when(scmp_filter_ctx context, long number, uint32_t secret, const condition *more, unsigned int count)
{
    /* seccomp compares 64 bits: "upper half is not the secret" is "below or above the secret's range" */
    uint64_t low = (uint64_t)secret << 32;
    condition all[4] = {SCMP_CMP64(5, SCMP_CMP_LT, low)};
    for (unsigned int i = 0; i < count; i++)
        all[i + 1] = more[i];
    if (seccomp_rule_add_array(context, SCMP_ACT_TRAP, (int)number, count + 1, all))
        return -1;
    all[0] = SCMP_CMP64(5, SCMP_CMP_GT, low | UINT32_MAX);
    return seccomp_rule_add_array(context, SCMP_ACT_TRAP, (int)number, count + 1, all) ? -1 : 0;
}

/* Opens that can change something. ld.so of an exec'd program, which has no handler yet, only reads. */
static int trap_opens(scmp_filter_ctx context, uint32_t secret)
{
    static const struct {
        int number;
        unsigned int flags_at;
    } opens[] = {{SYS_open, 1}, {SYS_openat, 2}};
    static const uint64_t bits[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
    for (size_t i = 0; i < sizeof opens / sizeof *opens; i++)
        for (size_t j = 0; j < sizeof bits / sizeof *bits; j++) {
            condition set = SCMP_CMP64(opens[i].flags_at, SCMP_CMP_MASKED_EQ, bits[j], bits[j]);
            if (trap_when(context, opens[i].number, secret, &set, 1))
                return -1;
        }
    return 0;
}

/* What the library only takes note of: it could change a file without another system call. */
static int trap_blind_spots(scmp_filter_ctx context, uint32_t secret)
{
    static const int whole[] = {SYS_io_uring_setup, SYS_openat2, SYS_open_by_handle_at, SYS_creat};
    static const uint64_t clones[] = {FICLONE, FICLONERANGE, FIDEDUPERANGE};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (trap_when(context, whole[i], secret, NULL, 0))
            return -1;
    for (size_t i = 0; i < sizeof clones / sizeof *clones; i++) {
        condition command = SCMP_CMP64(1, SCMP_CMP_MASKED_EQ, UINT32_MAX, clones[i]);
        if (trap_when(context, SYS_ioctl, secret, &command, 1))
            return -1;
    }
    /* mmap uses all bits of its sixth argument, so it cannot carry the secret: the library maps in two steps */
    condition mapping[] = {SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, PROT_WRITE, PROT_WRITE),
                           SCMP_CMP64(3, SCMP_CMP_MASKED_EQ, MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED)};
    return seccomp_rule_add_array(context, SCMP_ACT_TRAP, SYS_mmap, 2, mapping) ? -1 : 0;
}

/*
 * The way of nearly every system call that the filter sees: the library's own write, let through before anything else
 * is looked at. It tests the number first, so that the kernel can tell which numbers always pass and skip the filter.
 */
static uint32_t begin_with_own_writes(struct fi_control *control)
{
    const uint32_t upper_half = offsetof(struct seccomp_data, args[5]) + sizeof(uint32_t);
    const struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, upper_half),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, control->head.secret, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    memcpy(control->filter, program, sizeof program);
    return sizeof program / sizeof *program;
}

int fi_filter_export(scmp_filter_ctx context, uint32_t first, struct fi_control *control)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t room = sizeof control->filter - first * sizeof control->filter[0];
    ssize_t size = -1;
    if (!seccomp_export_bpf(context, fd) && lseek(fd, 0, SEEK_SET) == 0)
        size = read(fd, control->filter + first, room);
    /* a filter that fills the room exactly may have been cut off */
    int bad = size <= 0 || (size_t)size >= room || (size_t)size % sizeof control->filter[0];
    close(fd);
    if (bad)
        return -1;
    control->filter_len = first + (uint32_t)((size_t)size / sizeof control->filter[0]);
    return 0;
}

int fi_filter_build(struct fi_control *control)
{
    static const long numbers[] = {FI_SYSCALLS(NUMBER_ROW)};
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
    if (!context)
        return -1;
    seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: what is let through passes few comparisons */
    /* A call of another architecture is let through rather than the server killed. */
    int bad = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
    for (size_t i = 0; !bad && i < sizeof numbers / sizeof *numbers; i++)
        bad = trap_when(context, numbers[i], control->head.secret, NULL, 0);
    bad = bad || trap_opens(context, control->head.secret) || trap_blind_spots(context, control->head.secret);
    if (!bad)
        bad = fi_filter_export(context, begin_with_own_writes(control), control);
    seccomp_release(context);
    return bad ? -1 : 0;
}
