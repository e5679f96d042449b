#include "report/write_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is known of one command. */
struct outcome {
    bool sent;
    bool accepted;
    bool changed;
    unsigned int error; /* outcome of the last call that was refused; 0: none was */
};

static void take_item(const struct la_commands *commands, const struct la_recorded *item, const struct la_op *op,
                      bool changed, struct outcome *outcomes)
{
    const struct la_command *command = item->count > 1 ? la_commands_find(commands, "exec")
                                       : item->popped  ? la_commands_find(commands, "spop")
                                                       : la_commands_sent(commands, item->commands[0]);
    if (!command)
        return;
    struct outcome *outcome = &outcomes[command - commands->items];
    outcome->sent = true;
    outcome->accepted = outcome->accepted || op->outcome == LA_OUTCOME_OK;
    outcome->changed = outcome->changed || (op->outcome == LA_OUTCOME_OK && changed);
    outcome->error = op->outcome >= LA_OUTCOME_ERROR ? op->outcome : outcome->error;
}

/* "": it was exercised. */
static void explain(const struct la_run *run, const struct outcome *outcome, const char *unjudged, char *out,
                    size_t size)
{
    const struct la_ledger_head *head = run->ledger.head;
    if (outcome->changed)
        snprintf(out, size, "%s", unjudged);
    else if (outcome->accepted)
        snprintf(out, size, "it changed nothing");
    else if (outcome->error)
        snprintf(out, size, "refused: %.80s", head->errors[outcome->error - LA_OUTCOME_ERROR].text);
    else
        snprintf(out, size, outcome->sent ? "no reply came" : "it is not sent, or not by this name");
    la_printable(out);
}

json_t *la_write_commands_of(const struct la_run *run, enum la_verdict verdict)
{
    if (!run->scenario->load->commands || !run->changed || !run->verified)
        return json_null();
    bool struck = atomic_load(&run->ledger.head->life) > 0;
    bool judged = verdict == LA_HOLDS || verdict == LA_VIOLATED;
    const char *unjudged = !struck ? "no crash came after it" : judged ? "" : "the run was inconclusive";
    const struct la_commands *commands = &run->options->lacks->commands;
    struct outcome *outcomes = la_alloc(commands->count, sizeof *outcomes);
    uint64_t count = la_ledger_count(&run->ledger);
    for (uint64_t i = 0; i < count; i++) {
        const struct la_op *op = &run->ledger.ops[i];
        if (op->seq && op->seq <= run->recording.count)
            take_item(commands, &run->recording.items[op->seq - 1], op, run->changed[op->seq - 1], outcomes);
    }
    json_t *list = json_array();
    for (size_t i = 0; i < commands->count; i++) {
        char why[128];
        explain(run, &outcomes[i], unjudged, why, sizeof why);
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", commands->items[i].name, "why", why));
    }
    free(outcomes);
    return list;
}

json_t *la_write_commands_together(const json_t *scenarios)
{
    size_t i;
    size_t n;
    json_t *scenario;
    json_t *command;
    json_t *reasons = json_object();
    json_array_foreach (scenarios, i, scenario)
        json_array_foreach (json_object_get(scenario, "write_commands"), n, command) {
            const char *name = json_string_value(json_object_get(command, "name"));
            json_t *why = json_object_get(command, "why");
            const char *before = json_string_value(json_object_get(reasons, name));
            if (!before || *before)
                json_object_set(reasons, name, why);
        }
    const char *name;
    json_t *why;
    json_t *missing = json_array();
    json_object_foreach (reasons, name, why)
        if (*json_string_value(why))
            json_array_append_new(missing, json_pack("{s:s, s:O}", "name", name, "why", why));
    size_t known = json_object_size(reasons);
    json_decref(reasons);
    if (known)
        return json_pack("{s:I, s:I, s:o}", "known", (json_int_t)known, "exercised",
                         (json_int_t)(known - json_array_size(missing)), "not", missing);
    json_decref(missing);
    return json_null();
}
