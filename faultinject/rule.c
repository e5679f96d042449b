#include "rule.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(op) (UINT32_C(1) << (op))
#define NAMED(number)                                                                                                  \
    {                                                                                                                  \
#number, number                                                                                                \
    }

static const char *const op_names[FI_OP_COUNT] = {
    [FI_OP_WRITE] = "write",
    [FI_OP_FSYNC] = "fsync",
    [FI_OP_FDATASYNC] = "fdatasync",
    [FI_OP_FSYNC_DIR] = "fsync-dir",
    [FI_OP_SYNC_RANGE] = "sync-range",
    [FI_OP_OPEN] = "open",
    [FI_OP_RENAME] = "rename",
    [FI_OP_UNLINK] = "unlink",
    [FI_OP_TRUNCATE] = "truncate",
    [FI_OP_MKDIR] = "mkdir",
    [FI_OP_FORK] = "fork",
};

static const struct {
    const char *name;
    uint32_t ops;
} op_classes[] = {
    /* a class hides the single operation of the same name */
    {"fsync", BIT(FI_OP_FSYNC) | BIT(FI_OP_FDATASYNC) | BIT(FI_OP_FSYNC_DIR)},
    {"any-write", BIT(FI_OP_WRITE) | BIT(FI_OP_TRUNCATE)},
    {"namespace", BIT(FI_OP_OPEN) | BIT(FI_OP_RENAME) | BIT(FI_OP_UNLINK) | BIT(FI_OP_MKDIR)},
    {"any", BIT(FI_OP_COUNT) - 1 - BIT(FI_OP_FORK)},
};

/* The errors that the system calls in question can return; glibc has no name-to-number call. */
static const struct {
    const char *name;
    int number;
} errno_names[] = {
    NAMED(EIO),    NAMED(ENOSPC), NAMED(EDQUOT), NAMED(ENOMEM), NAMED(EAGAIN), NAMED(EACCES), NAMED(EPERM),
    NAMED(EROFS),  NAMED(EINTR),  NAMED(EBADF),  NAMED(EINVAL), NAMED(EFBIG),  NAMED(ENOENT), NAMED(EMFILE),
    NAMED(ENFILE), NAMED(EXDEV),  NAMED(EBUSY),  NAMED(EEXIST), NAMED(ESTALE), NAMED(ENODEV),
};

enum argument { ARG_NONE, ARG_ERRNO, ARG_BYTES, ARG_MS, ARG_GROUP };

static const struct {
    const char *name;
    enum fi_action action;
    enum argument argument;
    uint32_t ops; /* what it can be done to */
} actions[] = {
    {"error", FI_DO_ERROR, ARG_ERRNO, BIT(FI_OP_COUNT) - 1},
    {"short", FI_DO_SHORT, ARG_BYTES, BIT(FI_OP_WRITE)},
    {"torn", FI_DO_TORN, ARG_BYTES, BIT(FI_OP_WRITE)},
    {"kill", FI_DO_KILL, ARG_GROUP, BIT(FI_OP_COUNT) - 1},
    {"delay", FI_DO_DELAY, ARG_MS, BIT(FI_OP_COUNT) - 1},
    {"disk-full", FI_DO_DISK_FULL, ARG_BYTES, BIT(FI_OP_WRITE) | BIT(FI_OP_TRUNCATE)},
};

struct parser {
    const char *text;
    const struct fi_role *roles;
    uint32_t role_count;
    struct fi_rule *rule;
    struct fi_rule_error *error;
    bool has_path;
};

__attribute__((format(printf, 3, 4))) static int fail(struct parser *p, const char *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    p->error->column = (int)(at - p->text) + 1;
    vsnprintf(p->error->message, sizeof p->error->message, format, args);
    va_end(args);
    return -1;
}

static bool same(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(word, name, length) == 0;
}

const char *fi_op_name(uint32_t op)
{
    return op < FI_OP_COUNT ? op_names[op] : "?";
}

uint32_t fi_op_bits(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof op_classes / sizeof *op_classes; i++)
        if (same(name, length, op_classes[i].name))
            return op_classes[i].ops;
    for (uint32_t op = 0; op < FI_OP_COUNT; op++)
        if (same(name, length, op_names[op]))
            return BIT(op);
    return 0;
}

