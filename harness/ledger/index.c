#include "ledger/index.h"

#include <stdlib.h>

enum { AHEAD = 64 };

/* Part of a key's history: everything the server did not refuse. */
static bool counts(const struct la_op *op)
{
    return op->outcome < LA_OUTCOME_ERROR;
}

void la_index_make(struct la_index *index, const struct la_ledger *ledger, uint64_t count)
{
    uint32_t keys = la_plan_keys(&ledger->head->plan);
    index->keys = (uint64_t)ledger->head->sessions * keys;
    index->start = la_alloc(index->keys + 2, sizeof *index->start);
    index->order = la_alloc(count, sizeof *index->order);
    index->longest = 0;
    for (uint64_t i = 0; i < count; i++) {
        const struct la_op *op = &ledger->ops[i];
        index->start[(uint64_t)op->session * keys + op->key + 2] += counts(op);
    }
    for (uint64_t k = 2; k < index->keys + 2; k++) {
        index->longest = index->start[k] > index->longest ? index->start[k] : index->longest;
        index->start[k] += index->start[k - 1];
    }
    for (uint64_t i = 0; i < count; i++) {
        const struct la_op *op = &ledger->ops[i];
        if (counts(op))
            index->order[index->start[(uint64_t)op->session * keys + op->key + 1]++] = (uint32_t)i;
    }
}

void la_index_free(struct la_index *index)
{
    free(index->start);
    free(index->order);
}

uint32_t la_index_ops(const struct la_index *index, const struct la_ledger *ledger, uint64_t key,
                      const struct la_op **ops)
{
    uint64_t from = index->start[key];
    uint32_t count = (uint32_t)(index->start[key + 1] - from);
    uint64_t all = index->start[index->keys];
    for (uint32_t i = 0; i < count; i++) {
        /* they lie all over the ledger: the way to memory is taken for the next ones in time */
        if (from + i + AHEAD < all)
            __builtin_prefetch(&ledger->ops[index->order[from + i + AHEAD]]);
        ops[i] = &ledger->ops[index->order[from + i]];
    }
    return count;
}
