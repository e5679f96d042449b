#include "explore/explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/copy.h"
#include "explore/found.h"
#include "explore/progress.h"
#include "explore/tape.h"
#include "judge/soundness.h"
#include "report/result.h"
#include "run/recover.h"
#include "run/steps.h"
#include "suite/runner.h"

enum { DRAWN_AT_ONCE = 256, DRAWS_MAX = 4000 };

struct exploring {
    const struct la_explore *explore;
    struct la_run *run;
    struct la_trail trail;
    struct la_basis recorded;
    struct la_states states;
    struct la_crew_plan plan;
    struct la_crew crew;
    struct la_violations violations;
    struct la_progress before; /* what was known when it began */
    char resumed[LA_PATH_MAX]; /* the scenario's folder to go on from; empty: none */
    uint64_t seed;             /* the recording's */
    uint64_t random;           /* what is drawn next follows from it */
    uint32_t enumerated;       /* states that were found without chance */
    struct la_options options; /* the run's, but with that seed */
    uint64_t began_ns;
    uint64_t until_ns;
    uint32_t handed_in;
    bool cut_short;
    char dir[LA_PATH_MAX]; /* for what is given to servers */
    bool mounted;
};

/* ---- the order: those that look alike are tried once, then where they disagree, then all ---- */

static bool room_left(const struct exploring *exploring)
{
    const uint32_t most = exploring->explore->states;
    return !most || exploring->handed_in < most;
}

static void hand_in(struct exploring *exploring, uint32_t state, bool *taken)
{
    if (taken[state] || !room_left(exploring))
        return;
    taken[state] = true;
    exploring->handed_in++;
    la_crew_hand_in(&exploring->crew, state);
}

static bool wait_for_all(struct exploring *exploring)
{
    const bool all = la_crew_wait(&exploring->crew, exploring->until_ns);
    exploring->cut_short = exploring->cut_short || !all;
    return all;
}

struct by_likeness {
    uint64_t likeness;
    uint32_t state;
};

static int compare_likeness(const void *one, const void *other)
{
    const struct by_likeness *a = one;
    const struct by_likeness *b = other;
    if (a->likeness != b->likeness)
        return a->likeness < b->likeness ? -1 : 1;
    return a->state < b->state ? -1 : a->state > b->state;
}

static struct by_likeness *sort_by_likeness(const struct la_states *states)
{
    struct by_likeness *list = la_alloc(states->count + 1U, sizeof *list);
    for (uint32_t i = 0; i < states->count; i++)
        list[i] = (struct by_likeness){states->items[i].likeness, i};
    qsort(list, states->count, sizeof *list, compare_likeness);
    return list;
}

static uint32_t end_of_group(const struct by_likeness *list, uint32_t count, uint32_t first)
{
    uint32_t end = first + 1;
    while (end < count && list[end].likeness == list[first].likeness)
        end++;
    return end;
}

static bool outcomes_differ(const struct exploring *exploring, uint32_t one, uint32_t other)
{
    for (int ending = 0; ending < LA_ENDINGS; ending++) {
        const enum la_outcome a = la_crew_outcome(&exploring->crew, one, (enum la_ending)ending);
        const enum la_outcome b = la_crew_outcome(&exploring->crew, other, (enum la_ending)ending);
        if (a && b && a != b)
            return true;
    }
    return false;
}

/* The first and the last of each group. */
static void hand_in_ends(struct exploring *exploring, const struct by_likeness *list, uint32_t count, bool *taken)
{
    for (uint32_t i = 0; i < count; i = end_of_group(list, count, i)) {
        hand_in(exploring, list[i].state, taken);
        hand_in(exploring, list[end_of_group(list, count, i) - 1].state, taken);
    }
}

/* Groups whose ends disagree, whole. */
static void hand_in_disagreeing(struct exploring *exploring, const struct by_likeness *list, uint32_t count,
                                bool *taken)
{
    for (uint32_t i = 0; i < count; i = end_of_group(list, count, i)) {
        const uint32_t end = end_of_group(list, count, i);
        for (uint32_t k = i; outcomes_differ(exploring, list[i].state, list[end - 1].state) && k < end; k++)
            hand_in(exploring, list[k].state, taken);
    }
}

/* The rest, as the seed shuffles it. */
static void hand_in_rest(struct exploring *exploring, bool *taken)
{
    const uint32_t count = exploring->states.count;
    uint64_t random = exploring->seed;
    uint32_t *order = la_alloc(count + 1U, sizeof *order);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = (uint32_t)(la_random(&random) % (i + 1));
        order[i] = order[at];
        order[at] = i;
    }
    for (uint32_t i = 0; i < count; i++)
        hand_in(exploring, order[i], taken);
    free(order);
}

