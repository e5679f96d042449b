/* What a run wrote down of itself in its bundle, for whoever judges it again. */
#ifndef LASTACK_SUITE_PAST_H
#define LASTACK_SUITE_PAST_H

#include <jansson.h>

#include "run/run.h"

/* scenario.json, of any version. The texts are the json's. */
struct la_past {
    json_t *json; /* NULL: the run was not finished */
    const char *server;
    const char *verdict;
    const json_t *doubts;
    int crash_lives; /* a bundle from before this was written down is taken to be of the first crash */
    int given_data;
    int may_evict;
    int cut_unseen;
};

/* Released with json_decref of `json`. */
int la_past_read(struct la_past *recorded, const char *path, struct la_error *error);

/* What kept the run from judging keeps its judges from it too: the ledger and what was read are the run's. */
void la_past_doubts(struct la_run *run, const struct la_past *recorded);

#endif
