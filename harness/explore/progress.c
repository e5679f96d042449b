#include "explore/progress.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/output.h"
#include "report/evidence.h"
#include "report/result.h"
#include "report/row.h"

enum { FILE_MAX = 1 << 30 };

/* ---- of what server it is ---- */

/* Where another output folder has another path: what counts of a file is its name, and what it holds. */
static void write_argument(FILE *out, const char *argument)
{
    char sum[LA_SUM_LENGTH + 1] = "";
    struct la_error ignored;
    const char *slash = strrchr(argument, '/');
    if (slash && la_is_file(argument) && la_evidence_sum(argument, sum, &ignored))
        sum[0] = '\0';
    fprintf(out, " %s%s", slash ? slash + 1 : argument, sum);
}

/* A hash of the directives that a scenario runs with, but for secrets, and for what lastack itself puts elsewhere. */
static uint64_t settings_of(const struct la_config *config)
{
    static const char *const ours[] = {"dir", "port", "unixsocket", "logfile", "pidfile"};
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    for (size_t i = 0; out && i < config->count; i++) {
        const struct la_directive *item = &config->items[i];
        if (LA_IS_AMONG(item->name, ours) || la_config_is_secret(item->name))
            continue;
        fputs(item->name, out);
        for (int k = 0; k < item->count; k++)
            write_argument(out, item->args[k]);
        fputc('\n', out);
    }
    if (out)
        fclose(out);
    const uint64_t hash = text ? XXH3_64bits(text, length) : 0;
    free(text);
    return hash;
}

static json_t *subject_of(const struct la_options *options)
{
    char sum[LA_SUM_LENGTH + 1] = "";
    struct la_error ignored;
    if (la_evidence_sum(options->server.path, sum, &ignored))
        sum[0] = '\0';
    return json_pack("{so, ss, sI}", "server", la_json_text(options->server.path), "server_sum", sum, "settings",
                     (json_int_t)settings_of(options->server.base));
}

/* ---- reading ---- */

static int read_counts(struct la_progress *progress, const char *folder, const struct la_options *options,
                       struct la_error *error)
{
    char path[LA_PATH_MAX];
    const json_t *recorded = NULL;
    const char *no_fork = "";
    int distrusted = 0;
    json_int_t random = 0;
    struct la_crew_counts *counts = &progress->counts;
    json_t *subject = subject_of(options);
    la_path(path, "%s/progress.json", folder);
    json_t *json = json_load_file(path, 0, NULL);
    bool bad = json_unpack(json, "{so, sI, si, si, si, sf, ss, sb}", "of", &recorded, "random", &random, "forked",
                           &counts->forked, "compared", &counts->compared, "differ", &counts->differ, "seconds",
                           &progress->seconds, "plain_starts", &no_fork, "distrusted", &distrusted);
    int result = bad ? la_fail(error, "%s: not what lastack explore leaves", path) : 0;
    if (!result && !json_equal(recorded, subject))
        result = la_fail(error, "%s: what it knows is of another server, or another configuration", folder);
    progress->random = (uint64_t)random;
    counts->distrusted = distrusted;
    if (!result)
        snprintf(counts->no_fork, sizeof counts->no_fork, "%s", no_fork);
    json_decref(json);
    json_decref(subject);
    return result;
}

static int read_states(struct la_progress *progress, const char *folder, struct la_error *error)
{
    char path[LA_PATH_MAX];
    size_t length = 0;
    la_path(path, "%s/states", folder);
    progress->items = (struct la_known *)(void *)la_read_file(path, FILE_MAX, &length, error);
    if (!progress->items)
        return -1;
    progress->count = length / sizeof *progress->items;
    progress->states = la_alloc(progress->count + 1, sizeof *progress->states);
    return length % sizeof *progress->items ? la_fail(error, "%s: damaged", path) : 0;
}

int la_progress_read(struct la_progress *progress, const char *folder, const struct la_options *options,
                     struct la_error *error)
{
    char path[LA_PATH_MAX];
    enum la_seal seal;
    *progress = (struct la_progress){0};
    if (access(folder, F_OK))
        return 0;
    if (la_evidence_check(folder, &seal, error))
        return -1;
    if (seal != LA_SEAL_WHOLE)
        return la_fail(error, "%s: not whole", folder);
    la_path(path, "%s/violations", folder);
    bool failed = read_counts(progress, folder, options, error) || read_states(progress, folder, error) ||
                  la_violations_read(&progress->violations, path, error);
    return failed ? -1 : 0;
}

void la_progress_free(struct la_progress *progress)
{
    la_violations_free(&progress->violations);
    free(progress->items);
    free(progress->states);
    *progress = (struct la_progress){0};
}

static int by_hash(const void *one, const void *other)
{
    const struct la_known *a = one;
    const struct la_known *b = other;
    return a->state.hash < b->state.hash ? -1 : a->state.hash > b->state.hash;
}

static const struct la_known *find(const struct la_known *items, size_t count, uint64_t hash)
{
    const struct la_known key = {.state = {.hash = hash}};
    return count ? bsearch(&key, items, count, sizeof key, by_hash) : NULL;
}

void la_progress_take_up(struct la_progress *progress, struct la_states *states, struct la_crew *crew)
{
    for (size_t i = 0; i < progress->count; i++) {
        const struct la_known *known = &progress->items[i];
        const uint32_t index = la_states_keep(states, &known->state);
        if (index == UINT32_MAX)
            continue;
        progress->states[i] = index + 1;
        for (int ending = 0; ending < LA_ENDINGS && !(progress->counts.distrusted && !known->plainly); ending++)
            if (states->endings >> ending & 1)
                la_crew_know(crew, index, (enum la_ending)ending, (enum la_outcome)known->outcomes[ending],
                             known->judged_ns[ending], known->plainly);
        progress->known += la_crew_knows(crew, index);
    }
}