static bool recover_enumerated(struct exploring *exploring)
{
    const uint32_t count = exploring->states.count;
    struct by_likeness *list = sort_by_likeness(&exploring->states);
    bool *taken = la_alloc(count + 1U, sizeof *taken);
    for (uint32_t i = 0; i < count; i++)
        taken[i] = la_crew_knows(&exploring->crew, i);
    hand_in_ends(exploring, list, count, taken);
    bool all = wait_for_all(exploring);
    if (all) {
        hand_in_disagreeing(exploring, list, count, taken);
        all = wait_for_all(exploring);
    }
    if (all) {
        hand_in_rest(exploring, taken);
        all = wait_for_all(exploring);
    }
    free(taken);
    free(list);
    return all && room_left(exploring);
}

/* Deeper ones, as long as the time lasts and new ones turn up. */
static void recover_drawn(struct exploring *exploring)
{
    struct la_states *states = &exploring->states;
    bool going = true;
    while (going && room_left(exploring)) {
        uint32_t drawn[DRAWN_AT_ONCE];
        unsigned int count = 0;
        for (int i = 0; i < DRAWS_MAX && count < DRAWN_AT_ONCE && la_now_ns() < exploring->until_ns; i++) {
            const uint32_t state = la_states_draw(states, &exploring->random);
            if (state != UINT32_MAX)
                drawn[count++] = state;
        }
        for (unsigned int i = 0; i < count && room_left(exploring); i++) {
            exploring->handed_in++;
            la_crew_hand_in(&exploring->crew, drawn[i]);
        }
        going = count && la_crew_wait(&exploring->crew, exploring->until_ns);
    }
}

/* ---- the recording ---- */

