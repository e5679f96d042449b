/*
 * What a rule can do, one row each. A new action is an enumerator in control_block.h, a row here, a case where it is
 * carried out (shim/perform.c, and driver/notify.c from outside the server: the compiler asks for both), and a row in
 * docs/rules.md.
 */
#ifndef FAULTINJECT_SHARED_ACTIONS_H
#define FAULTINJECT_SHARED_ACTIONS_H

#include <stdbool.h>

#include "shared/control_block.h"

/* What stands behind the colon of do=NAME:... */
enum fi_argument {
    FI_ARG_NONE,
    FI_ARG_ERRNO,
    FI_ARG_BYTES,
    FI_ARG_ROOM, /* bytes in all, or free:BYTES that are left */
    FI_ARG_MS,
    FI_ARG_GROUP,
    FI_ARG_BIT,
    FI_ARG_CLOCK,
    FI_ARG_SIGNAL
};

struct fi_action_row {
    const char *name; /* that of the other one, where an argument tells them apart: kill:group */
    enum fi_argument argument;
    bool optional;    /* the argument */
    bool outside;     /* can be done from outside the server, too */
    bool harms;       /* the operation does not do what it was asked to, and a server may end of that */
    bool afterwards;  /* can be done when the operation is over */
    bool ends;        /* the process that hits the rule is gone afterwards */
    bool ends_all;    /* and with it all others of the node */
    uint32_t ops;     /* what it can be done to */
    const char *only; /* the same in words */
};

extern const struct fi_action_row fi_actions[FI_DO_COUNT];

#endif
