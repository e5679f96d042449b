/* What a key holds, as one number: to see whether it is still the same, or the same elsewhere. */
#ifndef LASTACK_REDIS_DIGEST_H
#define LASTACK_REDIS_DIGEST_H

#include "redis/client.h"

struct la_digest {
    uint64_t content;  /* 0: there is no such key */
    long long ttl_ms;  /* as PTTL: -1 none, -2 no key */
    uint64_t asked_ns; /* the time to live, between these two */
    uint64_t answered_ns;
};

enum { LA_DIGEST_BATCH = 64 };

/*
 * Of `count` keys, LA_DIGEST_BATCH at most, named DATABASE:NAME. Leaves another database selected. -1: the server did
 * not answer to all, or with an error: a command that is needed is disabled, say.
 */
int la_digest_keys(redisContext *client, const struct la_address *address, char *const *names, size_t count,
                   struct la_digest *digests);

/* All function libraries; 0: there are none, or the server knows no functions. -1: no answer. */
int la_digest_functions(redisContext *client, const struct la_address *address, uint64_t *digest);

#endif
