#include "verify/tally.h"
#include "ledger/value.h"

#include <stdio.h>
#include <stdlib.h>

const uint32_t la_age_ms[LA_AGES - 1] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000};

static uint32_t life_of(const struct la_ledger *ledger, const struct la_op *op)
{
    uint32_t life = ledger->head->session[op->session].life;
    return life < LA_LIVES_MAX ? life : LA_LIVES_MAX - 1;
}

static void note_lost(const struct la_ledger *ledger, const struct la_op *op, bool promised, struct la_verify *result)
{
    result->lost++;
    result->lost_promised += promised;
    result->lost_by_type[op->type]++;
    result->lost_marked += op->done_ns <= ledger->head->mark_ns;
    result->lost_bytes += la_op_kind(op)->value ? la_value_size(&ledger->head->plan, op->seq) : 0;
    uint64_t *earliest = &result->earliest_lost_ns[life_of(ledger, op)];
    if (!*earliest || op->done_ns < *earliest)
        *earliest = op->done_ns;
}

static void note_age(uint64_t fault_ns, const struct la_op *op, bool lost, struct la_verify *result)
{
    uint64_t ms = fault_ns > op->done_ns ? (fault_ns - op->done_ns) / 1000000 : 0;
    int age = 0;
    while (age < LA_AGES - 1 && ms >= la_age_ms[age])
        age++;
    result->acked_by_age[age]++;
    result->lost_by_age[age] += lost;
}

/* Until when it has waited: for its reply, until its connection was another, or the server went down; 0: not known. */
static uint64_t waited_until(const struct la_tally *tally, const struct la_op *op, uint32_t life)
{
    uint64_t index = (uint64_t)(op - tally->ledger->ops);
    if (op->done_ns)
        return op->done_ns;
    bool passed = tally->answered_by_session[op->session] > index; /* those behind it were answered */
    if (passed)
        return 0;
    uint64_t fault_ns = tally->fault_ns ? tally->fault_ns[life] : 0;
    uint64_t followed_ns = tally->followed_ns[op->session];
    return followed_ns && (!fault_ns || followed_ns < fault_ns) ? followed_ns : fault_ns;
}

static void note_wait(const struct la_tally *tally, const struct la_op *op, uint32_t life)
{
    uint64_t end = waited_until(tally, op, life);
    if (la_op_waits(op) || end <= op->invoked_ns)
        return;
    uint64_t waited = end - op->invoked_ns;
    tally->result->slowest_ns = waited > tally->result->slowest_ns ? waited : tally->result->slowest_ns;
}

static void report_reply(const struct la_op *op, struct la_findings *findings)
{
    char name[LA_KEY_NAME_MAX];
    la_key_name(name, op->session, op->key);
    la_findings_add(findings, LA_CORRUPT, NULL, "%s: the reply to operation %u cannot be", name, op->seq);
}

static void report_hole(const struct la_op *op, uint64_t index, bool same_client, struct la_findings *findings)
{
    char name[LA_KEY_NAME_MAX];
    char evidence[128];
    la_key_name(name, op->session, op->key);
    snprintf(evidence, sizeof evidence, "ledger record %llu, acknowledged at %llu ns", (unsigned long long)index,
             (unsigned long long)op->done_ns);
    bool removal = la_op_kind(op)->removes;
    la_findings_add(findings, removal ? LA_RESURRECTED : LA_HOLE, evidence,
                    "%s: %s %u is lost, yet a later write %s is there", name, la_op_kind(op)->name, op->seq,
                    same_client ? "of the same client" : "sent after its reply");
}

/* How far each session was answered, and when it was followed by another one of the same client's. */
static void look_at_sessions(struct la_tally *tally)
{
    const struct la_ledger_head *head = tally->ledger->head;
    uint32_t sessions = head->sessions;
    uint64_t *began_ns = la_alloc(sessions + 1U, sizeof *began_ns);
    uint32_t *later = la_alloc(LA_SESSIONS_MAX, sizeof *later); /* by client: the session after, + 1 */
    tally->answered_by_session = la_alloc(sessions + 1U, sizeof *tally->answered_by_session);
    tally->followed_ns = la_alloc(sessions + 1U, sizeof *tally->followed_ns);
    for (uint64_t i = la_ledger_count(tally->ledger); i-- > 0;) {
        const struct la_op *op = &tally->ledger->ops[i];
        if (op->session >= sessions)
            continue;
        began_ns[op->session] = op->invoked_ns;
        if (op->done_ns && !tally->answered_by_session[op->session])
            tally->answered_by_session[op->session] = i + 1;
    }
    for (uint32_t i = sessions; i-- > 0;) {
        const struct la_session *session = &head->session[i];
        uint32_t *next = &later[session->client % LA_SESSIONS_MAX]; /* there are fewer clients than that */
        if (*next && head->session[*next - 1].life == session->life)
            tally->followed_ns[i] = began_ns[*next - 1] ? began_ns[*next - 1] : tally->followed_ns[*next - 1];
        *next = i + 1;
    }
    free(began_ns);
    free(later);
}

