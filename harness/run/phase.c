#include "run/phase.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"

static const char *of_command(const char *line)
{
    static const struct {
        const char *words;
        const char *phase;
    } rows[] = {{"BGSAVE", "snapshot"}, {"SAVE", "snapshot"},     {"BGREWRITEAOF", "rewrite"}, {"REPLICAOF", "resync"},
                {"SLAVEOF", "resync"},  {"SHUTDOWN", "shutdown"}, {"CONFIG SET", "switch"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t length = strlen(rows[i].words);
        if (!strncasecmp(line, rows[i].words, length) && (line[length] == ' ' || !line[length]))
            return rows[i].phase;
    }
    return "admin";
}

static bool is_a(const struct la_step *step, const char *name)
{
    return !strcmp(step->kind->form.name, name);
}

/* NULL: it begins none. */
static const char *of_step(const struct la_scenario *scenario, unsigned int index)
{
    const struct la_step *step = &scenario->steps[index];
    if (is_a(step, "load"))
        return index && is_a(step - 1, "command") ? NULL : "writes";
    if (is_a(step, "recover"))
        return "start";
    return is_a(step, "command") ? of_command(la_step_line(step)) : NULL;
}

void la_phases_begin(struct la_phases *phases, const struct la_scenario *scenario, unsigned int index)
{
    unsigned int about = index;
    while (is_a(&scenario->steps[about], "arm") && about + 1 < scenario->step_count)
        about++;
    const char *name = of_step(scenario, about);
    if (!name || phases->count == LA_PHASES_MAX)
        return;
    bool room = phases->count < LA_PHASES_MAX - 1;
    phases->items[phases->count++] = (struct la_phase){la_now_ns(), room ? name : NULL};
}

const char *la_phases_at(const struct la_phases *phases, uint64_t ns)
{
    const char *name = "start";
    for (unsigned int i = 0; i < phases->count && phases->items[i].began_ns <= ns; i++)
        name = phases->items[i].name;
    return name;
}
