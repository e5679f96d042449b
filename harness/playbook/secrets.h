/* Passwords in what a person types and sees. */
#ifndef LASTACK_PLAYBOOK_SECRETS_H
#define LASTACK_PLAYBOOK_SECRETS_H

#include "base/util.h"

/* Adds what is typed as a password in a text: redis-cli -a, --pass, AUTH, requirepass, masterauth, ACL SETUSER. */
void la_secrets_typed(const char *text, size_t length, struct la_strings *secrets);

/* Overwrites each of them, wherever it stands, with asterisks. */
void la_secrets_hide(char *text, size_t length, const struct la_strings *secrets);

#endif
