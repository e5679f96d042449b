/* The plan of a load: what it writes, how much of it and how fast. */
#ifndef LASTACK_LEDGER_PLAN_H
#define LASTACK_LEDGER_PLAN_H

#include <stdint.h>

enum { LA_TYPES_MAX = 32 };

/* What a load consists of; part of the ledger because names and values follow from it. */
struct la_plan {
    uint64_t seed;
    uint32_t clients;
    uint32_t pipeline;
    uint32_t value_size; /* bytes */
    uint32_t big_size;   /* bytes of every big_every-th value of a key; 0: none */
    uint32_t big_every;
    uint32_t rate;                 /* operations a second over all clients; 0: as fast as replies come */
    uint32_t ramp_ms;              /* the rate grows from nothing to `rate` in this time */
    uint32_t busy_ms;              /* phases in turn: so long at work, ... */
    uint32_t idle_ms;              /* ... so long idle; 0: no idle phases */
    uint32_t churn;                /* a connection is replaced after so many operations; 0: never */
    uint32_t wait_replicas;        /* type wait: replicas that WAIT asks for */
    uint32_t wait_ms;              /* type wait: its timeout */
    uint32_t skew;                 /* keys within a type: 0 uniform, else zipfian with this exponent in hundredths */
    uint16_t keys[LA_TYPES_MAX];   /* keys of each type in a session */
    uint16_t shares[LA_TYPES_MAX]; /* share of each type in the operations */
};

/* Keys in one session, over all types. */
uint32_t la_plan_keys(const struct la_plan *plan);

/* The type of a key, by its number within the session; -1: there is no such key. */
int la_plan_type(const struct la_plan *plan, uint32_t key);

#endif