static int parse_ops(struct parser *p, const char *value, size_t length)
{
    const char *end = value + length;
    for (const char *word = value; word <= end;) {
        const char *comma = memchr(word, ',', (size_t)(end - word));
        size_t size = (size_t)((comma ? comma : end) - word);
        uint32_t bits = fi_op_bits(word, size);
        if (!bits)
            return fail(p, word,
                        "unknown operation '%.*s'; use write, fsync, fdatasync, fsync-dir, sync-range, open, "
                        "rename, unlink, truncate, mkdir, fork",
                        (int)size, word);
        p->rule->ops |= bits;
        word += size + 1;
    }
    return 0;
}

static int parse_number(struct parser *p, const char *value, size_t length, bool bytes, uint64_t *out)
{
    uint64_t number = 0;
    size_t i = 0;
    for (; i < length && isdigit((unsigned char)value[i]); i++) {
        if (number > UINT64_MAX / 10 - 1)
            return fail(p, value, "number too large");
        number = number * 10 + (uint64_t)(value[i] - '0');
    }
    if (i == 0)
        return fail(p, value, "expected a whole number");
    int shift = 0;
    if (bytes && i + 1 == length) {
        const char *suffix = memchr("kmg", tolower((unsigned char)value[i]), 3);
        shift = !suffix ? 0 : *suffix == 'k' ? 10 : *suffix == 'm' ? 20 : 30;
    }
    if (i + (shift ? 1 : 0) != length)
        return fail(p, value + i, "expected a whole number%s", bytes ? ", with k, m or g at most" : "");
    if (number > (UINT64_MAX >> 1) >> shift)
        return fail(p, value, "number too large");
    *out = number << shift;
    return 0;
}

static int parse_trigger(struct parser *p, const char *value, size_t length, uint64_t *out)
{
    if (parse_number(p, value, length, false, out))
        return -1;
    return *out ? 0 : fail(p, value, "must be 1 or more");
}

static int parse_role(struct parser *p, const char *value, size_t length)
{
    if (same(value, length, "any")) {
        p->rule->role = FI_ROLE_ANY;
        return 0;
    }
    char known[128] = "any";
    for (uint32_t i = 0; i < p->role_count; i++) {
        if (same(value, length, p->roles[i].name)) {
            p->rule->role = i;
            return 0;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, ", %s", p->roles[i].name);
    }
    return fail(p, value, "unknown role '%.*s'; use %s", (int)length, value, known);
}

static int parse_path(struct parser *p, const char *value, size_t length)
{
    if (length == 0 || length >= FI_GLOB_MAX)
        return fail(p, value, "a path glob has 1 to %d characters", FI_GLOB_MAX - 1);
    if (value[0] == '/' || (length >= 2 && value[0] == '.' && value[1] == '.'))
        return fail(p, value, "a path is relative to the data directory");
    memcpy(p->rule->path, value, length);
    p->rule->path[length] = '\0';
    p->has_path = true;
    return 0;
}

static int parse_argument(struct parser *p, const char *value, size_t length, enum argument kind)
{
    switch (kind) {
    case ARG_ERRNO:
        for (size_t i = 0; i < sizeof errno_names / sizeof *errno_names; i++)
            if (same(value, length, errno_names[i].name)) {
                p->rule->arg = (uint64_t)errno_names[i].number;
                return 0;
            }
        return fail(p, value, "unknown error '%.*s'; use a name like EIO, ENOSPC or ENOMEM", (int)length, value);
    case ARG_GROUP:
        if (!same(value, length, "group"))
            return fail(p, value, "expected 'group'");
        p->rule->action = FI_DO_KILL_GROUP;
        return 0;
    case ARG_MS: return parse_number(p, value, length, false, &p->rule->arg);
    case ARG_BYTES: return parse_number(p, value, length, true, &p->rule->arg);
    case ARG_NONE: break;
    }
    return fail(p, value, "takes no argument");
}

