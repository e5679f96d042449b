/*
 * The load: a process of its own with one epoll loop over all client connections.
 * It enters every operation in the ledger, sends it, and marks it when the reply
 * comes. When a connection breaks, what was in flight stays unknown, and the client
 * goes on in a new session as soon as the server lets it in.
 */
#ifndef LASTACK_LOAD_LOAD_H
#define LASTACK_LOAD_LOAD_H

#include "ledger/ledger.h"
#include "redis/client.h"
#include "redis/recording.h"

/* For so long the end of a load waits for the next of the replies that are missing: a WAIT may take all of its time. */
unsigned int la_load_patience_ms(const struct la_plan *plan);

/*
 * Runs until head->stop is set and what was in flight has been answered, or la_load_patience_ms have passed without a
 * reply. Returns an exit status: 0, or 1 when replies are missing. `recording`: what is sent, once, by one connection,
 * until it breaks; NULL: what the plan says.
 */
int la_load_run(struct la_ledger *ledger, const struct la_address *address, const struct la_recording *recording);

#endif
