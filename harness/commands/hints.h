/*
 * What a server's description of its commands does not say: which values make sense. Templates, in which braces are
 * drawn anew each time:
 *
 *   {A..B}  a whole number          {unique} a number that no other has      {same}   the last of those once more
 *   {KIND}  a key of that kind: str, int, list, set, zset, hash, stream, hll, geo, or any
 *   {later} seconds, {laterms} ms from now, far away and different each time; {at}, {atms} the same as a time
 *   {next}  an id greater than all before, {id} one of those, for streams    {dump}, {functions} serialised
 *   A|B|C   one of them
 */
#ifndef LASTACK_COMMANDS_HINTS_H
#define LASTACK_COMMANDS_HINTS_H

#include <stdbool.h>

/* The template for an argument of a command; NULL: none is needed. */
const char *la_hint_argument(const char *command, const char *argument);

/* The kind of the keys of a command, by itself or by its group. */
const char *la_hint_kind(const char *command, const char *group);

/* An option, by its token, that is not drawn: what it does differs from server to server. */
bool la_hint_omits(const char *command, const char *token);

/* The values that a new key of a kind gets, by how it is to be encoded: command lines, one a line. */
struct la_fill {
    const char *kind;
    const char *small;
    const char *big; /* its line is sent with REPEAT in it replaced by as many elements as make it change its form */
    const char *element;
};
extern const struct la_fill la_fills[]; /* ends with a kind of NULL */

/* Whole calls of commands that need more than arguments: something to be there first. The last line is the call. */
struct la_recipe {
    const char *command;
    unsigned int database;
    bool at_once; /* all lines in one transaction */
    bool first;   /* once, before everything else */
    bool alone;   /* the description's own arguments are not tried: they would reach beyond */
    const char *lines;
};
extern const struct la_recipe la_recipes[]; /* ends with a command of NULL */

#endif
