#include "judge/soundness.h"

#include <limits.h>

#include "driver/journal_file.h"
#include "run/steps.h"

static void look_at_load(const struct la_run *run, struct la_strings *doubts)
{
    const struct la_ledger_head *head = run->ledger.head;
    char full[256];
    if (run->load_started && head->acked < run->scenario->load->min_acked)
        la_strings_add(doubts, la_format("load too thin: only %llu operations acknowledged, %u wanted",
                                         (unsigned long long)head->acked, run->scenario->load->min_acked));
    if (run->load_died)
        la_strings_add(doubts,
                       la_format("the load ended on its own (wait status %#x)", (unsigned int)run->load_status));
    if (!run->load_started && (!run->measures.count || la_scenario_step(run->scenario, &la_step_load, UINT_MAX)))
        la_strings_add(doubts, la_format("no load ran"));
    if (la_run_full(run, full, sizeof full))
        la_strings_add(doubts, la_format("%s", full));
    if (head->life >= LA_LIVES_MAX)
        la_strings_add(doubts, la_format("the server died %u times, more than can be told apart", head->life));
    if (run->evicted)
        la_strings_add(doubts,
                       la_format("the server evicted %lld keys (maxmemory): a missing key says nothing", run->evicted));
    else if (run->may_evict)
        la_strings_add(doubts,
                       la_format("memory is near maxmemory and the policy evicts keys: a missing key says nothing"));
}

static void look_at_rule(const struct fi_rule *rule, struct la_strings *doubts)
{
    if (rule->fired)
        return;
    if (rule->too_small)
        la_strings_add(doubts, la_format("the rule '%s' did not fire: %llu operations were its turn, and none has more "
                                         "bytes than it is to leave",
                                         rule->text, (unsigned long long)rule->too_small));
    else if (rule->seen)
        la_strings_add(doubts,
                       la_format("the rule '%s' did not fire: %llu operations are of its kind, and none was its "
                                 "turn",
                                 rule->text, (unsigned long long)rule->seen));
    else
        la_strings_add(doubts, la_format("the rule '%s' did not fire: the server did nothing of the kind", rule->text));
}

static void look_at_node(const struct la_node *node, struct la_strings *doubts)
{
    char blind[256];
    if (fi_control_blind(node->control, blind, sizeof blind))
        la_strings_add(doubts, la_format("%s changed its files in a way that libfaultinject.so cannot follow: %s",
                                         node->spec->name, blind));
    if (node->power.journal && fi_journal_incomplete(node->power.journal, blind, sizeof blind))
        la_strings_add(doubts, la_format("%s: %s", node->spec->name, blind));
}

void la_soundness(const struct la_run *run, struct la_strings *doubts)
{
    const struct la_strings *before = run->options->doubts;
    for (size_t i = 0; before && i < before->count; i++)
        la_strings_add(doubts, la_format("the configuration: %s", before->items[i]));
    for (size_t i = 0; i < run->doubts.count; i++)
        la_strings_add(doubts, la_strdup(run->doubts.items[i]));
    if (run->unproven && !run->doubts.count)
        la_strings_add(doubts, la_format("the run itself does not say that it was sound"));
    for (unsigned int i = 0; i < run->node_count && !run->replayed; i++)
        for (unsigned int r = 0; r < run->nodes[i].rule_count; r++)
            if (!(run->nodes[i].optional_rules >> r & 1))
                look_at_rule(&run->nodes[i].control->rules[run->nodes[i].rules[r]], doubts);
    if (run->place && !run->measures.count && !run->doubts.count)
        la_strings_add(doubts, la_strdup("no step has measured anything"));
    if (!run->ledger.head || run->doubts.count || run->replayed)
        return;
    look_at_load(run, doubts); /* after them: what it ran into may come of a fault that never came */
    for (unsigned int i = 0; i < run->node_count; i++)
        look_at_node(&run->nodes[i], doubts);
}

bool la_cut_unseen(const struct la_run *run)
{
    char ignored[256];
    bool unseen = false;
    for (unsigned int i = 0; i < run->node_count; i++) {
        const struct la_power *power = &run->nodes[i].power;
        unseen = unseen ||
                 (power->cuts && power->journal && fi_control_blind(run->nodes[i].control, ignored, sizeof ignored));
    }
    return unseen;
}

bool la_state_speaks(const struct la_run *run)
{
    const struct la_strings *before = run->options->doubts; /* another configuration than the user's, perhaps */
    return !run->unproven && !la_cut_unseen(run) && !(before && before->count);
}

bool la_data_speaks(const struct la_run *run)
{
    return la_state_speaks(run) && !run->evicted && !run->may_evict;
}
