#include "types/ledger_check.h"

#include "types/types.h"

static bool known_types(const struct la_plan *plan)
{
    for (unsigned int type = la_type_count; type < LA_TYPES_MAX; type++)
        if (plan->keys[type])
            return false;
    return true;
}

/* A kind without a name is none. */
static bool known_kind(const struct la_op *op)
{
    return op->kind > 0 && op->kind <= LA_KINDS_MAX && la_types[op->type]->kinds[op->kind - 1].name;
}

static bool sound_op(const struct la_ledger_head *head, const struct la_op *op)
{
    return op->session < head->sessions && op->seq > 0 && op->type == la_plan_type(&head->plan, op->key) &&
           known_kind(op) &&
           (op->outcome <= LA_OUTCOME_WRONG ||
            (op->outcome >= LA_OUTCOME_ERROR && op->outcome < LA_OUTCOME_ERROR + LA_ERRORS_MAX));
}

int la_ledger_open(struct la_ledger *ledger, const char *path, struct la_error *error)
{
    if (la_ledger_map(ledger, path, error))
        return -1;
    uint64_t count = la_ledger_count(ledger);
    uint64_t bad = known_types(&ledger->head->plan) ? count : 0;
    for (uint64_t i = 0; i < bad; i++) {
        la_ledger_passed(ledger, i);
        if (!sound_op(ledger->head, &ledger->ops[i]))
            bad = i;
    }
    if (bad == count && known_types(&ledger->head->plan)) {
        la_ledger_apply_cuts(ledger);
        return 0;
    }
    la_ledger_close(ledger);
    return la_fail(error, "%s: record %llu is damaged", path, (unsigned long long)bad);
}
