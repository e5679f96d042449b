/* Which types a load consists of: what the scenario asks for, as far as the server knows them. */
#ifndef LASTACK_LOAD_MIX_H
#define LASTACK_LOAD_MIX_H

#include "commands/commands.h"
#include "ledger/ledger.h"
#include "redis/client.h"
#include "scenario/scenario.h"

/* Why the server under test cannot be loaded with a type; NULL: it can. Filled once, by the probe. */
struct la_lacks {
    char *missing[LA_TYPES_MAX];
    struct la_commands commands; /* its write commands, as it describes them; empty where nobody has asked */
};

/*
 * Asks a running server which types it has. `renamed`: commands, as the configuration of the runs renames them. Which
 * write commands it has is asked only with `commands`.
 */
void la_lacks_ask(struct la_lacks *lacks, redisContext *client, const struct la_strings *renamed, bool commands);
void la_lacks_free(struct la_lacks *lacks);

/*
 * The load of a scenario on a node that renames commands like this (NULL: as it was asked). -1 with `error` filled when
 * it names a type that the server does not have, or whose commands are disabled.
 */
int la_mix_plan(const struct la_lacks *lacks, const struct la_load_spec *load, const struct la_strings *renamed,
                uint64_t seed, struct la_plan *plan, struct la_error *error);

#endif
