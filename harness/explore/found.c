#include "explore/found.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore/nearest.h"
#include "judge/soundness.h"
#include "report/result.h"
#include "report/row.h"

enum { GROUPS_MAX = 12, WORDS_MAX = 1000 };

/* Violations of the same kinds by the same ending. */
struct group {
    const struct la_violation *first;
    const struct la_violation *told; /* of it, or of one that looks like it: what is wrong */
    uint32_t states;
};

struct groups {
    struct group items[GROUPS_MAX];
    unsigned int count;
    uint32_t more;                /* violations that have no group, */
    struct la_strings more_kinds; /* and of what kinds they are */
};

/* Where it was not said, because the state looks like others: those of the first that does. */
static const struct la_violation *told_of(const struct la_states *states, const struct la_violations *violations,
                                          size_t index)
{
    const struct la_violation *one = &violations->items[index];
    const struct la_violation *of_another_ending = one;
    for (size_t i = 0; !*one->kinds && i < violations->count; i++) {
        const struct la_violation *other = &violations->items[i];
        const bool alike = states->items[other->state].likeness == states->items[one->state].likeness;
        if (!*other->kinds || !strcmp(other->kinds, LA_OPEN_KIND) || (other->state != one->state && !alike))
            continue;
        if (other->state == one->state || other->ending == one->ending)
            return other;
        of_another_ending = other;
    }
    return of_another_ending;
}

static void sort_out(const struct la_found *found, struct groups *groups)
{
    const struct la_states *states = found->states;
    const struct la_violations *violations = found->violations;
    const struct la_violation *before = NULL;
    *groups = (struct groups){.count = 0};
    for (size_t i = 0; i < violations->count; i++) {
        const struct la_violation *one = &violations->items[i];
        const bool twice = before && before->state == one->state && before->ending == one->ending;
        if (twice || !strcmp(one->kinds, LA_OPEN_KIND) ||
            la_crew_outcome(found->crew, one->state, one->ending) != LA_SEEN_VIOLATED) /* a plain start took it back */
            continue;
        before = one;
        const struct la_violation *told = told_of(states, violations, i);
        unsigned int at = 0;
        while (at < groups->count && (groups->items[at].first->ending != one->ending ||
                                      strcmp(groups->items[at].told->kinds, told->kinds) != 0))
            at++;
        if (at == GROUPS_MAX) {
            groups->more++;
            la_strings_add_once(&groups->more_kinds, told->kinds);
            continue;
        }
        if (at == groups->count)
            groups->items[groups->count++] = (struct group){.first = one, .told = told};
        groups->items[at].states++;
    }
}

/* How many states of an ending have come out so. */
static uint32_t count(const struct la_found *found, int ending, enum la_outcome outcome)
{
    uint32_t states = 0;
    for (uint32_t i = 0; i < found->states->count; i++)
        states += la_crew_outcome(found->crew, i, (enum la_ending)ending) == outcome;
    return states;
}

/* A state of a group, to be told of. */
struct example {
    struct la_state state;
    char *reason;
    char bundle[32]; /* its name; empty: it could not be made */
};

/* Of what is lost the state nearest to everything, else the first one; with a bundle. `reason` is to be freed. */
static void find_example(const struct la_found *found, const struct la_run *run, const struct group *group,
                         unsigned int number, struct example *example)
{
    char path[LA_PATH_MAX];
    char dir[LA_PATH_MAX];
    struct la_error error = {""};
    struct la_examiner examiner;
    struct la_examined examined = {LA_INCONCLUSIVE, {0}, {0}};
    const enum la_ending ending = group->first->ending;
    *example = (struct example){.state = found->states->items[group->first->state]};
    snprintf(example->bundle, sizeof example->bundle, "found-%u", number + 1);
    la_path(path, "%s/%s", run->dir, example->bundle);
    la_path(dir, "%s/again", found->dir);
    bool begun = la_examiner_begin(&examiner, found->recorded, dir, false, &error) == 0;
    const uint32_t cut = la_states_last_moment(found->states, example->state.choices[ending].cut, ending);
    if (begun)
        la_nearest(&examiner, cut, ending, group->told->kinds, &example->state, &example->reason);
    if (!begun || la_examine_plainly(&examiner, &example->state, ending, path, &examined, &error))
        example->bundle[0] = '\0';
    if (!example->reason)
        example->reason = la_strdup(group->told->reason);
    la_examined_free(&examined);
    la_examiner_end(&examiner);
}

static void words_of(const struct la_found *found, const struct la_choice *choice, char words[WORDS_MAX])
{
    struct la_trail at;
    la_trail_at(found->recorded->trail, choice->cut, &at);
    la_space_words(&at, choice, words, WORDS_MAX);
    la_trail_free(&at);
}

static json_t *tell_group(const struct la_found *found, struct la_run *run, const struct group *group,
                          unsigned int number)
{
    char words[WORDS_MAX];
    struct example example;
    const enum la_ending ending = group->first->ending;
    find_example(found, run, group, number, &example);
    words_of(found, &example.state.choices[ending], words);
    json_t *told = json_pack("{ss, ss, si, so, so, ss}", "kinds", group->told->kinds, "ending", la_ending_names[ending],
                             "states", (int)group->states, "reason", la_json_text(example.reason), "state",
                             la_json_text(words), "bundle", example.bundle);
    free(example.reason);
    return told;
}

