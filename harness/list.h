/* lastack list. */
#ifndef LASTACK_LIST_H
#define LASTACK_LIST_H

#include "parts.h"

/* Prints the default scenarios, or the claims with the scenarios that check them. */
int la_list(const struct la_parts *parts, bool claims, bool json, struct la_error *error);

#endif
