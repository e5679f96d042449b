/* The expectation replies: what clients were refused with. */
#include <stdio.h>
#include <string.h>

#include "judge/expectations.h"
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

static struct la_opinion judge_replies(const struct la_run *run, const struct la_spec *spec)
{
    const struct replies *replies = (const struct replies *)spec;
    const struct la_ledger_head *head = run->ledger.head;
    unsigned long long count = 0;
    char what[128];
    for (int i = 0; head && i < LA_ERRORS_MAX; i++)
        if (strstr(head->errors[i].text, replies->error))
            count += head->errors[i].count;
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
};
