#include "driver/rule.h"

#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/actions.h"

#define BIT(bit) (UINT32_C(1) << (bit))

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
    [FI_OP_LINK] = "link",
    [FI_OP_READ] = "read",
    [FI_OP_FORK] = "fork",
    [FI_OP_CONNECT] = "connect",
    [FI_OP_ACCEPT] = "accept",
    [FI_OP_SEND] = "send",
    [FI_OP_RECV] = "recv",
    [FI_OP_CLOCK] = "clock",
};

static const struct {
    const char *name;
    uint32_t ops;
} op_classes[] = {
    /* a class hides the single operation of the same name */
    {"fsync", FI_OPS_SYNC}, {"any-write", FI_OPS_SPACE}, {"namespace", FI_OPS_NAMES},
    {"any", FI_OPS_FILE},   {"network", FI_OPS_NET},
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
                        "rename, unlink, truncate, mkdir, link, read, fork, connect, accept, send, recv, clock, or "
                        "for several any-write, namespace, network, any",
                        (int)(size < 40 ? size : 40), word);
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
            return fail(p, value, "out of range: at most %llu", (unsigned long long)UINT64_MAX / 10);
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
        return fail(p, value, "out of range: at most %llu", (unsigned long long)(UINT64_MAX >> 1) >> shift);
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

/* One of the parts between slashes is exactly `part`. */
static bool has_part(const char *path, size_t length, const char *part)
{
    const char *end = path + length;
    while (path <= end) {
        const char *slash = memchr(path, '/', (size_t)(end - path));
        size_t size = (size_t)((slash ? slash : end) - path);
        if (same(path, size, part))
            return true;
        path += size + 1;
    }
    return false;
}

static int parse_path(struct parser *p, const char *value, size_t length)
{
    if (length == 0 || length >= FI_GLOB_MAX)
        return fail(p, value, "a path glob has 1 to %d characters", FI_GLOB_MAX - 1);
    if (value[0] == '/' || has_part(value, length, ".."))
        return fail(p, value, "a path is relative to the data directory, and stays below it");
    bool itself = length == 1 && value[0] == '.';
    if (!itself && (value[length - 1] == '/' || has_part(value, length, ".") || has_part(value, length, "")))
        return fail(p, value, "no path looks like that: it can never match");
    memcpy(p->rule->path, value, length);
    p->rule->path[length] = '\0';
    p->has_path = true;
    return 0;
}

/* FROM-TO, TO above FROM; with `open_end` it may be left out, and is 0 then. */
static int parse_range(struct parser *p, const char *value, size_t length, bool open_end, uint64_t *from, uint64_t *to)
{
    const char *dash = memchr(value, '-', length);
    if (!dash)
        return fail(p, value, "expected FROM-TO");
    size_t first = (size_t)(dash - value);
    if (parse_number(p, value, first, !open_end, from))
        return -1;
    if (open_end && first + 1 == length)
        return 0;
    if (parse_number(p, dash + 1, length - first - 1, !open_end, to))
        return -1;
    return *to > *from ? 0 : fail(p, value, "an empty range: it can never match");
}

static int parse_window(struct parser *p, const char *value, size_t length)
{
    struct fi_rule *rule = p->rule;
    if (parse_range(p, value, length, true, &rule->from_ns, &rule->until_ns))
        return -1;
    if (rule->from_ns > UINT32_MAX || rule->until_ns > UINT32_MAX)
        return fail(p, value, "number too large");
    rule->from_ns *= 1000000;
    rule->until_ns *= 1000000;
    return 0;
}

/* A decimal fraction, "0.25", as a count of FI_CHANCE_ONE. */
static int parse_chance(struct parser *p, const char *value, size_t length)
{
    char text[16];
    char *end;
    if (length >= sizeof text || !isdigit((unsigned char)value[0]))
        return fail(p, value, "expected a probability such as 0.01");
    memcpy(text, value, length);
    text[length] = '\0';
    double chance = strtod(text, &end) * FI_CHANCE_ONE;
    if (*end || chance < 1 || chance >= FI_CHANCE_ONE)
        return fail(p, value, "a probability is above 0 and below 1; leave p out for always");
    p->rule->chance = (uint32_t)chance;
    return 0;
}

