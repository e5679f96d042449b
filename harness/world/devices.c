#include "world/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    VERDICT = BPF_REG_0, /* 1: it is allowed */
    CONTEXT = BPF_REG_1,
    TYPE = BPF_REG_2,
    MAJOR = BPF_REG_3,
    MINOR = BPF_REG_4,
    FROM_PTS = BPF_REG_5,
    TYPE_BITS = 0xffff,
    MEMORY = 1, /* majors: null, zero, full, random, urandom are its minors 3 to 9 but for 4, the machine's ports */
    TERMINALS = 5,
    PTS_FIRST = 136,
    PTS_MAJORS = 8,
};

#define FIELD(field) ((short)offsetof(struct bpf_cgroup_dev_ctx, field))
#define LOAD(to, at)                                                                                                   \
    {                                                                                                                  \
        .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = (to), .src_reg = CONTEXT, .off = (at)                            \
    }
#define COUNT(operation, to, value)                                                                                    \
    {                                                                                                                  \
        .code = BPF_ALU64 | (operation) | BPF_K, .dst_reg = (to), .imm = (value)                                       \
    }
#define JUMP(condition, of, value, over)                                                                               \
    {                                                                                                                  \
        .code = BPF_JMP | (condition) | BPF_K, .dst_reg = (of), .off = (over), .imm = (value)                          \
    }

/* The kernel runs it at each open and mknod of a device. */
static const struct bpf_insn program[] = {
    LOAD(TYPE, FIELD(access_type)),      LOAD(MAJOR, FIELD(major)),
    LOAD(MINOR, FIELD(minor)),           COUNT(BPF_AND, TYPE, TYPE_BITS),
    COUNT(BPF_MOV, VERDICT, 0),          JUMP(BPF_JNE, TYPE, BPF_DEVCG_DEV_CHAR, 9),
    JUMP(BPF_JEQ, MAJOR, TERMINALS, 7),  {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = FROM_PTS, .src_reg = MAJOR},
    COUNT(BPF_SUB, FROM_PTS, PTS_FIRST), JUMP(BPF_JLT, FROM_PTS, PTS_MAJORS, 4),
    JUMP(BPF_JNE, MAJOR, MEMORY, 4),     JUMP(BPF_JLT, MINOR, 3, 3),
    JUMP(BPF_JEQ, MINOR, 4, 2),          JUMP(BPF_JGT, MINOR, 9, 1),
    COUNT(BPF_MOV, VERDICT, 1),          {.code = BPF_JMP | BPF_EXIT},
};

static int bpf(int command, union bpf_attr *attributes)
{
    return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

int la_world_deny_devices(const struct la_cgroup *group, struct la_error *error)
{
    union bpf_attr load;
    union bpf_attr attach;
    memset(&load, 0, sizeof load);
    load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    load.insns = (uint64_t)(uintptr_t)program;
    load.insn_cnt = sizeof program / sizeof *program;
    load.license = (uint64_t)(uintptr_t) "";
    int loaded = bpf(BPF_PROG_LOAD, &load);
    int folder = open(group->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    memset(&attach, 0, sizeof attach);
    attach.target_fd = (uint32_t)folder;
    attach.attach_bpf_fd = (uint32_t)loaded;
    attach.attach_type = BPF_CGROUP_DEVICE;
    attach.attach_flags = BPF_F_ALLOW_MULTI; /* systemd adds its own, and each must allow */
    bool denied = loaded >= 0 && folder >= 0 && bpf(BPF_PROG_ATTACH, &attach) == 0;
    int failed = denied ? 0 : la_fail(error, "the host's devices cannot be kept out of reach: %s", strerror(errno));
    if (loaded >= 0)
        close(loaded);
    if (folder >= 0)
        close(folder);
    return failed;
}
