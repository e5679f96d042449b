/*
 * What the scenario itself sends, beside the load: the keys that its commands name are its own. Nobody knows what a
 * command does with them, so they are not judged, wherever they are found.
 */
#ifndef LASTACK_VERIFY_SENT_H
#define LASTACK_VERIFY_SENT_H

#include "base/util.h"

/* True when a line is what the name begins with, a word that ends in a colon, or has the key's name as a word of it, or
 * in quotes, as scripts have theirs; never for keys of a load.
 */
bool la_sent_names(const struct la_strings *lines, const char *name, size_t length);

/* At most so many libraries of functions are of their making. */
long long la_sent_libraries(const struct la_strings *lines);

#endif
