#include "judge/loss.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "run/steps.h"
#include "scenario/kinds.h"

/* The fault that ended the life `life`, or with `last` the last fault of all. */
static uint64_t fault_after(const struct la_run *run, int life, bool last)
{
    uint64_t fault = run->fault_ns[life];
    for (int later = life + 1; last && later < LA_LIVES_MAX; later++)
        fault = run->fault_ns[later] ? run->fault_ns[later] : fault;
    /* lost although the server did not even die: the loss is as old as the operation */
    return fault ? fault : run->verify.read_ns;
}

static double clock_factor(const struct la_run *run)
{
    return run->brink.factor > 1 ? run->brink.factor : 1;
}

/* By the server's clock, which may have gone faster from some time on. */
static double server_ms(const struct la_run *run, uint64_t from_ns, uint64_t to_ns)
{
    uint64_t since = run->brink.factor > 1 ? run->brink.since_ns : to_ns;
    since = since < from_ns ? from_ns : since > to_ns ? to_ns : since;
    return (double)(since - from_ns) / 1e6 + (double)(to_ns - since) / 1e6 * clock_factor(run);
}

double la_loss_window_ms(const struct la_run *run, bool least)
{
    double widest = 0;
    for (int life = 0; life < LA_LIVES_MAX; life++) {
        uint64_t earliest = run->verify.earliest_lost_ns[life];
        uint64_t fault = fault_after(run, life, !least);
        double ms = earliest && fault > earliest ? server_ms(run, earliest, fault) : 0;
        widest = ms > widest ? ms : widest;
    }
    return widest;
}

/* A scenario that makes the node a replica means it to take over the other's data. */
static bool takes_over(const struct la_scenario *scenario)
{
    static const char *const commands[] = {"REPLICAOF", "SLAVEOF", "FAILOVER"};
    for (unsigned int i = 0; i < scenario->step_count; i++) {
        const char *line = la_step_line(&scenario->steps[i]);
        for (size_t c = 0; c < sizeof commands / sizeof *commands; c++)
            if (!strncasecmp(line, commands[c], strlen(commands[c])))
                return true;
    }
    return false;
}

struct la_opinion la_loss_without_fault(const struct la_run *run)
{
    uint32_t life = run->ledger.head->life;
    bool lost = run->verified == &run->nodes[run->target] && life < LA_LIVES_MAX && run->verify.earliest_lost_ns[life];
    if (!lost || takes_over(run->scenario))
        return la_opinion_met();
    return la_opinion_convicts("operations are lost that were acknowledged in the server's last life: no crash has "
                               "taken them");
}

struct la_opinion la_loss_read(const struct la_run *run)
{
    if (run->verified)
        return la_opinion_met();
    for (unsigned int i = 0; i < run->node_count; i++)
        if (run->nodes[i].refusals && la_run_may_refuse(run))
            return la_opinion_met();
        else if (run->nodes[i].refusals)
            return la_opinion_unmet("nothing was read back: %s refuses to start", run->nodes[i].spec->name);
    /* what is measured is another thing than what survives a crash */
    bool another = run->measures.count && !la_scenario_verifies(run->scenario);
    return another ? la_opinion_met() : la_opinion_unknown("nothing was read back");
}

/* In ms: the slowest fsync of a node that the load has talked to, or may have. */
static double slowest_sync_ms(const struct la_run *run)
{
    uint64_t slowest = run->moment_sync_ns;
    unsigned int nodes = run->moved_life ? run->node_count : run->node_count > 0;
    for (unsigned int i = 0; i < nodes; i++) {
        const struct fi_control *control = run->nodes[i].control;
        uint64_t here = control ? atomic_load(&control->slowest_sync_ns) : 0;
        slowest = here > slowest ? here : slowest;
    }
    return (double)slowest / 1e6;
}

/*
 * A machine that stood still for so long may have held up the server as well, but by no more than all of it. A disk
 * whose fsync takes long widens a window twice: what is written during one waits for the next. So does one that keeps
 * the server waiting elsewhere: its clients wait with it. Where nothing may be lost at all, none of it is an excuse: it
 * widens a window and opens none.
 */
static bool stalls_explain(const struct la_run *run, double least_ms, unsigned int max_ms)
{
    double factor = clock_factor(run);
    double sync_ms = slowest_sync_ms(run) * factor;
    double reply_ms =
        (double)run->verify.slowest_ns / 1e6 * factor; /* a server that is kept from going on answers nobody */
    double widest_ms = sync_ms + (reply_ms > sync_ms ? reply_ms : sync_ms);
    double stalls_ms = (double)run->stalls_ns / 1e6 * factor;
    bool stood_still = (double)run->stall_ns / 1e6 * factor > max_ms / 10.0 || widest_ms > 2 * max_ms / 10.0;
    return max_ms && stood_still && least_ms - stalls_ms - widest_ms <= max_ms;
}

struct la_opinion la_loss_within(const struct la_run *run, unsigned int max_ms, const char *what, const char *bound)
{
    struct la_opinion opinion = la_loss_read(run);
    if (opinion.met == LA_MET)
        opinion = la_loss_without_fault(run);
    if (opinion.met != LA_MET)
        return opinion;
    if (run->brink.boundless && run->verify.lost)
        return la_opinion_unmet("%s: nothing ends what is lost, %s", what, bound);
    double least = la_loss_window_ms(run, true);
    double most = la_loss_window_ms(run, false);
    if (most <= max_ms)
        return la_opinion_met();
    if (least <= max_ms)
        return la_opinion_unknown("%s between %.1f and %.1f ms, %s: which of the crashes took it is not known", what,
                                  least, most, bound);
    if (!stalls_explain(run, least, max_ms))
        return la_opinion_convicts("%s %.1f ms, %s", what, least, bound);
    return la_opinion_unknown("%s %.1f ms, %s, but the harness itself stood still for %.1f ms, an fsync took %.1f "
                              "ms, and a reply %.1f ms",
                              what, least, bound, (double)run->stalls_ns / 1e6, slowest_sync_ms(run),
                              (double)run->verify.slowest_ns / 1e6);
}
