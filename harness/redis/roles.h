/* How the processes of a Redis-compatible server are told apart: by the first file that a forked child creates. */
#ifndef LASTACK_REDIS_ROLES_H
#define LASTACK_REDIS_ROLES_H

#include "shared/control_block.h"

enum { LA_ROLE_COUNT = 2 };

/* The roles beyond server and child, as fi_control_create takes them. */
extern const struct fi_role la_roles[LA_ROLE_COUNT];

/* The same behind the two fixed ones, as fi_rule_parse takes them. */
extern const struct fi_role la_all_roles[LA_ROLE_COUNT + 2];

#endif
