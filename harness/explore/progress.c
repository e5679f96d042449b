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

static bool has_path(const struct la_directive *item)
{
    for (int i = 0; i < item->count; i++)
        if (strchr(item->args[i], '/'))
            return true;
    return false;
}

/* A hash of the directives that a scenario runs with, but for secrets, and for paths, which are another output
 * folder's.
 */
static uint64_t settings_of(const struct la_config *config)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    for (size_t i = 0; out && i < config->count; i++) {
        const struct la_directive *item = &config->items[i];
        if (has_path(item) || la_config_is_secret(item->name))
            continue;
        fputs(item->name, out);
        for (int k = 0; k < item->count; k++)
            fprintf(out, " %s", item->args[k]);
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
    struct la_crew_counts *counts = &progress->counts;
    json_t *subject = subject_of(options);
    la_path(path, "%s/progress.json", folder);
    json_t *json = json_load_file(path, 0, NULL);
    bool bad = json_unpack(json, "{so, si, si, si, sf, ss, sb}", "of", &recorded, "forked", &counts->forked, "compared",
                           &counts->compared, "differ", &counts->differ, "seconds", &progress->seconds, "plain_starts",
                           &no_fork, "distrusted", &distrusted);
    int result = bad ? la_fail(error, "%s: not what lastack explore leaves", path) : 0;
    if (!result && !json_equal(recorded, subject))
        result = la_fail(error, "%s: what it knows is of another server, or another configuration", folder);
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
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

bool la_progress_take(struct la_progress *progress, struct la_crew *crew, uint32_t state)
{
    const struct la_state *of = &crew->plan->states->items[state];
    const struct la_known key = {.hash = of->hash};
    const struct la_known *known =
        progress->count ? bsearch(&key, progress->items, progress->count, sizeof key, by_hash) : NULL;
    if (!known || memcmp(known->due_ns, of->due_ns, sizeof known->due_ns) != 0 ||
        (progress->counts.distrusted && !known->plainly))
        return false;
    progress->states[known - progress->items] = state + 1;
    la_crew_know(crew, state, known->outcomes, known->plainly);
    return true;
}

void la_progress_add(const struct la_progress *progress, struct la_violations *violations)
{
    for (size_t i = 0; i < progress->violations.count; i++) {
        const struct la_violation *one = &progress->violations.items[i];
        if (one->state < progress->count && progress->states[one->state])
            la_violations_add(violations, progress->states[one->state] - 1, one->ending, one->kinds, one->reason);
    }
    la_violations_sort(violations);
}

/* ---- writing ---- */

static struct la_known *known_now(const struct la_crew *crew, size_t *count)
{
    static const uint8_t unseen[LA_ENDINGS];
    const struct la_states *states = crew->plan->states;
    struct la_known *items = la_alloc(states->count + 1U, sizeof *items);
    for (uint32_t i = 0; i < states->count; i++) {
        struct la_known *known = &items[*count];
        *known = (struct la_known){.hash = states->items[i].hash, .plainly = la_crew_was_plain(crew, i)};
        memcpy(known->due_ns, states->items[i].due_ns, sizeof known->due_ns);
        for (int ending = 0; ending < LA_ENDINGS; ending++)
            known->outcomes[ending] = (uint8_t)la_crew_outcome(crew, i, (enum la_ending)ending);
        *count += memcmp(known->outcomes, unseen, sizeof unseen) != 0;
    }
    if (*count)
        qsort(items, *count, sizeof *items, by_hash);
    return items;
}

static int write_violations(const struct la_states *states, const struct la_violations *violations,
                            const struct la_known *items, size_t count, const char *folder, struct la_error *error)
{
    char path[LA_PATH_MAX];
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    la_path(path, "%s/violations", folder);
    for (size_t i = 0; out && i < violations->count; i++) {
        const struct la_violation *one = &violations->items[i];
        const struct la_known key = {.hash = states->items[one->state].hash};
        const struct la_known *known = count ? bsearch(&key, items, count, sizeof key, by_hash) : NULL;
        if (known)
            la_violation_write(out, (uint32_t)(known - items), one->ending, one->kinds, one->reason);
    }
    if (out)
        fclose(out);
    int failed = text ? la_output(path, -1, text, length, error) : la_fail(error, "%s: no memory", path);
    free(text);
    return failed;
}

static int write_counts(const struct la_crew_counts *counts, const struct la_options *options, const char *folder,
                        double seconds, struct la_error *error)
{
    char path[LA_PATH_MAX];
    la_path(path, "%s/progress.json", folder);
    json_t *json = json_pack("{so, si, si, si, sf, ss, sb}", "of", subject_of(options), "forked", (int)counts->forked,
                             "compared", (int)counts->compared, "differ", (int)counts->differ, "seconds", seconds,
                             "plain_starts", counts->no_fork, "distrusted", counts->distrusted);
    int failed = la_result_write(json, path, error);
    json_decref(json);
    return failed;
}

void la_progress_count(const struct la_progress *before, struct la_crew_counts *counts)
{
    counts->forked += before->counts.forked;
    counts->compared += before->counts.compared;
    counts->differ += before->counts.differ;
}

int la_progress_write(const struct la_progress *before, const struct la_crew *crew,
                      const struct la_violations *violations, const struct la_options *options, const char *folder,
                      double seconds, struct la_error *error)
{
    char path[LA_PATH_MAX];
    size_t count = 0;
    struct la_crew_counts counts;
    struct la_known *items = known_now(crew, &count);
    la_crew_count(crew, &counts);
    la_progress_count(before, &counts);
    la_path(path, "%s/states", folder);
    bool failed = la_make_dirs(folder, error) ||
                  la_output(path, -1, (const char *)items, count * sizeof *items, error) ||
                  write_violations(crew->plan->states, violations, items, count, folder, error) ||
                  write_counts(&counts, options, folder, seconds, error) || la_evidence_seal(folder, error);
    free(items);
    return failed ? -1 : 0;
}
