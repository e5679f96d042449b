/* What the load does next, and when: which key an operation goes to, and how many operations are due by now. */
#ifndef LASTACK_LOAD_PICK_H
#define LASTACK_LOAD_PICK_H

#include "ledger/ledger.h"

struct la_draw {
    uint64_t *upto; /* for each key of a session: the shares up to and with it */
    uint32_t keys;
};

/* Released with la_draw_free. */
void la_draw_make(struct la_draw *draw, const struct la_plan *plan);
void la_draw_free(struct la_draw *draw);

/* A key of the session, by the shares of the types and the distribution within each. */
uint32_t la_draw_key(const struct la_draw *draw, uint64_t *random);

/* One key of this type, the same for all of them; UINT32_MAX: there is none. */
uint32_t la_draw_key_of(const struct la_plan *plan, int type, uint64_t *random);

/* How many operations may have been sent `elapsed_ns` after the start; UINT64_MAX: as many as go, 0 while idle. */
uint64_t la_draw_due(const struct la_plan *plan, uint64_t elapsed_ns);

#endif