static json_t *tell_ending(const struct la_found *found, int ending)
{
    const uint32_t well = count(found, ending, LA_SEEN_WELL);
    const uint32_t violated = count(found, ending, LA_SEEN_VIOLATED);
    const uint32_t open = count(found, ending, LA_SEEN_OPEN);
    const uint32_t distinct = la_states_distinct(found->states, (enum la_ending)ending);
    const uint32_t seen = well + violated + open;
    return json_pack("{ss, sI, si, si, si, si, sb}", "ending", la_ending_names[ending], "possible",
                     (json_int_t)found->states->possible[ending], "distinct", (int)distinct, "recovered", (int)seen,
                     "violated", (int)violated, "inconclusive", (int)open, "all",
                     found->states->whole[ending] && seen == distinct);
}

static json_t *tell(const struct la_found *found, struct la_run *run, const struct groups *groups)
{
    struct la_crew_counts counts = {0};
    if (found->crew->board)
        la_crew_count(found->crew, &counts);
    la_progress_count(found->before, &counts);
    json_t *endings = json_array();
    json_t *kinds = json_array();
    for (int ending = 0; ending < LA_ENDINGS && found->crew->board; ending++)
        if (found->endings >> ending & 1)
            json_array_append_new(endings, tell_ending(found, ending));
    for (unsigned int i = 0; i < groups->count; i++)
        json_array_append_new(kinds, tell_group(found, run, &groups->items[i], i));
    return json_pack("{si, si, si, si, si, si, si, ss, sf, sb, so, so}", "operations",
                     (int)(found->recorded->trail ? found->recorded->trail->count : 0), "moments",
                     (int)found->states->moments, "recovered", (int)counts.done, "known", (int)found->before->known,
                     "forked", (int)counts.forked, "compared", (int)counts.compared, "differ", (int)counts.differ,
                     "plain_starts", counts.no_fork, "seconds", found->seconds, "cut_short", found->cut_short,
                     "endings", endings, "found", kinds);
}

/* ---- the judgement ---- */

static void add_kinds(struct la_strings *violated, const char *kinds)
{
    char *copy = la_strdup(kinds);
    char *rest = copy;
    for (char *kind; (kind = strsep(&rest, ","));)
        if (*kind)
            la_strings_add_once(violated, kind);
    free(copy);
}

static const char *why_open(const struct la_violations *violations, int ending)
{
    for (size_t i = 0; i < violations->count; i++)
        if ((int)violations->items[i].ending == ending && !strcmp(violations->items[i].kinds, LA_OPEN_KIND))
            return violations->items[i].reason;
    return "by some other ending";
}

static void give_doubts(const struct la_found *found, const struct la_run *run, struct la_strings *doubts)
{
    struct la_crew_counts counts = {0};
    la_soundness(run, doubts);
    if (!found->crew->board)
        return;
    la_crew_count(found->crew, &counts);
    if (!counts.done)
        la_strings_add(doubts, la_strdup("no state was recovered"));
    if (counts.failed)
        la_strings_add(doubts, la_format("%u of the processes that recover states have failed", counts.failed));
    for (int ending = 0; ending < LA_ENDINGS; ending++) {
        const uint32_t open = count(found, ending, LA_SEEN_OPEN);
        if (open)
            la_strings_add(doubts, la_format("%s: of %u states nothing can be said: %s", la_ending_names[ending], open,
                                             why_open(found->violations, ending)));
    }
}

static struct la_judgement judge(const struct la_found *found, const struct la_run *run, const struct groups *groups)
{
    struct la_judgement judgement = {.verdict = LA_HOLDS};
    give_doubts(found, run, &judgement.doubts);
    for (unsigned int i = 0; i < groups->count; i++) {
        const struct group *group = &groups->items[i];
        la_strings_add(&judgement.reasons, la_format("%s, %u states: %s", la_ending_names[group->first->ending],
                                                     group->states, group->told->reason));
        add_kinds(&judgement.violated, group->told->kinds);
    }
    for (size_t i = 0; i < groups->more_kinds.count; i++)
        add_kinds(&judgement.violated, groups->more_kinds.items[i]);
    if (groups->more)
        la_strings_add(&judgement.reasons, la_format("%u states more, of other kinds", groups->more));
    judgement.sound = !judgement.doubts.count;
    if (groups->count)
        judgement.verdict = LA_VIOLATED;
    else if (judgement.doubts.count)
        judgement.verdict = LA_INCONCLUSIVE;
    for (size_t i = 0; i < judgement.doubts.count; i++)
        la_strings_add(&judgement.reasons, la_strdup(judgement.doubts.items[i]));
    return judgement;
}

/* The command line of a run is that of an exploration, but for its first words. */
static void explore_again(json_t *result)
{
    static const char run[] = "lastack run ";
    const char *line = json_string_value(json_object_get(result, "reproduce"));
    if (!line || strncmp(line, run, strlen(run)) != 0)
        return;
    char *again = la_format("lastack explore %s", line + strlen(run));
    json_object_set_new(result, "reproduce", json_string(again));
    free(again);
}

json_t *la_found_result(const struct la_found *found, struct la_run *run)
{
    struct groups groups;
    sort_out(found, &groups);
    struct la_judgement judgement = judge(found, run, &groups);
    json_t *result = la_result_scenario(run, &judgement);
    json_object_set_new(result, "explored", tell(found, run, &groups));
    explore_again(result);
    la_judgement_free(&judgement);
    la_strings_free(&groups.more_kinds);
    return result;
}
