#include "driver/notify_filter.h"

#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "driver/filter.h"
#include "shared/actions.h"
#include "shared/syscalls.h"

#define NUMBER_ROW(name, op, target, argument, length) {SYS_##name, op},

static bool unconditional(const struct fi_rule *rule)
{
    bool triggered = rule->nth || rule->every || rule->after || rule->chance || rule->from_ns || rule->until_ns;
    return !triggered && !rule->offset_to && rule->role == FI_ROLE_ANY && !strcmp(rule->path, "**");
}

const char *fi_notify_lacks(const struct fi_rule *rule)
{
    const uint32_t seen = (FI_OPS_FILE & ~FI_BIT(FI_OP_WRITE)) | FI_BIT(FI_OP_FORK);
    if (rule->action == FI_DO_FILE_LIMIT)
        return unconditional(rule) ? NULL : "from outside the server a file-limit is for all files at all times";
    if (rule->ops & ~seen)
        return "from outside the server only open, fsync, rename, unlink, truncate, mkdir, link and fork are seen";
    if (rule->done && (rule->ops != FI_BIT(FI_OP_RENAME) || !fi_actions[rule->action].ends))
        return "from outside the server when=done is for kill and power-cut at op=rename";
    if (fi_actions[rule->action].outside)
        return NULL;
    return "from outside the server only error, delay, hang, lie, kill, signal, power-cut (real) and file-limit can be "
           "done";
}

int fi_notify_filter(struct fi_control *control)
{
    static const struct {
        long number;
        int op;
    } rows[] = {FI_SYSCALLS(NUMBER_ROW)};
    static const long more[] = {SYS_open, SYS_openat, SYS_openat2, SYS_creat, SYS_fork, SYS_vfork, SYS_clone3};
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
    int bad = !context || seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
    for (size_t i = 0; !bad && i < sizeof rows / sizeof *rows; i++)
        if (rows[i].op != FI_OP_WRITE)
            bad = seccomp_rule_add(context, SCMP_ACT_NOTIFY, (int)rows[i].number, 0);
    for (size_t i = 0; !bad && i < sizeof more / sizeof *more; i++)
        bad = seccomp_rule_add(context, SCMP_ACT_NOTIFY, (int)more[i], 0);
    bad = bad ||
          seccomp_rule_add(context, SCMP_ACT_NOTIFY, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    bad = bad || fi_filter_export(context, 0, control);
    seccomp_release(context);
    return bad ? -1 : 0;
}
