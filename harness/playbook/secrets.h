/* Passwords in what a person types and sees. */
#ifndef LASTACK_PLAYBOOK_SECRETS_H
#define LASTACK_PLAYBOOK_SECRETS_H

#include "base/util.h"

/*
 * Overwrites with asterisks, in a text of a terminal: each of `known`; what is typed as a password (redis-cli -a,
 * --pass, -u, AUTH, requirepass, masterauth, REDISCLI_AUTH, ACL SETUSER, a line `user` of an ACL), also where a line of
 * the terminal ends in its midst; and what CONFIG GET replies. Such a password of LA_SECRET_LEAST characters and more
 * is added to `known`: it goes wherever else it stands in this text.
 */
void la_secrets_hide(char *text, size_t length, struct la_strings *known);

enum { LA_SECRET_LEAST = 6 }; /* of fewer, too much else would go */

#endif
