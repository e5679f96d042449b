#include "cli/playbook.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/value.h"
#include "playbook/incident.h"
#include "suite/drill.h"
#include "suite/playbook.h"

enum { OPTION_JSON = 1000, OPTION_INCIDENT, OPTION_CARRY_ON, OPTION_DATA, OPTION_SEED, OPTION_TIME };

enum { TIME_MS = 30 * 60000 };

static error_t parse_playbook(int key, char *value, struct argp_state *state)
{
    struct la_playbook *playbook = state->input;
    switch (key) {
    case 's': playbook->server = la_value_path(value, "--server"); break;
    case 'c': playbook->config = la_value_path(value, "--config"); break;
    case 'o': la_path(playbook->out, "%s", la_value_path(value, "--out")); break;
    case OPTION_DATA: playbook->data = la_value_path(value, "--data"); break;
    case OPTION_SEED: playbook->seed = la_value_seed(state, value); break;
    case OPTION_JSON: playbook->json = la_value_path(value, "--json"); break;
    case OPTION_INCIDENT: playbook->incident = value; break;
    case OPTION_CARRY_ON: playbook->carry_on = true; break;
    case ARGP_KEY_ARG:
        if (playbook->runbook)
            argp_error(state, "one runbook at a time");
        playbook->runbook = la_value_path(value, "the runbook");
        break;
    case ARGP_KEY_END:
        if (!playbook->runbook || !playbook->incident)
            argp_error(state, "name a runbook, a Markdown file, and an incident: --incident NAME");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

int la_cli_playbook(int argc, char **argv)
{
    char about[512] = "what has happened: ";
    const struct argp_option options[] = {
        {"incident", OPTION_INCIDENT, "NAME", 0, about, 0},
        {"server", 's', "PATH", 0,
         "server in place of the one that the unit starts; its redis-cli and check tools are used where they lie "
         "beside it",
         0},
        {"config", 'c', "FILE", 0,
         "redis.conf in place of the one that the unit names; the incident adds its own lines", 0},
        {"data", OPTION_DATA, "DIR", 0, "folder whose copy the server begins with, besides the keys that are counted",
         0},
        {"seed", OPTION_SEED, "N", 0, "what chance has a part in follows from it: where a file is torn or damaged", 0},
        {"carry-on", OPTION_CARRY_ON, NULL, 0, "go on after a step that failed, as whoever is in a hurry does", 0},
        {"json", OPTION_JSON, "FILE", 0, "also write the result there; - is standard output", 0},
        {"out", 'o', "DIR", 0, "where to work; new or empty (default: lastack-DATE-TIME)", 0},
        {0}};
    struct la_playbook playbook = {0};
    struct la_error error;
    struct argp argp = {options, parse_playbook, "RUNBOOK.md", NULL, NULL, NULL, NULL};
    la_incident_names(about + strlen(about), sizeof about - strlen(about));
    argp_parse(&argp, argc, argv, 0, NULL, &playbook);
    if (la_parts_find(&playbook.parts, &error)) {
        fprintf(stderr, "lastack: %s\n", error.text);
        return LA_EXIT_USAGE;
    }
    playbook.made_out = la_value_out(playbook.out);
    return la_sandbox_run(la_playbook_run, &playbook, &playbook.parts, LA_GRACE_REPORT_MS);
}

static error_t parse_drill(int key, char *value, struct argp_state *state)
{
    struct la_drill *drill = state->input;
    switch (key) {
    case 's': drill->server = la_value_path(value, "--server"); break;
    case 'c': drill->config = la_value_path(value, "--config"); break;
    case 'o': la_path(drill->out, "%s", la_value_path(value, "--out")); break;
    case OPTION_DATA: drill->data = la_value_path(value, "--data"); break;
    case OPTION_JSON: drill->json = la_value_path(value, "--json"); break;
    case OPTION_SEED: drill->seed = la_value_seed(state, value); break;
    case OPTION_TIME:
        drill->time_ms = (unsigned int)la_value_duration(state, value, "--time");
        if (!drill->time_ms)
            argp_error(state, "--time: at least 1 ms");
        break;
    case ARGP_KEY_ARG:
        if (drill->incident)
            argp_error(state, "one incident at a time");
        drill->incident = value;
        break;
    case ARGP_KEY_END:
        if (!drill->incident)
            argp_error(state, "name an incident, or " LA_DRILL_ANY);
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* Whatever ends a drill, the terminal is as it was. */
static int hold(struct la_drill *drill)
{
    struct termios before;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    int status = la_sandbox_run(la_drill_run, drill, &drill->parts, LA_GRACE_REPORT_MS);
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    return status;
}

int la_cli_drill(int argc, char **argv)
{
    char about[512] = LA_DRILL_ANY ", or ";
    const struct argp_option options[] = {
        {"seed", OPTION_SEED, "N", 0,
         "what is drawn for 'any', and where a file is torn or damaged, follows from it "
         "(default: chosen, and told at the end)",
         0},
        {"time", OPTION_TIME, "TIME", 0, "that there is: 90s, 15m (default: 30m)", 0},
        {"server", 's', "PATH", 0, "server in place of the one that the unit starts", 0},
        {"config", 'c', "FILE", 0, "redis.conf in place of the one that the unit names", 0},
        {"data", OPTION_DATA, "DIR", 0, "folder whose copy the server begins with, besides the keys that are counted",
         0},
        {"json", OPTION_JSON, "FILE", 0, "also write the result there", 0},
        {"out", 'o', "DIR", 0, "where to work; new or empty (default: lastack-DATE-TIME)", 0},
        {0}};
    struct la_drill drill = {.seed = la_now_ns() % 1000000000, .time_ms = TIME_MS};
    struct la_error error;
    la_incident_names(about + strlen(about), sizeof about - strlen(about));
    struct argp argp = {options, parse_drill, "NAME", about, NULL, NULL, NULL};
    argp_parse(&argp, argc, argv, 0, NULL, &drill);
    if (la_parts_find(&drill.parts, &error)) {
        fprintf(stderr, "lastack: %s\n", error.text);
        return LA_EXIT_USAGE;
    }
    drill.made_out = la_value_out(drill.out);
    return hold(&drill);
}
