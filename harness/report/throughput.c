#include "report/throughput.h"

#include <stdlib.h>

/* Acknowledgements are counted in slots of 10 ms, from a second before the fault to two minutes after it. */
enum { SLOT_MS = 10, BEFORE = LA_BEFORE_MS / SLOT_MS, SLOTS = BEFORE + 120000 / SLOT_MS, SHORTEST_MS = 100 };

#define SLOT_NS (SLOT_MS * UINT64_C(1000000))

static uint32_t life_of(const struct la_ledger *ledger, const struct la_op *op)
{
    return ledger->head->session[op->session].life;
}

/* The life of the server that the fault ended: nothing was acknowledged while it was down before. */
static uint32_t life_before(const struct la_ledger *ledger, uint64_t count, uint64_t fault_ns)
{
    uint32_t life = 0;
    for (uint64_t i = 0; i < count; i++)
        if (ledger->ops[i].outcome == LA_OUTCOME_OK && ledger->ops[i].done_ns <= fault_ns)
            life = life_of(ledger, &ledger->ops[i]);
    return life;
}

static uint64_t first_ack(const struct la_ledger *ledger, uint64_t count, uint32_t life)
{
    for (uint64_t i = 0; i < count; i++)
        if (ledger->ops[i].outcome == LA_OUTCOME_OK && life_of(ledger, &ledger->ops[i]) == life)
            return ledger->ops[i].done_ns;
    return UINT64_MAX;
}

static void fill(const struct la_ledger *ledger, uint64_t count, uint64_t begin_ns, uint32_t *slots)
{
    for (uint64_t i = 0; i < count; i++) {
        const struct la_op *op = &ledger->ops[i];
        if (op->outcome == LA_OUTCOME_OK && op->done_ns >= begin_ns && (op->done_ns - begin_ns) / SLOT_NS < SLOTS)
            slots[(op->done_ns - begin_ns) / SLOT_NS]++;
    }
}

struct la_throughput la_throughput_after(const struct la_ledger *ledger, uint64_t fault_ns)
{
    struct la_throughput throughput = {0};
    uint64_t count = la_ledger_count(ledger);
    uint64_t begin_ns = fault_ns - BEFORE * SLOT_NS;
    uint64_t first_ns = first_ack(ledger, count, life_before(ledger, count, fault_ns));
    first_ns = first_ns > begin_ns ? first_ns : begin_ns;
    if (first_ns > fault_ns || fault_ns - first_ns < SHORTEST_MS * UINT64_C(1000000))
        return throughput;
    uint32_t *slots = la_alloc(SLOTS, sizeof *slots);
    fill(ledger, count, begin_ns, slots);
    uint64_t before = 0;
    for (int i = (int)((first_ns - begin_ns) / SLOT_NS); i < BEFORE; i++)
        before += slots[i];
    throughput.before = (double)before / ((double)(fault_ns - first_ns) / 1e9);
    double enough = throughput.before * LA_BACK_PERCENT / 100 * LA_WINDOW_MS / 1000;
    const int window = LA_WINDOW_MS / SLOT_MS;
    uint64_t within = 0;
    for (int i = BEFORE; i < SLOTS && !throughput.back_ns; i++) {
        within += slots[i];
        within -= i - window >= BEFORE ? slots[i - window] : 0;
        if (i >= BEFORE + window && enough > 0 && (double)within >= enough)
            throughput.back_ns = begin_ns + (uint64_t)(i + 1) * SLOT_NS;
    }
    free(slots);
    return throughput;
}