static void find_place(struct exploring *exploring)
{
    struct la_error ignored;
    la_path(exploring->dir, "%s/exploring", exploring->run->dir);
    if (la_make_dirs(exploring->dir, &ignored) == 0) /* in memory where that can be: nothing in it need survive */
        exploring->mounted = mount("lastack", exploring->dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") == 0;
}

static void leave_place(struct exploring *exploring)
{
    la_empty_folder(exploring->dir);
    if (exploring->mounted)
        umount2(exploring->dir, MNT_DETACH);
    rmdir(exploring->dir);
}

static int read_recording(struct exploring *exploring)
{
    struct la_error error;
    struct la_run *run = exploring->run;
    char path[LA_PATH_MAX];
    const struct la_node *node = &run->nodes[0];
    if (!node->power.journal)
        return la_run_doubt(run, "nothing was recorded: the server does not load libfaultinject.so");
    la_path(path, "%s/" LA_TAPE_FOLDER, run->dir);
    if (la_trail_read(&exploring->trail, node->power.side, node->data, UINT64_MAX, &error) ||
        la_tape_keep(run, &exploring->trail, path, &error))
        return la_run_doubt(run, "%s", error.text);
    exploring->seed = run->options->seed;
    return 0;
}

/* In place of a recording: the one that is gone on from, and what is known of it. It is kept anew, to go on from here.
 */
static void take_up(struct la_run *run, void *context)
{
    struct exploring *exploring = context;
    struct la_error error;
    char from[LA_PATH_MAX];
    char path[LA_PATH_MAX];
    la_path(from, "%s/" LA_TAPE_FOLDER, exploring->resumed);
    la_path(path, "%s/" LA_TAPE_FOLDER, run->dir);
    if (la_tape_play(from, run, &exploring->trail, &exploring->seed, &error) || la_make_dirs(path, &error) ||
        la_copy_tree(from, path, &error)) {
        la_run_doubt(run, "%s", error.text);
        return;
    }
    exploring->options = *run->options;
    exploring->options.seed = exploring->seed;
    run->options = &exploring->options;
    la_path(path, "%s/" LA_PROGRESS_FOLDER, exploring->resumed);
    if (la_progress_read(&exploring->before, path, run->options, &error) == 0)
        return;
    la_progress_free(&exploring->before);
    fprintf(stderr, "lastack: %s: explored from the beginning\n", error.text);
}

static void describe(struct exploring *exploring)
{
    struct la_run *run = exploring->run;
    exploring->recorded = (struct la_basis){.run = run,
                                            .trail = &exploring->trail,
                                            .recover = la_scenario_step(run->scenario, &la_step_recover, UINT32_MAX),
                                            .forkserver = exploring->explore->forkserver,
                                            .repairs = la_recover_repairs(run->scenario),
                                            .kept_ns = run->kept_ns};
}

static int explore(struct exploring *exploring)
{
    struct la_error error;
    const struct la_explore *asked = exploring->explore;
    exploring->until_ns = exploring->began_ns + asked->minutes * UINT64_C(60000000000);
    la_states_begin(&exploring->states, &exploring->trail, asked->endings, exploring->run->nodes[0].gone_ns);
    la_states_find(&exploring->states, asked->deviations);
    exploring->plan = (struct la_crew_plan){.recorded = &exploring->recorded,
                                            .states = &exploring->states,
                                            .dir = exploring->dir,
                                            .jobs = asked->jobs < LA_CREW_MAX ? asked->jobs : LA_CREW_MAX,
                                            .plain = asked->plain,
                                            .distrusted = exploring->before.counts.distrusted};
    if (la_crew_begin(&exploring->crew, &exploring->plan, &error))
        return la_run_doubt(exploring->run, "%s", error.text);
    exploring->enumerated = exploring->states.count;
    exploring->random = exploring->before.count ? exploring->before.random : exploring->seed;
    la_progress_take_up(&exploring->before, &exploring->states, &exploring->crew);
    if (recover_enumerated(exploring))
        recover_drawn(exploring);
    la_crew_stop(&exploring->crew);
    return 0;
}

/* What all have written down, and how far that is, for whoever goes on. */
static void gather(struct exploring *exploring, double seconds)
{
    struct la_error error;
    char path[LA_PATH_MAX];
    struct la_run *run = exploring->run;
    if (la_crew_violations(&exploring->crew, &exploring->violations, &error))
        la_run_doubt(run, "%s", error.text);
    la_progress_add(&exploring->before, &exploring->states, &exploring->violations);
    la_path(path, "%s/" LA_PROGRESS_FOLDER, run->dir);
    const struct la_progress_now now = {.before = &exploring->before,
                                        .crew = &exploring->crew,
                                        .violations = &exploring->violations,
                                        .options = run->options,
                                        .enumerated = exploring->enumerated,
                                        .random = exploring->random,
                                        .seconds = seconds};
    if (la_progress_write(&now, path, &error))
        fprintf(stderr, "lastack: it cannot be gone on from here: %s\n", error.text);
}

static json_t *conclude(struct exploring *exploring)
{
    const double seconds = exploring->before.seconds + (double)(la_now_ns() - exploring->began_ns) / 1e9;
    if (exploring->crew.board)
        gather(exploring, seconds);
    struct la_found found = {.recorded = &exploring->recorded,
                             .states = &exploring->states,
                             .crew = &exploring->crew,
                             .violations = &exploring->violations,
                             .before = &exploring->before,
                             .endings = exploring->explore->endings,
                             .dir = exploring->dir,
                             .seconds = seconds,
                             .cut_short = exploring->cut_short || la_interrupted()};
    return la_found_result(&found, exploring->run);
}

/* What is made of a run that says nothing says nothing either: files changed unseen, keys evicted, a load that did not
 * run. */
static bool is_sound(const struct la_run *run)
{
    struct la_strings doubts = {0};
    la_soundness(run, &doubts);
    const bool sound = !doubts.count;
    la_strings_free(&doubts);
    return sound;
}

/* The run has come to where the node was killed. */
static json_t *go_on(struct la_run *run, void *context)
{
    struct exploring *exploring = context;
    exploring->run = run;
    exploring->began_ns = la_now_ns();
    find_place(exploring);
    if (is_sound(run) && (*exploring->resumed || read_recording(exploring) == 0)) {
        describe(exploring);
        explore(exploring);
    }
    json_t *result = conclude(exploring);
    la_crew_end(&exploring->crew);
    la_violations_free(&exploring->violations);
    la_progress_free(&exploring->before);
    la_states_end(&exploring->states);
    la_trail_free(&exploring->trail);
    leave_place(exploring);
    return result;
}

/* Whether there is a recording of it to go on from. */
static bool find_resumed(struct exploring *exploring, const struct la_explore *explore,
                         const struct la_scenario *scenario)
{
    char tape[LA_PATH_MAX];
    exploring->explore = explore;
    if (!explore->resume)
        return false;
    static const char kept[] = "/" LA_TAPE_FOLDER "/scenario.yaml";
    la_path(exploring->resumed, "%s/%s", explore->resume, scenario->name);
    if (la_lies_in(scenario->path, explore->resume) && la_ends_with(scenario->path, kept)) /* by whatever name */
        la_path(exploring->resumed, "%.*s", (int)(strlen(scenario->path) - strlen(kept)), scenario->path);
    la_path(tape, "%s/" LA_TAPE_FOLDER, exploring->resumed);
    if (access(tape, F_OK))
        exploring->resumed[0] = '\0';
    return *exploring->resumed;
}

json_t *la_explore_scenario(const struct la_scenario *scenario, const struct la_options *options, const char *dir,
                            const void *explore)
{
    struct exploring *exploring = la_alloc(1, sizeof *exploring);
    const struct la_runner_recording recording = {find_resumed(exploring, explore, scenario) ? take_up : NULL, go_on,
                                                  exploring};
    struct la_scenario recorded = *scenario;
    struct la_power_spec spec = {LA_POWER_SIMULATED, LA_FS_EXT4, LA_POLICY_DROP};
    recorded.power_cut = &spec;
    json_t *result = la_runner_record(&recorded, options, dir, &recording);
    free(exploring);
    return result;
}
