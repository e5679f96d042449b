#include "suite/past.h"

#include <string.h>

#include "judge/judge.h"

int la_past_read(struct la_past *recorded, const char *path, struct la_error *error)
{
    *recorded = (struct la_past){.json = json_load_file(path, 0, NULL), .crash_lives = 1, .verdict = ""};
    const json_t *reasons = NULL;
    if (!recorded->json)
        return la_fail(error, "%s: not the result of a run", path);
    int bad = json_unpack(recorded->json, "{s?s, s?s, s?o, s?o, s?i, s?b, s?b, s?b}", "server", &recorded->server,
                          "verdict", &recorded->verdict, "doubts", &recorded->doubts, "reasons", &reasons,
                          "crash_lives", &recorded->crash_lives, "given_data", &recorded->given_data, "may_evict",
                          &recorded->may_evict, "cut_unseen", &recorded->cut_unseen);
    bool sound = strcmp(recorded->verdict, la_verdict_name(LA_INCONCLUSIVE)) != 0;
    if (!recorded->doubts && !sound) /* from before doubts were written down by themselves */
        recorded->doubts = reasons;
    return bad ? la_fail(error, "%s: not the result of a run", path) : 0;
}

void la_past_doubts(struct la_run *run, const struct la_past *recorded)
{
    size_t i;
    json_t *doubt;
    if (!recorded->json)
        la_run_doubt(run, "the run was not finished: nothing says whether it was sound");
    json_array_foreach (recorded->doubts, i, doubt)
        la_run_doubt(run, "the run itself: %s", json_string_value(doubt));
    run->may_evict = recorded->may_evict;
    bool judged =
        recorded->json && *recorded->verdict && strcmp(recorded->verdict, la_verdict_name(LA_INCONCLUSIVE)) != 0;
    run->unproven = !judged || recorded->cut_unseen;
}
