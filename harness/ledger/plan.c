#include "ledger/plan.h"

uint32_t la_plan_keys(const struct la_plan *plan)
{
    uint32_t keys = 0;
    for (int type = 0; type < LA_TYPES_MAX; type++)
        keys += plan->keys[type];
    return keys;
}

int la_plan_type(const struct la_plan *plan, uint32_t key)
{
    for (int type = 0; type < LA_TYPES_MAX; type++) {
        if (key < plan->keys[type])
            return type;
        key -= plan->keys[type];
    }
    return -1;
}