static int parse_port(struct parser *p, const char *value, size_t length)
{
    uint64_t port = 0;
    if (parse_number(p, value, length, false, &port))
        return -1;
    if (port < 1 || port > 65535)
        return fail(p, value, "a port is 1 to 65535");
    p->rule->peer = (uint32_t)port;
    return 0;
}

/* xN, +MS, -MS, +Nppm, -Nppm */
static int parse_clock(struct parser *p, const char *value, size_t length)
{
    uint64_t number = 0;
    char sign = length ? *value : '\0';
    bool ppm = length > 4 && !memcmp(value + length - 3, "ppm", 3);
    if (sign != 'x' && sign != '+' && sign != '-')
        return fail(p, value, "expected xN, +MS, -MS, +Nppm or -Nppm");
    if (parse_number(p, value + 1, length - 1 - (ppm ? 3 : 0), false, &number))
        return -1;
    uint64_t most = sign == 'x' ? 100000 : ppm ? 999999 : UINT64_C(1) << 42;
    if (number < 1 || number > most)
        return fail(p, value + 1, "a number from 1 to %llu is expected", (unsigned long long)most);
    p->rule->clock_change = sign == 'x' || ppm ? FI_CLOCK_RATE : FI_CLOCK_JUMP;
    if (sign == 'x')
        p->rule->arg = number * FI_CLOCK_RATE_ONE;
    else if (ppm)
        p->rule->arg = sign == '+' ? FI_CLOCK_RATE_ONE + number : FI_CLOCK_RATE_ONE - number;
    else
        p->rule->arg = (uint64_t)(sign == '+' ? (int64_t)number : -(int64_t)number);
    return 0;
}

/* The number of an error by its name; 0: there is none of that name. */
static uint64_t errno_of(const char *name, size_t length)
{
    enum { LINUX_MAX = 4095 }; /* what a system call can return */
    for (int number = 1; number <= LINUX_MAX; number++) {
        const char *known = strerrorname_np(number);
        if (known && same(name, length, known))
            return (uint64_t)number;
    }
    return 0;
}

/* What kills or stops a process is others' business: do=kill, and what has an end. */
static int parse_signal(struct parser *p, const char *name, size_t length)
{
    const char *plain = length > 3 && !strncmp(name, "SIG", 3) ? name + 3 : name;
    length -= (size_t)(plain - name);
    for (int number = 1; number < NSIG; number++) {
        const char *known = sigabbrev_np(number);
        if (!known || !same(plain, length, known))
            continue;
        p->rule->arg = (uint64_t)number;
        bool stops = number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
        if (number == SIGKILL || stops)
            return fail(p, name, "for %s there is %s", known, stops ? "do=hang" : "do=kill");
        return 0;
    }
    return fail(p, name, "unknown signal '%.*s'; use a name like TERM, SEGV or ABRT", (int)length, plain);
}

static int parse_argument(struct parser *p, const char *value, size_t length, enum fi_argument kind)
{
    switch (kind) {
    case FI_ARG_ERRNO:
        p->rule->arg = errno_of(value, length);
        return p->rule->arg
                   ? 0
                   : fail(p, value, "unknown error '%.*s'; use a name like EIO, ENOSPC or ENOMEM", (int)length, value);
    case FI_ARG_GROUP:
        if (!same(value, length, "group"))
            return fail(p, value, "expected 'group'");
        p->rule->action = FI_DO_KILL_GROUP;
        return 0;
    case FI_ARG_SIGNAL: return parse_signal(p, value, length);
    case FI_ARG_CLOCK: return parse_clock(p, value, length);
    case FI_ARG_BIT:
    case FI_ARG_MS: return parse_number(p, value, length, false, &p->rule->arg);
    case FI_ARG_ROOM:
        p->rule->of_free = length >= 5 && !memcmp(value, "free:", 5);
        return parse_number(p, value + (p->rule->of_free ? 5 : 0), length - (p->rule->of_free ? 5 : 0), true,
                            &p->rule->arg);
    case FI_ARG_BYTES: return parse_number(p, value, length, true, &p->rule->arg);
    case FI_ARG_NONE: break;
    }
    return fail(p, value, "takes no argument");
}

static int unknown_action(struct parser *p, const char *value, size_t length)
{
    char known[256] = "";
    for (int i = 0; i < FI_DO_COUNT; i++) {
        size_t used = strlen(known);
        if (i != FI_DO_KILL_GROUP) /* the argument of kill */
            snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", fi_actions[i].name);
    }
    return fail(p, value, "unknown action '%.*s'; use one of: %s", (int)length, value, known);
}

