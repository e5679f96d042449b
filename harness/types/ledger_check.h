/* Ledgers that somebody else has written: what stands in them must be of types and kinds that there are. */
#ifndef LASTACK_TYPES_LEDGER_CHECK_H
#define LASTACK_TYPES_LEDGER_CHECK_H

#include "ledger/ledger.h"

/* Maps an existing ledger and checks every record: a file that is not sound is an error, never a crash. */
int la_ledger_open(struct la_ledger *ledger, const char *path, struct la_error *error);

#endif
