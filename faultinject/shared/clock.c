#include "shared/clock.h"

static uint64_t scale(uint64_t value, uint64_t by, uint64_t per)
{
    __extension__ unsigned __int128 wide = value;
    return (uint64_t)(wide * by / per);
}

void fi_clock_change(struct fi_clock *clock, enum fi_clock_change change, uint64_t arg, uint64_t now_ns)
{
    uint32_t even;
    int tries = 0; /* a driver that was killed half-way does not hold up the next one */
    do
        even = atomic_load(&clock->sequence) & ~1U;
    while (!atomic_compare_exchange_weak(&clock->sequence, &even, even + 1) && ++tries < FI_CLOCK_TRIES);
    uint64_t since = atomic_load(&clock->since_ns);
    uint64_t rate = since ? atomic_load(&clock->rate) : FI_CLOCK_RATE_ONE;
    uint64_t base = since ? atomic_load(&clock->base_ns) : now_ns;
    uint64_t passed = since && now_ns > since ? now_ns - since : 0;
    atomic_store(&clock->base_ns, base + scale(passed, rate, FI_CLOCK_RATE_ONE));
    atomic_store(&clock->rate, change == FI_CLOCK_RATE ? arg : rate);
    atomic_fetch_add(&clock->jump_ns, change == FI_CLOCK_JUMP ? (int64_t)arg * 1000000 : 0);
    atomic_store(&clock->since_ns, now_ns);
    atomic_store(&clock->sequence, even + 2);
}

bool fi_clock_read(const struct fi_clock *clock, struct fi_clock_reading *reading)
{
    uint32_t sequence;
    int tries = 0;
    do {
        sequence = atomic_load(&clock->sequence);
        reading->since_ns = atomic_load(&clock->since_ns);
        reading->base_ns = atomic_load(&clock->base_ns);
        reading->rate = atomic_load(&clock->rate);
        reading->jump_ns = atomic_load(&clock->jump_ns);
    } while (((sequence & 1) || sequence != atomic_load(&clock->sequence)) && ++tries < FI_CLOCK_TRIES);
    return reading->since_ns && reading->rate;
}

uint64_t fi_clock_virtual(const struct fi_clock_reading *reading, uint64_t real_ns)
{
    if (real_ns <= reading->since_ns)
        return reading->base_ns;
    return reading->base_ns + fi_clock_virtual_span(reading, real_ns - reading->since_ns);
}

uint64_t fi_clock_real(const struct fi_clock_reading *reading, uint64_t virtual_ns)
{
    if (virtual_ns <= reading->base_ns)
        return reading->since_ns;
    return reading->since_ns + fi_clock_real_span(reading, virtual_ns - reading->base_ns);
}

uint64_t fi_clock_virtual_span(const struct fi_clock_reading *reading, uint64_t real)
{
    return scale(real, reading->rate, FI_CLOCK_RATE_ONE);
}

uint64_t fi_clock_real_span(const struct fi_clock_reading *reading, uint64_t virtual)
{
    return scale(virtual, FI_CLOCK_RATE_ONE, reading->rate);
}
