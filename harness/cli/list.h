/* lastack list. */
#ifndef LASTACK_CLI_LIST_H
#define LASTACK_CLI_LIST_H

#include "base/install.h"

/* Prints the default scenarios, or the claims with the scenarios that check them. */
int la_list(const struct la_parts *parts, bool claims, bool json, struct la_error *error);

#endif
