#include "load/pick.h"

#include <math.h>
#include <stdlib.h>

/* The shares of one type's keys together, before they are weighed: enough to tell keys apart. */
#define WHOLE 1e9

void la_draw_make(struct la_draw *draw, const struct la_plan *plan)
{
    double exponent = plan->skew / 100.0;
    uint64_t sum = 0;
    uint32_t key = 0;
    draw->keys = la_plan_keys(plan);
    draw->upto = la_alloc(draw->keys, sizeof *draw->upto);
    for (int type = 0; type < LA_TYPES_MAX; type++) {
        double norm = 0;
        for (uint32_t i = 0; i < plan->keys[type]; i++)
            norm += pow(i + 1.0, -exponent);
        for (uint32_t i = 0; i < plan->keys[type]; i++) {
            sum += (uint64_t)(WHOLE * plan->shares[type] * pow(i + 1.0, -exponent) / norm);
            draw->upto[key++] = sum;
        }
    }
}

void la_draw_free(struct la_draw *draw)
{
    free(draw->upto);
}

uint32_t la_draw_key(const struct la_draw *draw, uint64_t *random)
{
    uint64_t at = la_random(random) % draw->upto[draw->keys - 1];
    uint32_t low = 0;
    uint32_t high = draw->keys - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (draw->upto[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t la_draw_key_of(const struct la_plan *plan, int type, uint64_t *random)
{
    uint32_t first = 0;
    for (int before = 0; before < type; before++)
        first += plan->keys[before];
    return plan->keys[type] ? first + (uint32_t)(la_random(random) % plan->keys[type]) : UINT32_MAX;
}

uint64_t la_draw_due(const struct la_plan *plan, uint64_t elapsed_ns)
{
    double ms = (double)elapsed_ns / 1e6;
    if (plan->idle_ms) {
        double cycle = (double)plan->busy_ms + plan->idle_ms;
        double within = fmod(ms, cycle);
        if (within >= plan->busy_ms)
            return 0;
        ms = floor(ms / cycle) * plan->busy_ms + within;
    }
    if (!plan->rate)
        return UINT64_MAX;
    double ramp = plan->ramp_ms;
    double full = ms > ramp ? ms - ramp / 2 : ms * ms / (2 * ramp);
    return (uint64_t)(full * plan->rate / 1000);
}
