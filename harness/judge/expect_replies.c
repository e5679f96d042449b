/* The expectation replies: what clients were refused with. */
#include <stdio.h>
#include <string.h>

#include "judge/expectations.h"
#include "judge/measured.h"
#include "judge/opinion.h"
#include "run/run.h"

struct replies {
    char *node;  /* none: the one that the load talks to */
    char *error; /* text that error replies to clients contain */
    unsigned int *min;
    unsigned int *max;
};

static int check_replies(const struct la_check *check, const struct la_spec *spec)
{
    const struct replies *replies = (const struct replies *)spec;
    return la_check_bounds(check, "replies", replies->min, replies->max);
}

static unsigned long long count_replies(const struct la_ledger_head *head, const char *error)
{
    unsigned long long count = 0;
    for (int i = 0; head && i < LA_ERRORS_MAX; i++)
        if (strstr(head->errors[i].text, error))
            count += head->errors[i].count;
    return count;
}

static void measure_replies(const struct la_run *run, const struct la_spec *spec, struct la_measured *measured)
{
    const struct replies *replies = (const struct replies *)spec;
    la_measured_once(measured, (double)count_replies(run->ledger.head, replies->error), "", "replies with '%.80s'",
                     replies->error);
    la_measured_bound(measured, replies->min, replies->max, "");
}

static struct la_opinion judge_replies(const struct la_run *run, const struct la_spec *spec)
{
    const struct replies *replies = (const struct replies *)spec;
    const struct la_ledger_head *head = run->ledger.head;
    unsigned long long count = count_replies(head, replies->error);
    char what[128];
    snprintf(what, sizeof what, "replies with '%.80s'", replies->error);
    if (replies->max && count > *replies->max)
        return la_opinion_within(what, count, NULL, replies->max);
    /* some of those that were not told apart may be of them: too many, or enough */
    bool clear = !replies->max && (!replies->min || count >= *replies->min);
    if (head && head->errors[LA_ERRORS_MAX - 1].count && !clear)
        return la_opinion_unknown("there were more different error replies than can be told apart");
    return la_opinion_within(what, count, replies->min, replies->max);
}

static const cyaml_schema_field_t replies_fields[] = {LA_TEXT("error", LA_REQUIRED, struct replies, error),
                                                      LA_BOUND("min", struct replies, min),
                                                      LA_BOUND("max", struct replies, max), LA_END};

const struct la_expect_kind la_expect_replies = {
    .form = {"replies", replies_fields, sizeof(struct replies)},
    .check = check_replies,
    .judge = judge_replies,
    .measure = measure_replies,
};
