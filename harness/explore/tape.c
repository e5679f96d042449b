#include "explore/tape.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/copy.h"
#include "report/evidence.h"
#include "report/result.h"
#include "report/row.h"
#include "types/ledger_check.h"

static int keep_ledger(const struct la_run *run, const char *folder, struct la_error *error)
{
    char path[LA_PATH_MAX];
    struct la_ledger ledger;
    la_path(path, "%s/ledger", folder);
    la_ledger_at(&run->ledger, UINT64_MAX, &ledger);
    int failed = la_ledger_save(&ledger, path, error);
    la_ledger_close(&ledger);
    return failed;
}

static int keep_times(const struct la_run *run, const char *folder, struct la_error *error)
{
    char path[LA_PATH_MAX];
    const struct la_node *node = &run->nodes[0];
    la_path(path, "%s/recording.json", folder);
    json_t *times = json_pack("{sI, sI, sI, sI, sI, sI, so}", "seed", (json_int_t)run->options->seed, "start_ns",
                              (json_int_t)run->start_ns, "wall_offset_ns", (json_int_t)run->wall_offset_ns, "end_ns",
                              (json_int_t)node->gone_ns, "kept_ns", (json_int_t)run->kept_ns, "slowest_sync_ns",
                              (json_int_t)atomic_load(&node->control->slowest_sync_ns), "base_keys",
                              la_json_texts(&run->base_keys));
    int failed = la_result_write(times, path, error);
    json_decref(times);
    return failed;
}

int la_tape_keep(const struct la_run *run, const struct la_trail *trail, const char *folder, struct la_error *error)
{
    char path[LA_PATH_MAX];
    const struct la_node *node = &run->nodes[0];
    la_path(path, "%s/scenario.yaml", folder);
    bool failed = la_make_dirs(folder, error) || la_copy_file(run->scenario->path, path, error) ||
                  la_trail_keep(trail, node->power.side, node->data, folder, error) ||
                  keep_ledger(run, folder, error) || keep_times(run, folder, error) || la_evidence_seal(folder, error);
    return failed ? -1 : 0;
}

static int read_times(const char *folder, struct la_run *run, uint64_t *seed, struct la_error *error)
{
    char path[LA_PATH_MAX];
    const json_t *keys = NULL;
    json_int_t of[6];
    la_path(path, "%s/recording.json", folder);
    json_t *times = json_load_file(path, 0, NULL);
    bool bad = json_unpack(times, "{sI, sI, sI, sI, sI, sI, so}", "seed", &of[0], "start_ns", &of[1], "wall_offset_ns",
                           &of[2], "end_ns", &of[3], "kept_ns", &of[4], "slowest_sync_ns", &of[5], "base_keys", &keys);
    if (!bad) {
        size_t i;
        json_t *key;
        *seed = (uint64_t)of[0];
        run->start_ns = (uint64_t)of[1];
        run->wall_offset_ns = of[2];
        run->nodes[0].gone_ns = (uint64_t)of[3];
        run->kept_ns = (uint64_t)of[4];
        atomic_store(&run->nodes[0].control->slowest_sync_ns, (uint64_t)of[5]);
        json_array_foreach (keys, i, key)
            la_strings_add(&run->base_keys, la_strdup(json_string_value(key)));
    }
    json_decref(times);
    return bad ? la_fail(error, "%s: not what lastack explore leaves", path) : 0;
}

static int check_scenario(const char *folder, const struct la_scenario *scenario, struct la_error *error)
{
    char path[LA_PATH_MAX];
    char kept[LA_SUM_LENGTH + 1];
    char now[LA_SUM_LENGTH + 1];
    la_path(path, "%s/scenario.yaml", folder);
    if (la_evidence_sum(path, kept, error) || la_evidence_sum(scenario->path, now, error))
        return -1;
    return strcmp(kept, now) != 0 ? la_fail(error, "%s is not the scenario that was recorded: give %s, or record anew",
                                            scenario->path, path)
                                  : 0;
}

int la_tape_check(const char *folder, struct la_error *error)
{
    enum la_seal seal;
    if (la_evidence_check(folder, &seal, error))
        return -1;
    return seal == LA_SEAL_WHOLE ? 0 : la_fail(error, "%s: the recording is not whole: record anew", folder);
}

int la_tape_play(const char *folder, struct la_run *run, struct la_trail *trail, uint64_t *seed, struct la_error *error)
{
    char path[LA_PATH_MAX];
    la_path(path, "%s/ledger", folder);
    bool failed = la_tape_check(folder, error) || check_scenario(folder, run->scenario, error) ||
                  la_ledger_open(&run->ledger, path, error) || read_times(folder, run, seed, error) ||
                  la_trail_read(trail, folder, NULL, UINT64_MAX, error);
    return failed ? -1 : 0;
}
