/* Calls of every write command of a server, to be sent as recorded traffic is. */
#ifndef LASTACK_COMMANDS_GENERATE_H
#define LASTACK_COMMANDS_GENERATE_H

#include "commands/commands.h"
#include "redis/recording.h"

/*
 * At least `count` items, but for times the same for the same seed and server; commands that `address` disables or
 * renames are left out. Some calls the server will refuse: not every choice of arguments makes sense. Released with
 * la_recording_free.
 */
void la_commands_generate(const struct la_commands *commands, const struct la_address *address, size_t count,
                          uint64_t seed, struct la_recording *recording);

#endif