void la_tally_begin(struct la_tally *tally, const struct la_ledger *ledger, const uint64_t *fault_ns,
                    struct la_findings *findings, struct la_verify *result)
{
    *tally = (struct la_tally){.ledger = ledger, .fault_ns = fault_ns, .findings = findings, .result = result};
    tally->kept_by_session = la_alloc(ledger->head->sessions + 1U, sizeof(uint64_t));
    look_at_sessions(tally);
}

static void add_lost(struct la_tally *tally, const struct la_op *op, bool promised)
{
    uint64_t at = tally->result->lost;
    if (at == tally->lost_room) {
        tally->lost_room = at ? 2 * at : 1024;
        tally->lost = la_realloc(tally->lost, tally->lost_room, sizeof *tally->lost);
    }
    tally->lost[at] = (uint64_t)(op - tally->ledger->ops);
    note_lost(tally->ledger, op, promised, tally->result);
}

static void add_kept(struct la_tally *tally, const struct la_op *op, uint32_t life)
{
    uint64_t *last = &tally->kept_by_session[op->session];
    uint64_t index = (uint64_t)(op - tally->ledger->ops);
    *last = *last > index ? *last : index + 1;
    if (op->invoked_ns > tally->kept_invoked[life])
        tally->kept_invoked[life] = op->invoked_ns;
    tally->result->survivors += life < atomic_load_explicit(&tally->ledger->head->life, memory_order_relaxed);
}

void la_tally_add(struct la_tally *tally, const struct la_op *op, enum la_fate fate)
{
    struct la_verify *result = tally->result;
    uint32_t life = life_of(tally->ledger, op);
    note_wait(tally, op, life);
    if (fate == LA_FATE_KEPT)
        add_kept(tally, op, life);
    if (op->outcome == LA_OUTCOME_UNKNOWN) {
        result->unknown++;
        return;
    }
    const struct la_type *type = la_types[op->type];
    bool promised = type->promised && type->promised(&tally->ledger->head->plan, op);
    result->acked++;
    result->acked_by_type[op->type]++;
    result->promised += promised;
    result->acked_before += life < atomic_load_explicit(&tally->ledger->head->life, memory_order_relaxed);
    result->acked_marked += op->done_ns <= tally->ledger->head->mark_ns;
    if (op->outcome == LA_OUTCOME_WRONG)
        report_reply(op, tally->findings);
    if (tally->fault_ns && tally->fault_ns[life])
        note_age(tally->fault_ns[life], op, fate == LA_FATE_LOST, result);
    if (fate == LA_FATE_LOST)
        add_lost(tally, op, promised);
}

/* An operation that blocked was executed later than its place in the ledger says: only times tell. */
static void judge_lost(const struct la_tally *tally, uint64_t index)
{
    const struct la_op *op = &tally->ledger->ops[index];
    if (life_of(tally->ledger, op) == LA_LIVES_MAX - 1) /* and later ones, that are not told apart from it */
        return;
    bool same_client = !la_op_kind(op)->blocks && tally->kept_by_session[op->session] > index;
    if (same_client || op->done_ns < tally->kept_invoked[life_of(tally->ledger, op)])
        report_hole(op, index, same_client, tally->findings);
}

static int earlier(const void *a, const void *b)
{
    const uint64_t *one = a;
    const uint64_t *other = b;
    return *one < *other ? -1 : *one > *other;
}

void la_tally_end(struct la_tally *tally)
{
    uint64_t count = tally->result->lost;
    if (count) { /* in the order in which they were sent: the first ones are reported in full */
        qsort(tally->lost, count, sizeof *tally->lost, earlier);
        tally->result->first_lost = tally->lost[0];
    }
    for (uint64_t i = 0; i < count; i++)
        judge_lost(tally, tally->lost[i]);
    free(tally->lost);
    free(tally->kept_by_session);
    free(tally->answered_by_session);
    free(tally->followed_ns);
}