static int parse_action(struct parser *p, const char *value, size_t length)
{
    const char *colon = memchr(value, ':', length);
    size_t size = colon ? (size_t)(colon - value) : length;
    for (int i = 0; i < FI_DO_COUNT; i++) {
        if (!same(value, size, fi_actions[i].name))
            continue;
        p->rule->action = (uint32_t)i;
        if (colon)
            return parse_argument(p, colon + 1, length - size - 1, fi_actions[i].argument);
        if (fi_actions[i].argument != FI_ARG_NONE && !fi_actions[i].optional)
            return fail(p, value, "'%s' needs an argument: %s:...", fi_actions[i].name, fi_actions[i].name);
        return 0;
    }
    return unknown_action(p, value, size);
}

enum key { OP, PATH, ROLE, PEER, OFFSET, NTH, EVERY, AFTER, CHANCE, DURING, WHEN, DO };
enum { KEYS = DO + 1 };

static int parse_value(struct parser *p, enum key key, const char *value, size_t length)
{
    struct fi_rule *rule = p->rule;
    switch (key) {
    case OP: return parse_ops(p, value, length);
    case PATH: return parse_path(p, value, length);
    case ROLE: return parse_role(p, value, length);
    case PEER: return parse_port(p, value, length);
    case OFFSET: return parse_range(p, value, length, false, &rule->offset_from, &rule->offset_to);
    case NTH: return parse_trigger(p, value, length, &rule->nth);
    case EVERY: return parse_trigger(p, value, length, &rule->every);
    case AFTER: return parse_trigger(p, value, length, &rule->after);
    case CHANCE: return parse_chance(p, value, length);
    case DURING: return parse_window(p, value, length);
    case WHEN:
        rule->done = same(value, length, "done");
        return rule->done ? 0 : fail(p, value, "expected 'done': when the operation has succeeded");
    case DO: return parse_action(p, value, length);
    }
    return -1;
}

static int parse_pair(struct parser *p, const char *pair, size_t length, uint32_t *keys)
{
    static const char *const names[KEYS] = {"op",    "path",  "role", "peer",   "offset", "nth",
                                            "every", "after", "p",    "during", "when",   "do"};
    const char *equals = memchr(pair, '=', length);
    if (!equals)
        return fail(p, pair, "expected key=value");
    size_t size = (size_t)(equals - pair);
    int key = 0;
    while (key < KEYS && !same(pair, size, names[key]))
        key++;
    if (key == KEYS)
        return fail(p, pair,
                    "unknown key '%.*s'; use op, path, role, peer, offset, nth, every, after, p, during, when or do",
                    (int)size, pair);
    if (*keys & BIT(key))
        return fail(p, pair, "'%s' is given twice", names[key]);
    *keys |= BIT(key);
    return parse_value(p, (enum key)key, equals + 1, length - size - 1);
}

/* A condition that no operation of the rule can meet. */
static int check_conditions(struct parser *p, uint32_t keys)
{
    const struct fi_rule *rule = p->rule;
    if (p->has_path && !(rule->ops & FI_OPS_WITH_PATH))
        return fail(p, p->text, "path is for operations on files: this rule can never match");
    if (rule->peer && (rule->ops & ~FI_OPS_NET))
        return fail(p, p->text, "peer is for connect, accept, send and recv only");
    if (rule->offset_to && (rule->ops & ~FI_OPS_WITH_OFFSET))
        return fail(p, p->text, "offset is for read and write only");
    if (rule->nth && (rule->every || rule->after || rule->chance))
        return fail(p, p->text, "nth goes without every, after and p: it already names one operation");
    if (rule->every && rule->chance)
        return fail(p, p->text, "every and p do not go together");
    bool conditions = keys & ~(BIT(OP) | BIT(DO));
    if (rule->ops == FI_BIT(FI_OP_CLOCK) && conditions)
        return fail(p, p->text, "a clock is changed for the whole server at once: no conditions");
    return 0;
}

