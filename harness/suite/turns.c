#include "suite/turns.h"

unsigned int la_turns_all(const struct la_suite *suite, const struct la_scenario *scenario)
{
    if (suite->repeat > 1 || !suite->certify || suite->quick)
        return suite->repeat;
    return suite->deep && scenario->times > 1 ? LA_DEEP * scenario->times : scenario->times;
}

/* The first run that is made here, whether there are so many or not. */
static unsigned int first(const struct la_turns *turns, const struct la_suite *suite)
{
    const struct la_shard *shard = &suite->shard;
    return turns->shared ? (shard->number - 1 + shard->of - turns->before % shard->of) % shard->of : 0;
}

static unsigned int step(const struct la_turns *turns, const struct la_suite *suite)
{
    return turns->shared ? suite->shard.of : 1;
}

unsigned int la_turns_here(const struct la_turns *turns, const struct la_suite *suite,
                           const struct la_scenario *scenario)
{
    const unsigned int all = la_turns_all(suite, scenario);
    const unsigned int from = first(turns, suite);
    return from < all ? (all - from - 1) / step(turns, suite) + 1 : 0;
}

unsigned int la_turns_at(const struct la_turns *turns, const struct la_suite *suite, unsigned int which)
{
    return first(turns, suite) + which * step(turns, suite);
}