static int parse_action(struct parser *p, const char *value, size_t length)
{
    const char *colon = memchr(value, ':', length);
    size_t size = colon ? (size_t)(colon - value) : length;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!same(value, size, actions[i].name))
            continue;
        p->rule->action = actions[i].action;
        if (colon)
            return parse_argument(p, colon + 1, length - size - 1, actions[i].argument);
        if (actions[i].argument != ARG_NONE && actions[i].argument != ARG_GROUP)
            return fail(p, value, "'%s' needs an argument: %s:...", actions[i].name, actions[i].name);
        return 0;
    }
    return fail(p, value, "unknown action '%.*s'; use error, short, torn, kill, delay or disk-full", (int)size, value);
}

static int parse_pair(struct parser *p, const char *pair, size_t length, uint32_t *keys)
{
    static const char *const names[] = {"op", "path", "role", "nth", "every", "after", "do"};
    const char *equals = memchr(pair, '=', length);
    if (!equals)
        return fail(p, pair, "expected key=value");
    size_t size = (size_t)(equals - pair);
    size_t key = 0;
    while (key < sizeof names / sizeof *names && !same(pair, size, names[key]))
        key++;
    if (key == sizeof names / sizeof *names)
        return fail(p, pair, "unknown key '%.*s'; use op, path, role, nth, every, after or do", (int)size, pair);
    if (*keys & BIT(key))
        return fail(p, pair, "'%s' is given twice", names[key]);
    *keys |= BIT(key);
    const char *value = equals + 1;
    size_t rest = length - size - 1;
    switch (key) {
    case 0: return parse_ops(p, value, rest);
    case 1: return parse_path(p, value, rest);
    case 2: return parse_role(p, value, rest);
    case 3: return parse_trigger(p, value, rest, &p->rule->nth);
    case 4: return parse_trigger(p, value, rest, &p->rule->every);
    case 5: return parse_trigger(p, value, rest, &p->rule->after);
    default: return parse_action(p, value, rest);
    }
}

static int check_whole(struct parser *p, uint32_t keys)
{
    struct fi_rule *rule = p->rule;
    const char *end = p->text + strlen(p->text);
    if (!(keys & BIT(0)))
        return fail(p, end, "op= is missing");
    if (!(keys & BIT(6)))
        return fail(p, end, "do= is missing");
    if (rule->nth && (rule->every || rule->after))
        return fail(p, p->text, "nth goes without every and after: it already names one operation");
    if (p->has_path && rule->ops == BIT(FI_OP_FORK))
        return fail(p, p->text, "fork has no path");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (actions[i].action == rule->action && (rule->ops & ~actions[i].ops))
            return fail(p, p->text, "'%s' is for %s only", actions[i].name,
                        rule->action == FI_DO_DISK_FULL ? "write and any-write" : "op=write");
    if (rule->action == FI_DO_DELAY && !rule->arg)
        return fail(p, p->text, "a delay of 0 ms does nothing");
    if (rule->action != FI_DO_DISK_FULL)
        return 0;
    if (p->has_path || rule->nth || rule->every || rule->after || rule->role != FI_ROLE_ANY)
        return fail(p, p->text, "disk-full is a budget for the whole data directory: no path, role or trigger");
    return rule->arg ? 0 : fail(p, p->text, "disk-full needs a budget of 1 byte or more");
}

int fi_rule_parse(const char *text, const struct fi_role *roles, uint32_t role_count, struct fi_rule *rule,
                  struct fi_rule_error *error)
{
    struct parser p = {text, roles, role_count, rule, error, false};
    uint32_t keys = 0;
    memset(rule, 0, sizeof *rule);
    rule->role = FI_ROLE_ANY;
    memcpy(rule->path, "**", sizeof "**");
    if (strlen(text) >= sizeof rule->text)
        return fail(&p, text + sizeof rule->text - 1, "a rule has at most %d characters", FI_TEXT_MAX - 1);
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, " \t");
        if (length && parse_pair(&p, at, length, &keys))
            return -1;
        at += length + strspn(at + length, " \t");
    }
    if (check_whole(&p, keys))
        return -1;
    memcpy(rule->text, text, strlen(text) + 1);
    return 0;
}