static int check_done(struct parser *p)
{
    const struct fi_rule *rule = p->rule;
    if (rule->ops & ~(FI_OPS_FILE & ~FI_BIT(FI_OP_OPEN)))
        return fail(p, p->text, "when=done is for operations on files but open and read");
    if (!fi_actions[rule->action].afterwards)
        return fail(p, p->text, "when=done goes with kill, power-cut, signal, delay and hang: what is done stays done");
    return 0;
}

static int check_whole(struct parser *p, uint32_t keys)
{
    struct fi_rule *rule = p->rule;
    const char *end = p->text + strlen(p->text);
    if (!(keys & BIT(OP)))
        return fail(p, end, "op= is missing");
    if (!(keys & BIT(DO)))
        return fail(p, end, "do= is missing");
    if (rule->ops & ~fi_actions[rule->action].ops)
        return fail(p, p->text, "'%s' is for %s only", fi_actions[rule->action].name, fi_actions[rule->action].only);
    if (check_conditions(p, keys) || (rule->done && check_done(p)))
        return -1;
    if (rule->action == FI_DO_DELAY && !rule->arg)
        return fail(p, p->text, "a delay of 0 ms does nothing");
    if (rule->action == FI_DO_FILE_LIMIT && !rule->arg)
        return fail(p, p->text, "file-limit needs a limit of 1 byte or more");
    if (rule->action != FI_DO_DISK_FULL)
        return 0;
    if (keys & ~(BIT(OP) | BIT(DO)))
        return fail(p, p->text, "disk-full is a budget for the whole data directory: no path, role or trigger");
    return rule->arg || rule->of_free ? 0 : fail(p, p->text, "disk-full needs a budget of 1 byte or more");
}

/* Fires on every operation that it matches, whenever. */
static bool unconditional(const struct fi_rule *rule)
{
    return !rule->nth && rule->every <= 1 && !rule->after && !rule->chance && !rule->until_ns && !rule->from_ns &&
           !rule->offset_to && rule->action != FI_DO_DISK_FULL && rule->action != FI_DO_FILE_LIMIT;
}

/* Matches everything that `other` matches. */
static bool covers(const struct fi_rule *rule, const struct fi_rule *other)
{
    bool all_paths = !strcmp(rule->path, "**") || !strcmp(rule->path, other->path);
    bool all_roles = rule->role == FI_ROLE_ANY || rule->role == other->role;
    bool all_peers = !rule->peer || rule->peer == other->peer;
    return !(other->ops & ~rule->ops) && all_paths && all_roles && all_peers;
}

static bool same_moments(const struct fi_rule *a, const struct fi_rule *b)
{
    return a->nth == b->nth && a->every == b->every && a->after == b->after && a->chance == b->chance &&
           a->from_ns == b->from_ns && a->until_ns == b->until_ns && a->offset_from == b->offset_from &&
           a->offset_to == b->offset_to;
}

/* What such a rule does to a write or truncate is not what was asked for, and no budget counts it. */
static bool evades_budget(const struct fi_rule *rule)
{
    bool changes = rule->action == FI_DO_SHORT || rule->action == FI_DO_TORN || rule->action == FI_DO_LIE ||
                   rule->action == FI_DO_REVERT || rule->action == FI_DO_FILE_LIMIT;
    return changes && ((rule->ops & FI_OPS_SPACE) || rule->action == FI_DO_REVERT);
}

const char *fi_rule_conflict(const struct fi_rule *armed, const struct fi_rule *added)
{
    bool budgets = armed->action == FI_DO_DISK_FULL && added->action == FI_DO_DISK_FULL;
    if (budgets)
        return "a disk-full budget is armed already";
    if (armed->action == FI_DO_DISK_FULL || added->action == FI_DO_DISK_FULL)
        return evades_budget(armed) || evades_budget(added)
                   ? "a disk-full budget does not count what short, torn, lie, revert and file-limit do"
                   : NULL;
    if (armed->action == FI_DO_CLOCK || added->action == FI_DO_CLOCK)
        return NULL; /* changes of the clock add up */
    if ((armed->action == FI_DO_FILE_LIMIT) != (added->action == FI_DO_FILE_LIMIT))
        return NULL; /* a limit is for writes beyond it, the other rule for the rest */
    if (unconditional(armed) && covers(armed, added))
        return "it can never fire: the other one takes every operation that it matches";
    if (covers(armed, added) && covers(added, armed) && same_moments(armed, added))
        return "both would fire on the same operation";
    return NULL;
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
