#include "suite/replay.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/copy.h"
#include "base/install.h"
#include "judge/expectations.h"
#include "judge/judge.h"
#include "report/evidence.h"
#include "run/recover.h"
#include "run/run.h"
#include "run/steps.h"
#include "scenario/read.h"
#include "suite/past.h"
#include "types/ledger_check.h"

enum { START_TIMEOUT_MS = 60000 };

struct bundle {
    struct la_scenario *scenario;
    struct la_scenario plain; /* the same without a power that can be cut: nothing is, and no disk is needed */
    struct la_config config;
    struct la_past recorded;
    char crash[LA_PATH_MAX];
    char server[LA_PATH_MAX];
};

/* A bundle is evidence: nothing is written into it. */
static int check_out(const struct la_replay *replay, struct la_error *error)
{
    if (la_lies_in(replay->out, replay->bundle))
        return la_fail(error, "--out %s would lie in the bundle %s: name a folder elsewhere", replay->out,
                       replay->bundle);
    return 0;
}

static int open_bundle(struct bundle *bundle, const struct la_replay *replay, struct la_error *error)
{
    char path[LA_PATH_MAX];
    enum la_seal seal;
    if (la_evidence_check(replay->bundle, &seal, error))
        return -1;
    la_path(path, "%s/scenario.yaml", replay->bundle);
    bundle->scenario = la_scenario_read(path, &la_kinds, error);
    if (!bundle->scenario)
        return -1;
    bundle->plain = *bundle->scenario;
    bundle->plain.power_cut = NULL;
    if (seal == LA_SEAL_OLD)
        fprintf(stderr, "lastack: %s is of a version without checksums: damage to it would go unseen\n",
                replay->bundle);
    la_path(path, "%s/scenario.json", replay->bundle);
    bundle->recorded.crash_lives = 1;
    if (seal != LA_SEAL_UNFINISHED && la_past_read(&bundle->recorded, path, error))
        return -1;
    if (bundle->recorded.given_data)
        return la_fail(error, "%s: that run began with --data, which a bundle does not hold: run it again instead",
                       replay->bundle);
    if (la_load_is_list(bundle->scenario->load))
        return la_fail(error,
                       "%s: that run sent recorded traffic, or generated commands, which a bundle does not hold: run "
                       "it again instead",
                       replay->bundle);
    if (la_scenario_moves(bundle->scenario))
        return la_fail(error,
                       "%s: in that run clients have moved to another node, whose state a bundle does not hold: run it "
                       "again instead",
                       replay->bundle);
    const char *recorded = bundle->recorded.server;
    const char *node = bundle->scenario->nodes[0].name;
    const char *read = la_scenario_verifies(bundle->scenario);
    if (read && strcmp(read, node) != 0)
        return la_fail(error, "%s: that run read %s back, and only %s can be replayed: run it again instead",
                       replay->bundle, read, node);
    la_path(bundle->crash, "%s/%s/crash", replay->bundle, node);
    if (access(bundle->crash, R_OK) || !bundle->recorded.crash_lives)
        return la_fail(error, "%s: no crash state was kept (the node did not go down, or its policy restarted it)",
                       bundle->crash);
    la_path(path, "%s/%s", replay->bundle, node);
    if (la_config_read_back(&bundle->config, path, error) ||
        (seal != LA_SEAL_OLD && la_config_rebase(&bundle->config, path, bundle->crash, error)))
        return -1;
    la_config_find_login(&bundle->config);
    return la_parts_program(replay->server ? replay->server
                            : recorded     ? recorded
                                           : "redis-server",
                            bundle->server, error);
}

