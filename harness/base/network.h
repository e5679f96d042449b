/* A network of a process's own. */
#ifndef LASTACK_BASE_NETWORK_H
#define LASTACK_BASE_NETWORK_H

/* In a network namespace that was just made: 127.0.0.1 works. -1: it does not. */
int la_loopback_up(void);

/* The calling process leaves its network for a new one, in which there is nothing but 127.0.0.1. -1 with errno. */
int la_network_own(void);

#endif
