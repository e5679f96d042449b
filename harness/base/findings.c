#include "base/findings.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const names[LA_FINDING_KINDS] = {
    [LA_LOST] = "lost",
    [LA_HOLE] = "hole",
    [LA_TORN] = "torn transaction",
    [LA_PHANTOM] = "phantom",
    [LA_RESURRECTED] = "resurrected",
    [LA_CORRUPT] = "corrupt",
    [LA_WRONG_TTL] = "wrong ttl",
    [LA_DIVERGED] = "diverged",
    [LA_REFUSED] = "refuses to start",
    [LA_UNAVAILABLE] = "unavailable",
};

const char *la_finding_name(enum la_finding_kind kind)
{
    return kind < LA_FINDING_KINDS ? names[kind] : "?";
}

void la_findings_add(struct la_findings *findings, enum la_finding_kind kind, const char *evidence, const char *format,
                     ...)
{
    uint64_t index = findings->count[kind]++;
    if (index >= LA_FINDINGS_KEPT)
        return;
    struct la_finding *finding = &findings->kept[kind][index];
    va_list args;
    va_start(args, format);
    vsnprintf(finding->detail, sizeof finding->detail, format, args);
    va_end(args);
    snprintf(finding->evidence, sizeof finding->evidence, "%s", evidence ? evidence : "");
    snprintf(finding->node, sizeof finding->node, "%s", findings->node ? findings->node : "");
}

uint64_t la_findings_defects(const struct la_findings *findings)
{
    uint64_t total = 0;
    for (int kind = LA_LOST + 1; kind < LA_FINDING_KINDS; kind++)
        total += findings->count[kind];
    return total;
}