/* A run that begins where the crash left off. */
static int set_up(struct la_run *run, const struct bundle *bundle, const struct la_replay *replay,
                  struct la_error *error)
{
    char path[LA_PATH_MAX];
    run->scenario = bundle->scenario;
    run->timeline = json_array();
    run->start_ns = la_now_ns();
    run->wall_offset_ns = la_wall_offset_ns();
    la_path(run->dir, "%s", replay->out);
    la_path(path, "%s/ledger", replay->bundle);
    if (la_ledger_open(&run->ledger, path, error))
        return -1;
    /* The server had so many lives when its state was kept: what was sent to later ones is no part of it. */
    la_ledger_forget_lives(&run->ledger, (uint32_t)bundle->recorded.crash_lives);
    run->node_count = 1;
    run->replayed = true;
    run->clock_changed = true; /* it is later now, or another machine: times to live say nothing */
    return la_node_create(&run->nodes[0], &bundle->scenario->nodes[0], &run->options->server, &bundle->plain,
                          replay->out, NULL, error);
}

/* Only what the state and the ledger can tell is judged: loss, and data that is wrong. */
static int judge(struct la_run *run, const struct la_past *recorded)
{
    for (int kind = 0; kind < LA_FINDING_KINDS; kind++)
        for (uint64_t i = 0; i < run->findings.count[kind] && i < LA_FINDINGS_KEPT; i++)
            printf("%s: %s [%s]\n", la_finding_name((enum la_finding_kind)kind), run->findings.kept[kind][i].detail,
                   run->findings.kept[kind][i].evidence);
    if (run->verified)
        printf("%llu of %llu acknowledged operations lost\n", (unsigned long long)run->verify.lost,
               (unsigned long long)run->verify.acked);
    la_past_doubts(run, recorded);
    struct la_judgement judgement = la_judge(run);
    for (size_t i = 0; i < judgement.reasons.count; i++)
        printf("%s: %s\n", la_verdict_name(judgement.verdict), judgement.reasons.items[i]);
    enum la_verdict verdict = judgement.verdict;
    la_judgement_free(&judgement);
    if (verdict == LA_VIOLATED)
        return LA_EXIT_VIOLATED;
    return verdict == LA_HOLDS ? LA_EXIT_HOLDS : LA_EXIT_INCONCLUSIVE;
}

static int recover_and_verify(struct la_run *run, struct la_error *error)
{
    struct la_node *node = &run->nodes[0];
    const struct la_step *step = la_scenario_step(run->scenario, &la_step_verify, UINT_MAX);
    struct la_spec *plain = la_alloc(1, la_step_verify.form.size); /* of a scenario that has read nothing back */
    int spawned = la_node_spawn(node, error);
    if (!spawned && la_recover_follow(run, node, &run->recovery, START_TIMEOUT_MS) == 0)
        la_step_verify.run(run, step ? step->spec : plain);
    free(plain);
    return spawned;
}

int la_replay_run(void *context, const struct la_sandbox *sandbox, struct la_strings *limits)
{
    (void)sandbox;
    (void)limits;
    const struct la_replay *replay = context;
    struct la_error error = {""};
    struct bundle bundle = {0};
    struct la_run *run = la_alloc(1, sizeof *run);
    struct la_options options = {.demands = {-1, -1, false}};
    int status = LA_EXIT_USAGE;
    bool ready = check_out(replay, &error) == 0 && open_bundle(&bundle, replay, &error) == 0;
    int made = ready ? la_new_folder(replay->out, &error) : -1;
    if (made >= 0) {
        options.server = (struct la_server){.path = bundle.server,
                                            .shim = replay->parts.shim,
                                            .data = bundle.crash,
                                            .data_is_left = true,
                                            .aof_folder = true,
                                            .base = &bundle.config};
        run->options = &options;
        if (set_up(run, &bundle, replay, &error) == 0 && recover_and_verify(run, &error) == 0)
            status = judge(run, &bundle.recorded);
        else
            la_empty_folder(replay->out);
    }
    if (status == LA_EXIT_USAGE && (made > 0 || replay->made_out))
        rmdir(replay->out);
    if (status == LA_EXIT_USAGE)
        fprintf(stderr, "lastack: %s\n", error.text);
    if (run->node_count)
        la_node_free(&run->nodes[0]);
    json_decref(bundle.recorded.json);
    la_config_free(&bundle.config);
    la_scenario_free(bundle.scenario);
    la_run_free(run);
    return status;
}