void la_progress_add(const struct la_progress *progress, const struct la_states *states,
                     struct la_violations *violations)
{
    for (size_t i = 0; i < progress->violations.count; i++) {
        const struct la_violation *one = &progress->violations.items[i];
        const uint32_t taken = one->state < progress->count ? progress->states[one->state] : 0;
        if (taken && states->endings >> one->ending & 1)
            la_violations_add(violations, taken - 1, one->ending, one->kinds, one->reason);
    }
    la_violations_sort(violations);
}

void la_progress_count(const struct la_progress *before, struct la_crew_counts *counts)
{
    counts->forked += before->counts.forked;
    counts->compared += before->counts.compared;
    counts->differ += before->counts.differ;
    if (!counts->looked_at && before->count)
        memcpy(counts->no_fork, before->counts.no_fork, sizeof counts->no_fork);
}

/* ---- writing ---- */

/* By endings that are not asked for now: what was known of them stays known. */
static void keep_others(struct la_known *known, const struct la_known *before, unsigned int endings)
{
    for (int ending = 0; ending < LA_ENDINGS; ending++) {
        if (endings >> ending & 1)
            continue;
        known->state.due_ns[ending] = before->state.due_ns[ending];
        known->state.choices[ending] = before->state.choices[ending];
        known->judged_ns[ending] = before->judged_ns[ending];
        known->outcomes[ending] = before->outcomes[ending];
    }
    known->plainly = known->plainly && before->plainly;
}

static struct la_known known_of(const struct la_progress_now *now, uint32_t state)
{
    const struct la_states *states = now->crew->plan->states;
    struct la_known known = {.state = states->items[state], .plainly = la_crew_was_plain(now->crew, state)};
    for (int ending = 0; ending < LA_ENDINGS; ending++) {
        known.outcomes[ending] = (uint8_t)la_crew_outcome(now->crew, state, (enum la_ending)ending);
        known.judged_ns[ending] = la_crew_judged_ns(now->crew, state, (enum la_ending)ending);
    }
    const struct la_known *before = find(now->before->items, now->before->count, known.state.hash);
    if (before)
        keep_others(&known, before, states->endings);
    return known;
}

static struct la_known *known_now(const struct la_progress_now *now, size_t *count)
{
    static const uint8_t unseen[LA_ENDINGS];
    const struct la_states *states = now->crew->plan->states;
    struct la_known *items = la_alloc(states->count + 1U, sizeof *items);
    for (uint32_t i = 0; i < states->count; i++) {
        items[*count] = known_of(now, i);
        *count += i >= now->enumerated || memcmp(items[*count].outcomes, unseen, sizeof unseen) != 0;
    }
    if (*count)
        qsort(items, *count, sizeof *items, by_hash);
    return items;
}

static void write_line(FILE *out, const struct la_known *items, size_t count, uint64_t hash,
                       const struct la_violation *one)
{
    const struct la_known *known = find(items, count, hash);
    if (known)
        la_violation_write(out, (uint32_t)(known - items), one->ending, one->kinds, one->reason);
}

static int write_violations(const struct la_progress_now *now, const struct la_known *items, size_t count,
                            const char *folder, struct la_error *error)
{
    char path[LA_PATH_MAX];
    char *text = NULL;
    size_t length = 0;
    const struct la_states *states = now->crew->plan->states;
    const struct la_progress *before = now->before;
    FILE *out = open_memstream(&text, &length);
    la_path(path, "%s/violations", folder);
    for (size_t i = 0; out && i < now->violations->count; i++) {
        const struct la_violation *one = &now->violations->items[i];
        write_line(out, items, count, states->items[one->state].hash, one);
    }
    for (size_t i = 0; out && i < before->violations.count; i++) {
        const struct la_violation *one = &before->violations.items[i];
        if (one->state < before->count && !(states->endings >> one->ending & 1))
            write_line(out, items, count, before->items[one->state].state.hash, one);
    }
    if (out)
        fclose(out);
    int failed = text ? la_output(path, -1, text, length, error) : la_fail(error, "%s: no memory", path);
    free(text);
    return failed;
}

static int write_counts(const struct la_progress_now *now, const char *folder, struct la_error *error)
{
    char path[LA_PATH_MAX];
    struct la_crew_counts counts;
    la_crew_count(now->crew, &counts);
    la_progress_count(now->before, &counts);
    la_path(path, "%s/progress.json", folder);
    json_t *json =
        json_pack("{so, sI, si, si, si, sf, ss, sb}", "of", subject_of(now->options), "random", (json_int_t)now->random,
                  "forked", (int)counts.forked, "compared", (int)counts.compared, "differ", (int)counts.differ,
                  "seconds", now->seconds, "plain_starts", counts.no_fork, "distrusted", counts.distrusted);
    int failed = la_result_write(json, path, error);
    json_decref(json);
    return failed;
}

int la_progress_write(const struct la_progress_now *now, const char *folder, struct la_error *error)
{
    char path[LA_PATH_MAX];
    size_t count = 0;
    struct la_known *items = known_now(now, &count);
    la_path(path, "%s/states", folder);
    bool failed = la_make_dirs(folder, error) ||
                  la_output(path, -1, (const char *)items, count * sizeof *items, error) ||
                  write_violations(now, items, count, folder, error) || write_counts(now, folder, error) ||
                  la_evidence_seal(folder, error);
    free(items);
    return failed ? -1 : 0;
}
