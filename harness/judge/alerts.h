/*
 * Alert rules: a field of INFO (or of run/watch.h), a comparison, a value, and for how long it must be so. They are
 * what a monitor would be told; whether it would have seen a fault is judged with what was watched.
 */
#ifndef LASTACK_JUDGE_ALERTS_H
#define LASTACK_JUDGE_ALERTS_H

#include "base/util.h"

enum la_comparison { LA_EQUAL, LA_UNEQUAL, LA_BELOW, LA_ABOVE, LA_AT_MOST, LA_AT_LEAST };

struct la_alert {
    char *field;
    enum la_comparison comparison;
    char *value;
    char *hold; /* the key `for`, as it is written: a duration; NULL: at once */
    unsigned int hold_ms;
};

struct la_alerts {
    struct la_alert *items;
    unsigned int count;
    bool own; /* whoever runs it has given them: they are judged, and not only told of */
};

/* A YAML list. -1 with `error` filled: file, line, and what would be right. */
int la_alerts_read(const char *path, struct la_alerts *alerts, struct la_error *error);
void la_alerts_free(struct la_alerts *alerts);

/* As numbers where both are some, else as texts. */
bool la_alert_met(const struct la_alert *alert, const char *value);

/* False: it compares numbers, and the value is none. */
bool la_alert_fits(const struct la_alert *alert, const char *value);

/* "rdb_last_bgsave_status != ok for 30s"; to be freed. */
char *la_alert_words(const struct la_alert *alert);

#endif
