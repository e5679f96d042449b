#include "cli/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "driver/control.h"

static int complain(const char *what)
{
    fprintf(stderr, "lastack: %s\n", what);
    return LA_EXIT_USAGE;
}

static void list(const struct fi_control *control)
{
    printf("%4s  %-8s %10s %10s  %s\n", "rule", "", "matched", "fired", "");
    for (uint32_t i = 0; i < fi_control_rules(control); i++) {
        const struct fi_rule *rule = &control->rules[i];
        printf("%4u  %-8s %10llu %10llu  %.*s\n", i, rule->armed ? "armed" : "disarmed", (unsigned long long)rule->seen,
               (unsigned long long)rule->fired, FI_TEXT_MAX - 1, rule->text);
    }
}

static int arm(struct fi_control *control, const char *text)
{
    struct fi_rule rule;
    struct fi_rule_error error;
    char why[256];
    if (fi_rule_parse(text, control->roles, control->role_count, &rule, &error)) {
        fprintf(stderr, "lastack: rule, column %d: %s, in '%s'\n", error.column, error.message, text);
        return LA_EXIT_USAGE;
    }
    if (rule.action == FI_DO_POWER_CUT && atomic_load(&control->cut_method) == FI_CUT_NONE)
        return complain("the power of this node cannot be cut: its scenario has no 'power_cut'");
    int index = fi_control_arm(control, &rule, 0, why, sizeof why);
    if (index < 0)
        return complain(why);
    printf("armed as rule %d\n", index);
    return 0;
}

static int disarm(struct fi_control *control, const char *which)
{
    char *end;
    unsigned long index = strtoul(which, &end, 10);
    uint32_t count = fi_control_rules(control);
    bool all = !strcmp(which, "all");
    if (!all && (*end || end == which || index >= count)) {
        fprintf(stderr, "lastack: '%s' is no rule of this node; `fault ls` shows them\n", which);
        return LA_EXIT_USAGE;
    }
    for (uint32_t i = 0; i < count; i++)
        if (all || i == index)
            fi_control_disarm(control, (int)i);
    return 0;
}

static int print_log(const struct fi_control *control, bool times)
{
    char line[1024];
    uint64_t lost;
    uint64_t count = fi_control_log_count(control, &lost);
    for (uint64_t i = 0; i < count; i++) {
        if (!control->log[i].ready)
            continue;
        fi_control_log_line(control, i, times, line, sizeof line);
        la_printable(line);
        puts(line);
    }
    if (lost)
        fprintf(stderr, "lastack: the log is full, %llu injections are not in it\n", (unsigned long long)lost);
    return 0;
}

int la_fault(const char *node, char *const *words, int count, int times)
{
    char path[LA_PATH_MAX];
    char why[512];
    if (!node)
        return complain("fault needs --node FOLDER, a node's folder in the report, such as REPORT/SCENARIO/primary");
    la_path(path, "%s/control", node);
    struct fi_control *control = fi_control_open(path, why, sizeof why);
    if (!control)
        return complain(why);
    int status = 0;
    if (count == 1 && !strcmp(words[0], "ls"))
        list(control);
    else if (count == 1 && !strcmp(words[0], "log"))
        status = print_log(control, times);
    else if (count == 2 && !strcmp(words[0], "arm"))
        status = arm(control, words[1]);
    else if (count == 2 && !strcmp(words[0], "disarm"))
        status = disarm(control, words[1]);
    else
        status = complain("fault ls | arm RULE | disarm NUMBER|all | log, with --node FOLDER");
    fi_control_close(control);
    return status;
}
